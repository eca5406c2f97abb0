import { limits } from '@wardline/codec'
import { decodeBlockBody } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createOutbox } from '../src/outbox.ts'
import { founded, type Hospital, registered } from './chain-world.ts'

const test = suite('node/outbox')

const { genesis, hospitals } = founded(1)
const [alpha] = hospitals as [Hospital]
const one = registered(genesis, alpha, 'outbox')

/** An outbox whose transport takes one message whenever `take` is called. */
function setUp() {
  const messages: Uint8Array[] = []
  let taken: (() => void) | undefined
  const outbox = createOutbox((batch) => {
    messages.push(batch)
    return new Promise((resolve) => {
      taken = resolve
    })
  })
  return {
    outbox,
    messages,
    async take() {
      taken?.()
      await Promise.resolve()
      await Promise.resolve()
    }
  }
}

test('a lone transaction leaves at once, and what comes meanwhile shares the next message', async () => {
  const it = setUp()
  it.outbox([one])
  it.outbox([one, one])
  it.outbox([one])
  assert.is(it.messages.length, 1)
  await it.take()
  assert.equal(
    it.messages.map((message) => decodeBlockBody(message)?.length),
    [1, 3]
  )
})

test('messages and what waits are bounded', async () => {
  const it = setUp()
  const perMessage = Math.floor(limits.gossipBatchBytesMax / (one.bytes.length + 4))
  const tooMany = Math.ceil(limits.outboxBytesMax / one.bytes.length) + 2 * perMessage
  it.outbox(Array.from({ length: tooMany }, () => one))
  for (let last = 0; it.messages.length !== last; ) {
    last = it.messages.length
    await it.take()
  }
  const counts = it.messages.map((message) => decodeBlockBody(message)?.length ?? 0)
  assert.is(Math.max(...counts), perMessage)
  const sent = counts.reduce((sum, count) => sum + count, 0)
  assert.is(sent, Math.floor(limits.outboxBytesMax / (one.bytes.length + 4)))
  it.outbox([one])
  assert.is(it.messages.length, counts.length + 1)
})

test.run()
