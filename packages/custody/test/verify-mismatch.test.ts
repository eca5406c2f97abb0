import { randomBytes } from 'node:crypto'
import {
  type ChainId,
  type ContentKey,
  height,
  type MemberId,
  name32,
  type RecordId,
  type SealKey,
  type TransactionId
} from '@wardline/codec'
import {
  type Content,
  commitContent,
  createOpener,
  createSigner,
  encodeContent,
  type SealReceiver,
  sealEnvelope
} from '@wardline/crypto'
import {
  buildTransaction,
  envelopeCommitment,
  memberIdOf,
  type ParsedTransaction,
  parseTransaction
} from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CustodyGraph, judgeClaim, judgeClaims, sealContextOf, verifyMismatch } from '../src/index.ts'

const test = suite('custody/verify-mismatch')

type Send = ParsedTransaction<'stt.send'>

const chain = name32<ChainId>(randomBytes(32))
const sender = createSigner(randomBytes(32))
const author = memberIdOf(sender.publicKey)
const receiver = name32<MemberId>(randomBytes(32))
const opener = createOpener(randomBytes(32))
const own = createOpener(randomBytes(32))

const contentOf = (text: string): Content => ({
  salt: new Uint8Array(32).fill(7),
  descriptor: new Uint8Array([0xa0]),
  bytes: new TextEncoder().encode(text)
})

type Terms = {
  /** What goes into the envelope; not even a content, if it is bytes. */
  readonly sealed: string | Uint8Array
  readonly committed?: string
  /** To whom the envelope is sealed instead. */
  readonly receivers?: readonly SealReceiver[]
}

/** A transmission from the sender to the receiver, its envelope, and the content key that the receiver finds. */
async function sent({ sealed, committed, receivers }: Terms) {
  const recordId = name32<RecordId>(randomBytes(32))
  const right = [
    { member: receiver, key: opener.publicKey },
    { member: author, key: own.publicKey }
  ]
  const context = { chain, record: recordId, sender: author, receivers: receivers ?? right }
  const plain = typeof sealed === 'string' ? encodeContent(contentOf(sealed)) : sealed
  const envelope = await sealEnvelope(context, plain, (size) => randomBytes(size))
  const bytes = buildTransaction(
    {
      chain,
      kind: 'stt.send',
      author: { member: author, keyIndex: 0 },
      nonce: randomBytes(16),
      created: 1,
      expires: 2,
      body: {
        recordId,
        content: commitContent(contentOf(committed ?? String(sealed))),
        to: [{ member: receiver, sealingKey: opener.publicKey }],
        via: null,
        purpose: 'treatment',
        subject: null
      },
      payload: { commitment: envelopeCommitment(envelope), size: envelope.length }
    },
    sender
  )
  const parsed = parseTransaction(bytes, chain)
  if (parsed.kind !== 'ok' || parsed.transaction.kind !== 'stt.send') throw new Error('a send')
  const send: Send = parsed.transaction
  const named = sealContextOf(send, envelope)
  return { send, envelope, key: named && (await opener.contentKey(named, envelope)) }
}

const anotherKey = name32<ContentKey>(randomBytes(32))

test('who sealed something else than it committed to is convicted by the key that a receiver reveals', async () => {
  for (const sealed of ['one thing', randomBytes(40)]) {
    const { send, envelope, key } = await sent({ sealed, committed: 'another thing' })
    assert.ok(key !== undefined)
    assert.is(verifyMismatch(send, envelope, key), 'proven')
    assert.is(verifyMismatch(send, envelope, undefined), 'unproven')
  }
})

test('who is accused of what it did not do is cleared by that key, and not convicted by any other', async () => {
  const { send, envelope, key } = await sent({ sealed: 'what was committed' })
  assert.is(verifyMismatch(send, envelope, key), 'refuted')
  assert.is(verifyMismatch(send, envelope, anotherKey), 'unproven')
  assert.is(verifyMismatch(send, envelope, undefined), 'unproven')
})

