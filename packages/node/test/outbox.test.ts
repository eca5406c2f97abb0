import { limits } from '@wardline/codec'
import { decodeBlockBody } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createOutbox, HOLD_MS } from '../src/outbox.ts'
import { founded, type Hospital, registered, START_MS } from './chain-world.ts'

const test = suite('node/outbox')

const { genesis, hospitals } = founded(1)
const [alpha] = hospitals as [Hospital]
const one = registered(genesis, alpha, 'outbox')

/** An outbox with a transport that takes one message whenever `take` is called, and a clock that is set by hand. */
function setUp() {
  const messages: Uint8Array[] = []
  const timers = new Map<() => void, number>()
  let taken: (() => void) | undefined
  const clock = {
    nowMs: () => START_MS,
    elapsedMs: () => 0,
    after(delayMs: number, run: () => void) {
      timers.set(run, delayMs)
      return { cancel: () => void timers.delete(run) }
    }
  }
  const outbox = createOutbox(clock, (batch) => {
    messages.push(batch)
    return new Promise<void>((resolve) => {
      taken = resolve
    })
  })
  return {
    outbox,
    messages,
    timers,
    counts: () => messages.map((message) => decodeBlockBody(message)?.length ?? 0),
    async take() {
      taken?.()
      for (let turn = 0; turn < 4; turn++) await Promise.resolve()
    }
  }
}

test('a lone transaction leaves at once, each time', async () => {
  const it = setUp()
  for (let sent = 1; sent <= 3; sent++) {
    it.outbox.add([one])
    assert.is(it.messages.length, sent, 'within the call')
    assert.is(it.timers.size, 0)
    await it.take()
    it.outbox.release()
  }
  assert.equal(it.counts(), [1, 1, 1])
})

test('until the consensus moves on, what comes after it shares the next message', async () => {
  const it = setUp()
  it.outbox.add([one])
  it.outbox.add([one, one])
  await it.take()
  it.outbox.add([one])
  assert.equal(it.counts(), [1])
  it.outbox.release()
  assert.equal(it.counts(), [1, 3])
  await it.take()
  it.outbox.add([one])
  assert.equal(it.counts(), [1, 3], 'a release lets one message go')
})

test('a release that finds nothing waiting lets the next transaction go at once', async () => {
  const it = setUp()
  it.outbox.add([one])
  it.outbox.release()
  await it.take()
  it.outbox.add([one])
  assert.equal(it.counts(), [1, 1])
})

test('a consensus that does not move holds nothing for longer than the bound', async () => {
  const it = setUp()
  it.outbox.add([one])
  await it.take()
  it.outbox.add([one])
  it.outbox.add([one])
  assert.equal([...it.timers.values()], [HOLD_MS], 'one timer, from the first that waits')
  for (const run of it.timers.keys()) run()
  assert.equal(it.counts(), [1, 2])
  await it.take()
  it.outbox.add([one])
  it.outbox.stop()
  assert.is(it.timers.size, 0)
})

test('what fills a message does not wait', async () => {
  const it = setUp()
  it.outbox.add([one])
  await it.take()
  const perMessage = Math.floor(limits.gossipBatchBytesMax / (one.bytes.length + 4))
  it.outbox.add(Array.from({ length: perMessage + 1 }, () => one))
  await it.take()
  assert.equal(it.counts(), [1, perMessage])
})

test('messages and what waits are bounded', async () => {
  const it = setUp()
  const perMessage = Math.floor(limits.gossipBatchBytesMax / (one.bytes.length + 4))
  const tooMany = Math.ceil(limits.outboxBytesMax / one.bytes.length) + 2 * perMessage
  it.outbox.add(Array.from({ length: tooMany }, () => one))
  for (let last = 0; it.messages.length !== last; ) {
    last = it.messages.length
    await it.take()
  }
  assert.is(Math.max(...it.counts()), perMessage)
  const sent = it.counts().reduce((sum, count) => sum + count, 0)
  assert.is(sent, Math.floor(limits.outboxBytesMax / (one.bytes.length + 4)))
  it.outbox.release()
  it.outbox.add([one])
  assert.is(it.counts().at(-1), 1)
})

test.run()
