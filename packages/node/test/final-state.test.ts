import type { KeyValueStore } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createFinalState } from '../src/final-state.ts'

const test = suite('node/final-state')

/** A store of state rows that counts what is read from it. */
function countingStore(rows: Map<string, Uint8Array>) {
  const reads: string[] = []
  const store: Pick<KeyValueStore, 'get'> = {
    get(key) {
      reads.push(key)
      // Every read gives another array, as a database does.
      return rows.get(key)?.slice()
    }
  }
  return { store: store as KeyValueStore, reads }
}

test('a row is read from the store once, and is the same array from then on', () => {
  const { store, reads } = countingStore(new Map([['state/member/a', Uint8Array.of(1)]]))
  const state = createFinalState(store)
  const first = state.get('member/a')
  assert.equal(first, Uint8Array.of(1))
  assert.is(state.get('member/a'), first)
  assert.equal(reads, ['state/member/a'])
})

test('an absent row is looked for once, until a block writes it', () => {
  const rows = new Map<string, Uint8Array>()
  const { store, reads } = countingStore(rows)
  const state = createFinalState(store)
  for (const key of ['member/a', 'seen/1/a']) {
    assert.is(state.get(key), undefined)
    assert.is(state.get(key), undefined)
    rows.set(`state/${key}`, Uint8Array.of(2))
    state.update([{ key, value: Uint8Array.of(2) }])
    assert.equal(state.get(key), Uint8Array.of(2))
  }
  assert.equal(reads, ['state/member/a', 'state/seen/1/a', 'state/seen/1/a'])
})

test('of the absent rows too only some are kept, the newest', () => {
  const { store, reads } = countingStore(new Map())
  const state = createFinalState(store)
  for (let index = 0; index < 6_000; index++) state.get(`member/${index}`)
  state.get('member/5999')
  assert.is(reads.length, 6_000)
  state.get('member/0')
  assert.is(reads.length, 6_001)
})

test('what a block changed or removed is answered, not what was read before', () => {
  const rows = new Map([
    ['state/member/a', Uint8Array.of(1)],
    ['state/host/b', Uint8Array.of(1)]
  ])
  const state = createFinalState(countingStore(rows).store)
  state.get('member/a')
  state.get('host/b')
  rows.set('state/member/a', Uint8Array.of(2))
  rows.delete('state/host/b')
  state.update([
    { key: 'member/a', value: Uint8Array.of(2) },
    { key: 'host/b', value: null },
    { key: 'member/c', value: Uint8Array.of(3) }
  ])
  assert.equal(state.get('member/a'), Uint8Array.of(2))
  assert.is(state.get('host/b'), undefined)
  assert.equal(state.get('member/c'), Uint8Array.of(3))
})

test('while a block is written its rows are as they were, whether they had been read or not', () => {
  const rows = new Map(
    ['known', 'unknown', 'removed', 'large', 'other'].map((name) => [`state/${name}`, Uint8Array.of(1)])
  )
  rows.set('state/large', new Uint8Array(9_000))
  const state = createFinalState(countingStore(rows).store)
  for (const key of ['known', 'new-known']) state.get(key)
  const changes = ['known', 'unknown', 'new', 'new-known', 'removed', 'large', 'seen/1/a'].map((key) => ({
    key,
    value: key === 'removed' ? null : Uint8Array.of(2)
  }))
  const seen = () => [...changes.map(({ key }) => state.get(key)?.[0]), state.get('large')?.length]
  const before = seen()
  assert.equal(before, [1, 1, undefined, undefined, 1, 0, undefined, 9_000])
  const fresh = createFinalState(countingStore(rows).store)
  const [used, others] = [changes.slice(-1), changes.slice(0, -1)]
  fresh.hold(others, used)
  state.hold(others, used)
  for (const { key, value } of changes) {
    if (value === null) rows.delete(`state/${key}`)
    else rows.set(`state/${key}`, value)
  }
  assert.equal(seen(), before)
  assert.equal(fresh.get('new'), undefined)
  assert.equal(fresh.get('unknown'), Uint8Array.of(1))
  fresh.update(changes)
  state.update(changes)
  assert.equal(seen(), [2, 2, 2, 2, undefined, 2, 2, 1])
  assert.equal(
    changes.map(({ key }) => fresh.get(key)?.[0]),
    [2, 2, 2, 2, undefined, 2, 2]
  )
})

test('used ids and large rows are read from the store each time, also after a small row grew', () => {
  const rows = new Map([
    ['state/seen/1/a', Uint8Array.of(1)],
    ['state/member/a', new Uint8Array(9_000)],
    ['state/member/b', new Uint8Array(10)]
  ])
  const { store, reads } = countingStore(rows)
  const state = createFinalState(store)
  for (const key of ['seen/1/a', 'seen/1/a', 'member/a', 'member/a']) assert.ok(state.get(key))
  assert.is(reads.length, 4)
  rows.delete('state/seen/1/a')
  assert.is(state.get('seen/1/a'), undefined)
  state.get('member/b')
  rows.set('state/member/b', new Uint8Array(10_000))
  state.update([{ key: 'member/b', value: new Uint8Array(10_000) }])
  assert.is(state.get('member/b')?.length, 10_000)
})

test('a row as large as the largest grant is kept', () => {
  const { store, reads } = countingStore(new Map([['state/spv/grant/a', new Uint8Array(8_192)]]))
  const state = createFinalState(store)
  assert.is(state.get('spv/grant/a'), state.get('spv/grant/a'))
  assert.is(reads.length, 1)
})

test('the rows that are kept are bounded, and none is lost by it', () => {
  const rows = new Map(
    Array.from({ length: 6_000 }, (_, index) => [`state/member/${index}`, Uint8Array.of(index & 255)])
  )
  const { store, reads } = countingStore(rows)
  const state = createFinalState(store)
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 6_000; index++) assert.equal(state.get(`member/${index}`), Uint8Array.of(index & 255))
  }
  // A round of more rows than are kept finds none of them: first in, first out.
  assert.is(reads.length, 12_000)
  state.get('member/5999')
  assert.is(reads.length, 12_000)
})

test.run()
