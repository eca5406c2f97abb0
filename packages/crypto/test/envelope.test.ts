import { EncapError } from '@hpke/core'
import {
  AssertionError,
  type CborValue,
  type ChainId,
  type ContentKey,
  decodeCbor,
  encodeCbor,
  limits,
  type MemberId,
  name32,
  type RecordId,
  type SealKey,
  sha256,
  toHex
} from '@wardline/codec'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  createOpener,
  type Opener,
  openWithContentKey,
  type SealContext,
  sealEnvelope,
  sealedContentBytesMax
} from '../src/index.ts'
import { random, seededRandom } from './random.ts'

const test = suite('crypto/envelope')

/** A context with `count` receivers, and what opens for each of them. */
function world(count: number, from = random): { context: SealContext; openers: Opener[] } {
  const openers = Array.from({ length: count }, () => createOpener(from(32)))
  const receivers = openers.map(({ publicKey }) => ({ member: name32<MemberId>(from(32)), key: publicKey }))
  const context = {
    chain: name32<ChainId>(from(32)),
    record: name32<RecordId>(from(32)),
    sender: name32<MemberId>(from(32)),
    receivers
  }
  return { context, openers }
}

async function answer(opener: Opener | undefined, context: SealContext, envelope: Uint8Array): Promise<string> {
  const result = await (opener as Opener).open(context, envelope)
  return result.kind === 'opened' ? 'opened' : result.code
}

test('every receiver opens, and finds the same content', async () => {
  for (const [count, size] of [
    [1, 0],
    [2, 1],
    [5, 100_000]
  ] as const) {
    const { context, openers } = world(count)
    const content = random(size)
    const envelope = await sealEnvelope(context, content, random)
    for (const opener of openers) assert.equal(await opener.open(context, envelope), { kind: 'opened', content })
  }
})

test('the content key of any receiver opens the envelope for whoever has both, and no other key or place does', async () => {
  const { context, openers } = world(3)
  const content = random(1_000)
  const envelope = await sealEnvelope(context, content, random)
  const keys = await Promise.all(openers.map((opener) => opener.contentKey(context, envelope)))
  const [key] = keys as [ContentKey]
  assert.equal(keys, [key, key, key])
  assert.equal(openWithContentKey(context, envelope, key), content)
  assert.is(openWithContentKey(context, envelope, name32<ContentKey>(random(32))), undefined)
  assert.is(openWithContentKey({ ...context, record: name32<RecordId>(random(32)) }, envelope, key), undefined)
  assert.is(openWithContentKey({ ...context, receivers: context.receivers.slice(1) }, envelope, key), undefined)
  const altered = Uint8Array.from(envelope)
  altered[altered.length - 1] = (altered.at(-1) as number) ^ 1
  assert.is(openWithContentKey(context, altered, key), undefined)
  assert.is(openWithContentKey(context, random(50), key), undefined)
  // What does not unwrap gives no key away.
  assert.is(await createOpener(random(32)).contentKey(context, envelope), undefined)
  assert.is(
    await (openers[0] as Opener).contentKey({ ...context, chain: name32<ChainId>(random(32)) }, envelope),
    undefined
  )
})

test('an opener keeps working when the caller wipes the secret', async () => {
  const secret = random(32)
  const opener = createOpener(secret)
  secret.fill(0)
  const context = { ...world(1).context, receivers: [{ member: name32<MemberId>(random(32)), key: opener.publicKey }] }
  assert.is(await answer(opener, context, await sealEnvelope(context, random(10), random)), 'opened')
})

test('whoever is not a receiver is told so', async () => {
  const { context } = world(2)
  const envelope = await sealEnvelope(context, random(10), random)
  assert.is(await answer(createOpener(random(32)), context, envelope), 'not-a-receiver')
})

test('two members with one key both open', async () => {
  const { context, openers } = world(1)
  const [receiver] = context.receivers
  const twice = { ...context, receivers: [...context.receivers, { ...receiver, member: name32<MemberId>(random(32)) }] }
  const both = twice as SealContext
  assert.is(await answer(openers[0], both, await sealEnvelope(both, random(10), random)), 'opened')
})

