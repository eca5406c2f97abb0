import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FILL_MS_MAX, fillMs } from '../src/pace.ts'

const test = suite('node/pace')

test('after an empty block, or one with the transactions of a few clients, the next is built at once', () => {
  for (const count of [0, 1, 2, 4]) assert.is(fillMs(count), 0)
})

test('the time to fill grows with the block before, and is bounded', () => {
  let last = 0
  for (let count = 0; count <= 10_000; count++) {
    const ms = fillMs(count)
    assert.ok(Number.isInteger(ms) && ms >= last && ms <= FILL_MS_MAX)
    last = ms
  }
  assert.is(last, FILL_MS_MAX)
})

test.run()
