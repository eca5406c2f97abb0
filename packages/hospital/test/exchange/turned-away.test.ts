/** What an owner keeps of requests that it answered with nothing but `busy`. */
import type { MemberId } from '@wardline/codec'
import type { Clock } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTurnedAway } from '../../src/exchange/turned-away.ts'
import { keepingLog } from '../hospitals.ts'

const test = suite('hospital/exchange/turned-away')

const beta = 'be'.repeat(32) as MemberId
const gamma = 'ca'.repeat(32) as MemberId

function setUp() {
  const lines: string[] = []
  const timers = new Set<() => void>()
  const clock: Clock = {
    nowMs: () => 0,
    elapsedMs: () => 0,
    after(ms, run) {
      assert.is(ms, 60_000)
      timers.add(run)
      return { cancel: () => void timers.delete(run) }
    }
  }
  const leaving = new AbortController()
  const turnedAway = createTurnedAway({ clock, log: keepingLog(lines), signal: leaving.signal })
  return {
    turnedAway,
    timers,
    leave: () => leaving.abort(),
    minute() {
      const due = [...timers]
      timers.clear()
      for (const run of due) run()
    },
    /** What was warned of since the last call: hospital and count. */
    told: () =>
      lines.splice(0).map((line) => {
        const { member, count } = JSON.parse(line.slice(line.indexOf('{'))) as { member: MemberId; count: number }
        return [member, count]
      })
  }
}

test('one warning for each hospital and minute: the first at once, then how many came meanwhile', () => {
  const { turnedAway, minute, told, timers } = setUp()
  for (let i = 0; i < 5; i++) turnedAway.add(beta)
  turnedAway.add(gamma)
  assert.equal(told(), [
    [beta, 1],
    [gamma, 1]
  ])
  minute()
  assert.equal(told(), [[beta, 4]])
  turnedAway.add(beta)
  turnedAway.add(gamma)
  assert.equal(told(), [[gamma, 1]], 'a minute of Gamma has passed')
  minute()
  assert.equal(told(), [[beta, 1]])
  minute()
  assert.equal([told(), timers.size], [[], 0], 'nothing more to tell')
  assert.is(turnedAway.count(), 8)
})

test('what is not told of is told when the chain is left, and no timer stays', () => {
  const { turnedAway, leave, told, timers } = setUp()
  for (let i = 0; i < 3; i++) turnedAway.add(beta)
  told()
  leave()
  assert.equal([told(), timers.size], [[[beta, 2]], 0])
  turnedAway.add(beta)
  assert.equal([told(), timers.size, turnedAway.count()], [[[beta, 1]], 0, 4])
})

test.run()