test('a claim without a key stays one, unless the envelope alone proves it', async () => {
  const right = await sent({ sealed: 'right' })
  const wrong = await sent({ sealed: 'one thing', committed: 'another thing' })
  const others = await sent({ sealed: 'hidden', receivers: [{ member: receiver, key: opener.publicKey }] })
  for (const [{ send, envelope, key }, without, withKey] of [
    [right, 'claimed', 'refuted'],
    [wrong, 'claimed', 'proven'],
    [others, 'proven', 'proven']
  ] as const) {
    assert.is(judgeClaim(send, envelope, undefined), without)
    assert.is(judgeClaim(send, envelope, key), withKey)
    assert.is(judgeClaim(send, envelope.subarray(1), key), undefined)
  }
  assert.is(judgeClaim(right.send, right.envelope, anotherKey), 'unproven')
})

test('of an envelope that was sent twice every claim is judged, and of another one none', async () => {
  const { send, envelope } = await sent({ sealed: 'right' })
  const other = await sent({ sealed: 'something else' })
  const third = name32<MemberId>(randomBytes(32))
  // The receiver passes the envelope on as it is, though it is not sealed to the third.
  const again = forwarded(send, third)
  const graph: CustodyGraph = {
    ...{ recordId: send.body.recordId, origin: author, complete: false },
    transmissions: [
      transmissionOf(send, [{ member: receiver, state: 'opened', ack: null }]),
      transmissionOf(again, [{ member: third, state: 'mismatch', ack: null }]),
      transmissionOf(other.send, [{ member: receiver, state: 'mismatch', ack: null }])
    ]
  }
  const sends = [send, again, other.send]
  assert.equal(judgeClaims(graph, sends, envelope), {
    transmissions: [send.id, again.id],
    claims: [{ transmission: again.id, sender: receiver, receiver: third, verdict: 'proven' }]
  })
  assert.equal(
    judgeClaims(graph, sends, other.envelope)?.claims.map(({ verdict }) => verdict),
    ['claimed']
  )
  assert.is(judgeClaims(graph, [other.send], envelope), undefined)
})

function forwarded(send: Send, to: MemberId): Send {
  const body = { ...send.body, to: [{ member: to, sealingKey: own.publicKey }], via: send.id }
  return { ...send, id: name32<TransactionId>(randomBytes(32)), author: { member: receiver, keyIndex: 0 }, body }
}

type Sent = CustodyGraph['transmissions'][number]

function transmissionOf({ id, author: { member: from }, body }: Send, to: Sent['to']): Sent {
  const { via, purpose, content } = body
  return { id, via, sender: from, purpose, consent: null, content, timeMs: 0, height: height(1), place: 0, to }
}

test('an envelope that is sealed to others than the transaction says needs no key to convict', async () => {
  const key = createOpener(randomBytes(32)).publicKey
  const rows: readonly (readonly SealReceiver[])[] = [
    [
      { member: receiver, key },
      { member: author, key: own.publicKey }
    ],
    [{ member: receiver, key: opener.publicKey }],
    [
      { member: receiver, key: opener.publicKey },
      { member: name32<MemberId>(randomBytes(32)), key: own.publicKey }
    ]
  ]
  for (const receivers of rows) {
    const { send, envelope } = await sent({ sealed: 'hidden', receivers })
    assert.is(verifyMismatch(send, envelope, undefined), 'proven')
  }
})

test('the sender’s own copy may be sealed to any key of its own: that convicts nobody', async () => {
  const later = createOpener(randomBytes(32)).publicKey
  const receivers = [
    { member: receiver, key: opener.publicKey },
    { member: author, key: later as SealKey }
  ]
  const { send, envelope, key } = await sent({ sealed: 'right', receivers })
  assert.is(verifyMismatch(send, envelope, key), 'refuted')
})

test('other bytes than the transmission’s envelope say nothing', async () => {
  const one = await sent({ sealed: 'one', committed: 'two' })
  const other = await sent({ sealed: 'one', committed: 'two' })
  assert.is(verifyMismatch(one.send, other.envelope, one.key), 'other-envelope')
})

test.run()
