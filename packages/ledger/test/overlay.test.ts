import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createOverlay, emptyState, layered } from '../src/index.ts'

const test = suite('ledger/overlay')
const one = Uint8Array.of(1)
const two = Uint8Array.of(2)

test('an overlay hides what it removes and leaves its base alone', () => {
  const base = createOverlay(emptyState)
  base.set('a', one)
  const overlay = createOverlay(base)
  overlay.set('a', null)
  overlay.set('b', two)
  assert.is(overlay.get('a'), undefined)
  assert.is(overlay.get('b'), two)
  assert.is(base.get('a'), one)
  assert.is(base.get('b'), undefined)
})

test('changes are sorted by key, each key once with its last value', () => {
  const overlay = createOverlay(emptyState)
  for (const key of ['b', 'a/2', 'a', 'a/10', 'b']) overlay.set(key, one)
  overlay.set('a', null)
  assert.equal(overlay.changes(), [
    { key: 'a', value: null },
    { key: 'a/10', value: one },
    { key: 'a/2', value: one },
    { key: 'b', value: one }
  ])
})

test('a later layer lies over an earlier one', () => {
  const state = layered(emptyState, [
    [{ key: 'a', value: one }],
    [{ key: 'a', value: null }],
    [{ key: 'b', value: two }]
  ])
  assert.is(state.get('a'), undefined)
  assert.is(state.get('b'), two)
  assert.is(layered(emptyState, []), emptyState)
})

test.run()
