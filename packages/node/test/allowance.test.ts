import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAllowance } from '../src/allowance.ts'

const test = suite('node/allowance')

function setUp() {
  const time = { ms: 1_000_000, setBackMs: 0 }
  const clock = { nowMs: () => time.ms - time.setBackMs, elapsedMs: () => time.ms, after: () => ({ cancel() {} }) }
  return { time, allowance: createAllowance({ clock, burst: 10, perSecond: 5 }) }
}

test('a burst, then what time gives, never more than the burst', () => {
  const { time, allowance } = setUp()
  assert.is(allowance.take('a', 4), true)
  assert.is(allowance.take('a', 6), true)
  assert.is(allowance.take('a', 1), false)
  time.ms += 1000
  assert.is(allowance.take('a', 6), false)
  assert.is(allowance.take('a', 5), true)
  time.ms += 3_600_000
  assert.is(allowance.take('a', 11), false)
  assert.is(allowance.take('a', 10), true)
})

test('asking whether there are tokens takes none', () => {
  const { time, allowance } = setUp()
  assert.equal([allowance.has('a', 10), allowance.has('a', 11), allowance.take('a', 10)], [true, false, true])
  assert.is(allowance.has('a', 1), false)
  time.ms += 200
  assert.equal([allowance.has('a', 1), allowance.has('a', 1), allowance.take('a', 1)], [true, true, true])
})

test('one peer uses up nothing of another', () => {
  const { allowance } = setUp()
  assert.is(allowance.take('a', 10), true)
  assert.is(allowance.take('b', 10), true)
})

test('a clock that is set back gives nothing and takes nothing', () => {
  const { time, allowance } = setUp()
  assert.is(allowance.take('a', 10), true)
  time.setBackMs = 500_000
  assert.is(allowance.take('a', 1), false)
  time.ms += 1000
  assert.is(allowance.take('a', 5), true)
})

test('thousands of peers that come and go are forgotten, those that have used something are not', () => {
  const { time, allowance } = setUp()
  for (let peer = 0; peer < 5_000; peer++) {
    allowance.take(`peer ${peer}`, 1)
    time.ms += 10
  }
  assert.is(allowance.take('greedy', 10), true)
  for (let peer = 0; peer < 2_000; peer++) allowance.take(`other ${peer}`, 0)
  assert.is(allowance.take('greedy', 1), false)
})

test.run()