test('an envelope opens in its own context alone', async () => {
  const { context, openers } = world(3)
  const [opener] = openers
  const envelope = await sealEnvelope(context, random(100), random)
  const [first, second, third] = context.receivers as [never, never, never]
  const stranger = world(1).context.receivers[0] as never
  for (const [expected, other] of [
    ['opened', context],
    ['wrong-key', { ...context, chain: name32<ChainId>(random(32)) }],
    ['wrong-key', { ...context, record: name32<RecordId>(random(32)) }],
    ['wrong-key', { ...context, sender: name32<MemberId>(random(32)) }],
    ['altered', { ...context, receivers: [first, third, second] }],
    ['altered', { ...context, receivers: [second, first, third] }],
    ['altered', { ...context, receivers: [first, second] }],
    ['altered', { ...context, receivers: [first] }],
    ['altered', { ...context, receivers: [first, second, third, stranger] }],
    ['altered', { ...context, receivers: [first, second, stranger] }],
    ['not-a-receiver', { ...context, receivers: [second, third] }],
    ['not-a-receiver', { ...context, receivers: [] }]
  ] as const) {
    assert.is(await answer(opener, other, envelope), expected)
  }
})

/** Re-encodes the envelope with some of its fields replaced. */
function rebuilt(envelope: Uint8Array, change: (fields: Record<string, CborValue>) => void): Uint8Array {
  const fields = decodeCbor(envelope) as Record<string, CborValue>
  change(fields)
  return encodeCbor(fields)
}

test('an envelope put together from others does not open', async () => {
  const { context, openers } = world(2)
  const envelope = await sealEnvelope(context, random(50), random)
  const other = decodeCbor(await sealEnvelope(context, random(50), random)) as Record<string, CborValue>
  type Rows = Record<string, CborValue>[]
  const swapped = (fields: Record<string, CborValue>) => {
    const [a, b] = fields['receivers'] as unknown as [Rows[number], Rows[number]]
    return [
      { ...a, encapsulated: b['encapsulated'], wrapped: b['wrapped'] },
      { ...b, encapsulated: a['encapsulated'], wrapped: a['wrapped'] }
    ] as CborValue
  }
  for (const [expected, bytes] of [
    ['opened', envelope],
    ['altered', rebuilt(envelope, (fields) => (fields['content'] = other['content'] as CborValue))],
    ['altered', rebuilt(envelope, (fields) => (fields['nonce'] = other['nonce'] as CborValue))],
    ['altered', rebuilt(envelope, (fields) => (fields['receivers'] = other['receivers'] as CborValue))],
    ['wrong-key', rebuilt(envelope, (fields) => (fields['receivers'] = swapped(fields)))],
    ['altered', rebuilt(envelope, (fields) => (fields['receivers'] = (fields['receivers'] as Rows).toReversed()))],
    ['malformed', rebuilt(envelope, (fields) => (fields['receivers'] = []))],
    ['malformed', rebuilt(envelope, (fields) => (fields['scheme'] = 2))],
    ['malformed', rebuilt(envelope, (fields) => (fields['scheme'] = '1'))],
    ['malformed', rebuilt(envelope, (fields) => (fields['more'] = 1))],
    ['malformed', rebuilt(envelope, (fields) => (fields['content'] = new Uint8Array(15)))],
    ['altered', rebuilt(envelope, (fields) => (fields['content'] = new Uint8Array(16)))],
    ['malformed', rebuilt(envelope, (fields) => (fields['nonce'] = new Uint8Array(16)))],
    ['malformed', new Uint8Array(0)],
    ['malformed', new Uint8Array(limits.payloadBytesMax + 1)]
  ] as const) {
    assert.is(await answer(openers[0], context, bytes), expected)
  }
})

test("a receiver whose own wrap is good is not fooled by a change of another's", async () => {
  const { context, openers } = world(2)
  const envelope = rebuilt(await sealEnvelope(context, random(50), random), (fields) => {
    const rows = fields['receivers'] as Record<string, CborValue>[]
    const row = rows[1] as Record<string, CborValue>
    row['wrapped'] = random(48)
  })
  assert.is(await answer(openers[0], context, envelope), 'altered')
  assert.is(await answer(openers[1], context, envelope), 'wrong-key')
})

test('an encapsulated key of small order is a failure, not an error', async () => {
  const { context, openers } = world(1)
  const envelope = rebuilt(await sealEnvelope(context, random(50), random), (fields) => {
    const [row] = fields['receivers'] as [Record<string, CborValue>]
    row['encapsulated'] = new Uint8Array(32)
  })
  assert.is(await answer(openers[0], context, envelope), 'wrong-key')
})

