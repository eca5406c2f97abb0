import type { ParsedTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Fetched } from '../src/payload-fetch.ts'
import { backOffMs, createPayloadQueue } from '../src/payload-queue.ts'
import { recorded } from './alliance.ts'
import { founded, type Hospital } from './chain-world.ts'
import { manualClock, settled } from './manual-clock.ts'

const test = suite('node/payload-queue')

const { genesis, hospitals } = founded(3, 'test', 'DSS')
const [alpha, beta] = hospitals as [Hospital, Hospital]
const by = (author: Hospital): ParsedTransaction => recorded(genesis, author).transaction

/** A queue whose fetches end when the test says so. */
function setUp() {
  const clock = manualClock()
  const asked: ParsedTransaction[] = []
  const running = new Map<ParsedTransaction, (fetched: Fetched) => void>()
  const unwanted = new Set<ParsedTransaction>()
  const queue = createPayloadQueue({
    clock,
    background: (run) => void run(),
    fetch(transaction) {
      if (unwanted.has(transaction)) return undefined
      asked.push(transaction)
      return new Promise((resolve) => running.set(transaction, resolve))
    }
  })
  return {
    clock,
    queue,
    asked,
    unwanted,
    async end(transaction: ParsedTransaction, kind: 'here' | 'nowhere') {
      running.get(transaction)?.(kind === 'here' ? { kind, payload: new Uint8Array(1) } : { kind })
      await settled()
    }
  }
}

test('what cannot be had is tried again later and later, up to ten minutes', async () => {
  const { clock, queue, asked, end } = setUp()
  const wanted = by(alpha)
  queue.want(wanted)
  const waits: number[] = []
  for (let tries = 1; tries <= 12; tries++) {
    assert.is(asked.length, tries)
    await end(wanted, 'nowhere')
    await clock.pass(backOffMs(tries - 1) - 1)
    assert.is(asked.length, tries, 'not before its time')
    await clock.pass(1)
    waits.push(backOffMs(tries - 1))
  }
  assert.equal(
    waits,
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600].map((seconds) => seconds * 1000)
  )
})

test('a clock that is set back by an hour keeps nothing waiting longer', async () => {
  const { clock, queue, asked, end } = setUp()
  const [early, late] = [by(alpha), by(beta)]
  queue.want(early)
  await end(early, 'nowhere')
  clock.setBack(60 * 60_000)
  queue.want(late)
  await end(late, 'nowhere')
  await clock.pass(backOffMs(0))
  assert.equal(asked, [early, late, early, late])
})

test('one author whose payloads never come keeps no other one waiting', () => {
  const { queue, asked } = setUp()
  for (let count = 0; count < 200; count++) queue.want(by(alpha))
  const other = by(beta)
  queue.want(other)
  assert.ok(asked.includes(other))
  assert.ok(asked.length < 100)
})

test('a payload is asked for once, and not any more when nobody wants it', async () => {
  const { clock, queue, asked, unwanted, end } = setUp()
  const wanted = by(alpha)
  queue.want(wanted)
  queue.want(wanted)
  assert.equal(asked, [wanted])
  await end(wanted, 'nowhere')
  unwanted.add(wanted)
  await clock.pass(2000)
  assert.equal(asked, [wanted])
  assert.is(queue.has(wanted.id), false)
})

test('what has come by another way is forgotten, waiting or not', async () => {
  const { clock, queue, asked, end } = setUp()
  const waiting = by(alpha)
  queue.want(waiting)
  await end(waiting, 'nowhere')
  queue.settle(waiting.id)
  await clock.pass(60_000)
  assert.equal(asked, [waiting])
  const come = by(alpha)
  queue.want(come)
  await end(come, 'here')
  assert.is(queue.has(come.id), false)
})

test('when its author connects, or it becomes final, it is tried at once', async () => {
  const { queue, asked, end } = setUp()
  const wanted = by(alpha)
  queue.want(wanted)
  await end(wanted, 'nowhere')
  queue.connected(beta.member)
  assert.is(asked.length, 1)
  queue.connected(alpha.member)
  assert.is(asked.length, 2)
  await end(wanted, 'nowhere')
  queue.final(wanted.id)
  assert.is(asked.length, 3)
})

test('after the end nothing is asked for', async () => {
  const { clock, queue, asked, end } = setUp()
  const wanted = by(alpha)
  queue.want(wanted)
  await end(wanted, 'nowhere')
  queue.stop()
  await clock.pass(60_000)
  queue.want(by(beta))
  assert.is(asked.length, 1)
})

test.run()
