/** Who acknowledges: the daemon, or a person who has looked. Looking says nothing to the chain. */
import { randomBytes } from 'node:crypto'
import type { TransactionId } from '@wardline/codec'
import { judgeClaims, verifyTrace } from '@wardline/custody'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { crafted } from './crafted.ts'
import {
  type Between,
  base64,
  codeOf,
  connected,
  type Daemon,
  found,
  open,
  slowToSay,
  start,
  startAll,
  stopAll,
  until,
  untilState
} from './hospitals.ts'

const test = suite('hospital/acknowledging')

const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'])
let alpha: Daemon
let beta: Daemon
let gamma: Daemon
let delta: Daemon

test.before(async () => {
  ;[alpha, beta, gamma, delta] = (await startAll(founded)) as [Daemon, Daemon, Daemon, Daemon]
})

test.after(async () => {
  await stopAll([alpha, beta, gamma, delta])
  for (const { failures } of founded.places) assert.equal(failures, [])
})

async function restartBeta(acknowledge: NonNullable<Between['acknowledge']>, between: Between = {}): Promise<void> {
  await beta.crash()
  beta = await start(founded, beta.place, { acknowledge, ...between })
  await connected([alpha, beta, gamma, delta])
}

/** How Beta's daemon found what it was sent; undefined where it does not wait. */
async function standing(via: TransactionId) {
  const { pending } = await beta.call('record.pending', {})
  return pending.find(({ transmission }) => transmission === via)
}

async function untilFound(via: TransactionId, outcome: string): Promise<void> {
  await until(`it is found to be ${outcome}`, async () => (await standing(via))?.standing === outcome)
}

test('by hand: what was sent is here and can be read, and nothing is acknowledged before a person says so', async () => {
  await restartBeta('manual')
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('read first') })
  await untilFound(sent.id, 'opened')
  const waiting = await standing(sent.id)
  assert.equal([waiting?.record, waiting?.payloadHere, waiting?.overdue], [sent.record, true, false])
  assert.is(await open(beta, { via: sent.id }), 'read first')
  assert.is(await open(beta, { record: sent.record }), 'read first')
  assert.is(await codeOf(beta.call('record.send', { to: ['Gamma'], via: sent.id, timeoutMs: 300 })), 'timeout')
  assert.is((await alpha.call('record.trace', { record: sent.record })).edges[0]?.state, 'sent')
  // A restart forgets nothing of it.
  await restartBeta('manual')
  await untilFound(sent.id, 'opened')
  assert.is((await alpha.call('record.trace', { record: sent.record })).edges[0]?.state, 'sent')
  const answer = await beta.call('record.ack', { via: sent.id })
  assert.equal([answer.outcome, answer.record, answer.contentKey], ['opened', sent.record, null])
  assert.is(await standing(sent.id), undefined)
  await untilState(alpha, sent, beta, 'opened')
  assert.is(await codeOf(beta.call('record.ack', { via: sent.id })), 'already-acknowledged')
  assert.is((await beta.call('record.send', { to: ['Gamma'], via: sent.id })).state, 'committed')
})

test('a person may refuse what opens; then this hospital does not hold it, nor read it any more', async () => {
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('not wanted') })
  await untilFound(sent.id, 'opened')
  assert.is((await beta.call('record.ack', { via: sent.id, refuse: true })).outcome, 'refused')
  await untilState(alpha, sent, beta, 'refused')
  assert.is(await codeOf(beta.call('record.send', { to: ['Gamma'], via: sent.id })), 'not-a-holder')
  assert.is(await codeOf(beta.call('record.open', { via: sent.id })), 'not-a-holder')
  assert.is(await codeOf(beta.call('record.open', { record: sent.record })), 'not-found')
})

test('what is recalled while it waits is refused without a person', async () => {
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('called back') })
  await untilFound(sent.id, 'opened')
  await alpha.call('record.recall', { record: sent.record })
  await untilState(beta, sent, beta, 'refused')
  assert.is(await standing(sent.id), undefined)
})

test('only a receiver acknowledges, and only a transmission', async () => {
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('for Beta') })
  await untilState(gamma, sent, beta, 'sent')
  assert.is(await codeOf(gamma.call('record.ack', { via: sent.id })), 'not-a-receiver')
  assert.is(await codeOf(beta.call('record.ack', { via: 'ab'.repeat(32) as TransactionId })), 'not-found')
  await untilFound(sent.id, 'opened')
  assert.is(await codeOf(beta.call('record.ack', { via: sent.id, reveal: true })), 'invalid-params')
  assert.is((await beta.call('record.ack', { via: sent.id })).outcome, 'opened')
})