test('any bit flipped, and any truncation, is a failure with a code', async () => {
  const { context, openers } = world(2)
  const envelope = await sealEnvelope(context, random(40), random)
  const codes = new Set<string>()
  for (let at = 0; at < envelope.length; at++) {
    const bit = 1 << (at % 8)
    codes.add(await answer(openers[at % 2], context, envelope.with(at, (envelope[at] as number) ^ bit)))
    codes.add(await answer(openers[at % 2], context, envelope.slice(0, at)))
  }
  assert.equal([...codes].sort(), ['altered', 'malformed', 'wrong-key'])
  assert.is(await answer(openers[0], context, Uint8Array.of(...envelope, 0)), 'malformed')
})

test('garbage in place of an envelope is a failure with a code', async () => {
  const { context, openers } = world(1)
  const envelope = await sealEnvelope(context, random(40), random)
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(), async (bytes, spot) => {
      assert.is(await answer(openers[0], context, bytes), 'malformed')
      const pasted = new Uint8Array(envelope)
      pasted.set(bytes.subarray(0, envelope.length), spot % Math.max(1, envelope.length - bytes.length))
      const code = await answer(openers[0], context, pasted)
      assert.is(code === 'opened', Buffer.compare(pasted, envelope) === 0)
    }),
    { numRuns: 300 }
  )
})

test('the most content that fits gives an envelope within the limit, and one byte more is refused', async () => {
  for (const count of [1, 3]) {
    const { context, openers } = world(count)
    const most = sealedContentBytesMax(count)
    const envelope = await sealEnvelope(context, new Uint8Array(most), random)
    assert.ok(envelope.length <= limits.payloadBytesMax && envelope.length > limits.payloadBytesMax - 8)
    assert.is(await answer(openers[count - 1], context, envelope), 'opened')
    await rejects(sealEnvelope(context, new Uint8Array(most + 1), random), RangeError)
  }
})

test('the most receivers that fit, and the author with them', async () => {
  const { context, openers } = world(limits.receiversMax + 1)
  const envelope = await sealEnvelope(context, new Uint8Array(sealedContentBytesMax(openers.length)), random)
  assert.ok(envelope.length <= limits.payloadBytesMax && envelope.length > limits.payloadBytesMax - 8)
  assert.is(await answer(openers.at(-1), context, envelope), 'opened')
})

test('no receivers, too many, or one twice is a bug', async () => {
  const { context } = world(1)
  const [receiver] = context.receivers as [never]
  for (const receivers of [[], [receiver, receiver], new Array(limits.receiversMax + 2).fill(receiver)]) {
    await rejects(sealEnvelope({ ...context, receivers }, random(10), random), AssertionError)
  }
})

test('nothing is sealed to a key of small order', async () => {
  const { context } = world(2)
  const key = name32<SealKey>('00'.repeat(32))
  const receivers = [...context.receivers, { member: name32<MemberId>(random(32)), key }]
  await rejects(sealEnvelope({ ...context, receivers }, random(10), random), EncapError)
})

test('the same randomness gives the same envelope, whose format never changes', async () => {
  const sealed = async () => {
    const from = seededRandom()
    const { context } = world(2, from)
    return await sealEnvelope(context, from(100), from)
  }
  const envelope = await sealed()
  assert.equal(await sealed(), envelope)
  assert.is(toHex(sha256(envelope)), 'dfe4f7a490c631377ae9a9fe78783539e96d9db0839b5527510b8746c45758d4')
})

test('what differs only in its randomness differs in every encrypted part', async () => {
  const { context } = world(1)
  const content = new Uint8Array(64)
  const [a, b] = (await Promise.all([1, 2].map(() => sealEnvelope(context, content, random)))).map(
    (envelope) => decodeCbor(envelope) as Record<string, CborValue>
  ) as [Record<string, CborValue>, Record<string, CborValue>]
  for (const field of ['nonce', 'content', 'receivers']) assert.not.equal(a[field], b[field])
})

async function rejects(promise: Promise<unknown>, kind: abstract new (...args: never[]) => Error): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason
  )
  assert.instance(error, kind)
}

test.run()
