import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createSortedKeys } from '../src/index.ts'

const test = suite('store-memory/sorted-keys')

/** A small deterministic generator for the rows of this test. */
function draws(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) % bound
  }
}

test('agrees with a sorted array, whatever is added and deleted', () => {
  for (const [seed, range, count] of [
    [1, 30, 500],
    [2, 100_000, 5000],
    [3, 3000, 20_000]
  ] as const) {
    const below = draws(seed)
    const keys = createSortedKeys()
    const model = new Set<string>()
    for (let i = 0; i < count; i++) {
      const key = String(below(range))
      if (below(3) === 0) {
        keys.delete(key)
        model.delete(key)
      } else {
        keys.add(key)
        model.add(key)
      }
      assert.is(keys.has(key), model.has(key))
    }
    assert.is(keys.size(), model.size)
    const sorted = [...model].sort()
    for (let i = 0; i < 200; i++) {
      const [from, to, limit] = [String(below(range)), String(below(range)), below(50)]
      const inside = sorted.filter((key) => key >= from && key < to)
      assert.equal(keys.slice(from, to, limit, false), inside.slice(0, limit))
      assert.equal(keys.slice(from, to, limit, true), inside.toReversed().slice(0, limit))
    }
    assert.equal(keys.slice('', '~', Number.POSITIVE_INFINITY, false), sorted)
  }
})

test('is empty at first and again', () => {
  const keys = createSortedKeys()
  assert.equal(keys.slice('', '~', 10, false), [])
  assert.equal(keys.slice('', '~', 10, true), [])
  keys.delete('a')
  keys.add('a')
  keys.delete('a')
  assert.is(keys.size(), 0)
  assert.equal(keys.slice('', '~', 10, true), [])
})

test.run()