test('with the policy opened, what verifies is acknowledged at once; a mismatch waits, and is proven by its key', async () => {
  await restartBeta('opened')
  const good = await alpha.call('record.send', { to: ['Beta'], content: base64('good') })
  await untilState(alpha, good, beta, 'opened')
  const bad = await crafted(founded, [alpha, beta], { sealed: 'one thing', committed: 'another thing' })
  await untilFound(bad.id, 'mismatch')
  assert.is(await codeOf(beta.call('record.open', { via: bad.id })), 'verification-failed')
  assert.is(await codeOf(beta.call('record.open', { record: bad.record })), 'verification-failed')
  const { outcome, contentKey } = await beta.call('record.ack', { via: bad.id, reveal: true })
  assert.is(outcome, 'mismatch')
  assert.match(contentKey ?? '', /^[0-9a-f]{64}$/)
  // Sender and receiver have the envelope; Gamma sees that it could be checked.
  for (const [daemon, claim] of [
    [alpha, 'proven'],
    [beta, 'proven'],
    [gamma, 'revealed']
  ] as const) {
    await untilState(daemon, bad, beta, 'mismatch')
    const [edge] = (await daemon.call('record.trace', { record: bad.record })).edges
    assert.equal([edge?.mismatch, edge?.contentKey], [claim, contentKey], daemon.place.name)
    const [listed] = (await daemon.call('handoff.list', { state: 'mismatch' })).edges
    assert.is(listed?.mismatch, claim)
  }
  // The key is in what proves the hand-offs offline.
  const { receipt } = await gamma.call('record.receipt', { record: bad.record })
  const verdict = verifyTrace(receipt, founded.genesis)
  assert.ok(verdict.kind === 'verified')
  assert.is(verdict.graph.transmissions[0]?.to[0]?.contentKey, contentKey)
  // With the envelope, which only sender and receivers can give, nobody else need be believed.
  for (const daemon of [alpha, beta]) {
    const { envelope, record, sizeBytes } = await daemon.call('record.envelope', { via: bad.id })
    const bytes = Buffer.from(envelope, 'base64')
    assert.equal([record, sizeBytes], [bad.record, bytes.length])
    assert.equal(
      judgeClaims(verdict.graph, verdict.sends, bytes)?.claims.map((claim) => [claim.transmission, claim.verdict]),
      [[bad.id, 'proven']]
    )
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1
    assert.is(judgeClaims(verdict.graph, verdict.sends, bytes), undefined)
  }
  assert.is(await codeOf(gamma.call('record.envelope', { via: bad.id })), 'not-found')
  assert.is(await codeOf(alpha.call('record.envelope', { via: 'ab'.repeat(32) as TransactionId })), 'not-found')
  await alpha.call('record.recall', { record: bad.record })
  assert.is(await codeOf(alpha.call('record.envelope', { via: bad.id })), 'recalled')
})

test('a mismatch may be claimed without its key; one that no key proves cannot be revealed', async () => {
  const bad = await crafted(founded, [alpha, beta], { sealed: 'one thing', committed: 'another thing' })
  await untilFound(bad.id, 'mismatch')
  assert.is((await beta.call('record.ack', { via: bad.id })).contentKey, null)
  await untilState(alpha, bad, beta, 'mismatch')
  assert.is((await alpha.call('record.trace', { record: bad.record })).edges[0]?.mismatch, 'claimed')
  // Sealed to another key than the transaction says: the envelope shows it, and there is no key to reveal.
  const other = await crafted(founded, [alpha, beta], { sealed: 'hidden', sealTo: randomBytes(32) })
  await untilFound(other.id, 'mismatch')
  assert.is((await beta.call('record.ack', { via: other.id, reveal: true })).contentKey, null)
  await untilState(alpha, other, beta, 'mismatch')
  assert.is((await alpha.call('record.trace', { record: other.record })).edges[0]?.mismatch, 'proven')
})

test('a person who speaks while the block is being written is heard when it is, and the record is no worse for it', async () => {
  let whenHeld: Promise<void> | undefined
  let release = () => {}
  await restartBeta('manual', {
    store(store) {
      const between = slowToSay(store, ({ key, value }) => value !== null && key.startsWith('duties/open/'))
      ;({ whenHeld, release } = between)
      return between.slow
    }
  })
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('being written') })
  await whenHeld
  const answer = beta.call('record.ack', { via: sent.id })
  await Promise.race([answer.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 500))])
  release()
  assert.is((await answer).outcome, 'opened')
  await untilState(alpha, sent, beta, 'opened')
})

test('what could not be had for verifying is not given out when it comes a moment later', async () => {
  let unanswered = Number.POSITIVE_INFINITY
  await alpha.crash()
  alpha = await start(founded, alpha.place, {
    network: (network) => ({
      ...network,
      serve(protocol, handler, bounds) {
        if (!protocol.includes('payload')) return network.serve(protocol, handler, bounds)
        const silent = async function* (request: Uint8Array, from: string) {
          unanswered -= 1
          if (unanswered < 0) yield* handler(request, from)
        }
        return network.serve(protocol, silent, bounds)
      }
    })
  })
  await restartBeta('manual')
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('a moment later') })
  const asked = () =>
    beta.place.log.filter((line) => line.includes(sent.id) && line.includes('cannot be had yet')).length
  // The daemon itself asks again 4 s after the third time.
  await until('it was asked for three times', () => asked() === 3)
  unanswered = 1
  assert.is(await codeOf(beta.call('record.open', { via: sent.id })), 'payload-not-here')
  assert.is(unanswered, 0)
  assert.is(await open(beta, { via: sent.id }), 'a moment later')
})

test('left to itself, the daemon acknowledges everything that waited', async () => {
  await restartBeta('manual')
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('later') })
  await untilFound(sent.id, 'opened')
  await restartBeta('auto')
  await untilState(alpha, sent, beta, 'opened')
  assert.is((await beta.call('record.pending', {})).acknowledge, 'auto')
})

test.run()
