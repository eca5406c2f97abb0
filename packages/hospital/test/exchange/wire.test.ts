import { randomBytes } from 'node:crypto'
import { type ChainId, encodeCbor, limits, type MemberId, name32, type RecordId, type RequestId } from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import { signRequest } from '@wardline/ledger'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PACKED_BYTES_MAX, packContent, unpackContent } from '../../src/exchange/kept-records.ts'
import {
  CHUNK_BYTES,
  encodeAsk,
  encodeChunk,
  encodeEntry,
  encodeFetch,
  encodeRefused,
  FRAME_BYTES_MAX,
  parseAnswered,
  parseAsked,
  REQUEST_BYTES_MAX
} from '../../src/exchange/wire.ts'

const test = suite('hospital/exchange/wire')

const name = <T extends string>() => name32<never>(randomBytes(32)) as unknown as T

function signed(records: number) {
  const signer = createSigner(randomBytes(32))
  return signRequest(
    {
      ...{ chain: name<ChainId>(), owner: name<MemberId>(), alias: name<never>(), purpose: 'public-health' },
      records: Array.from({ length: records }, () => name<RecordId>()).sort(),
      ...{
        nonce: new Uint8Array(randomBytes(16)),
        minHeight: Number.MAX_SAFE_INTEGER,
        notAfter: Number.MAX_SAFE_INTEGER
      },
      accessor: { member: name<MemberId>(), keyIndex: limits.memberKeysMax - 1, key: signer.publicKey }
    },
    signer
  )
}

test('what is said is what is heard', () => {
  const ask = signed(limits.accessRecordsMax)
  const frame = encodeAsk(ask)
  assert.ok(frame.length <= REQUEST_BYTES_MAX, String(frame.length))
  assert.equal(parseAsked(frame), { kind: 'ask', signed: ask })
  const fetch = { request: name<RequestId>(), record: name<RecordId>(), offset: PACKED_BYTES_MAX }
  assert.equal(parseAsked(encodeFetch(fetch)), { kind: 'fetch', ...fetch })
  const entry = new Uint8Array(randomBytes(limits.transactionBytesMax))
  assert.equal(parseAnswered(encodeEntry(entry)), { kind: 'entry', bytes: entry })
  assert.equal(parseAnswered(encodeRefused('no-grant')), { kind: 'refused', code: 'no-grant' })
  const chunk = { offset: 0, total: PACKED_BYTES_MAX, sealed: new Uint8Array(CHUNK_BYTES + 1024) }
  assert.equal(parseAnswered(encodeChunk(chunk)), { kind: 'chunk', ...chunk })
  for (const frame of [encodeEntry(entry), encodeChunk(chunk)]) assert.ok(frame.length <= FRAME_BYTES_MAX)
})

test('nothing else is heard, and nothing throws', () => {
  const asked = encodeAsk(signed(3))
  const answered = encodeChunk({ offset: 1, total: 10, sealed: randomBytes(50) })
  for (const [parse, frame] of [
    [parseAsked, asked],
    [parseAnswered, answered]
  ] as const) {
    for (let at = 0; at < frame.length; at++) {
      assert.is(parse(frame.subarray(0, at)), undefined, `cut at ${at}`)
      const altered = Uint8Array.from(frame)
      altered[at] = (altered[at] as number) ^ 0x80
      parse(altered)
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.is(parseAsked(bytes), undefined)
      assert.is(parseAnswered(bytes), undefined)
    }),
    { numRuns: 2_000 }
  )
  for (const value of [
    { refused: 'Not a code' },
    { refused: '' },
    { entry: new Uint8Array(0) },
    { ask: 1 },
    {},
    [],
    null
  ]) {
    assert.is(parseAnswered(encodeCbor(value)), undefined)
    assert.is(parseAsked(encodeCbor(value)), undefined)
  }
  const beyond = { request: randomBytes(32), record: randomBytes(32), offset: PACKED_BYTES_MAX + 1 }
  assert.is(parseAsked(encodeCbor({ fetch: beyond })), undefined)
})

test('a refusal is one of the protocol’s codes, and none of them can be taken for an outcome of another kind', () => {
  const say = (code: string) => parseAnswered(encodeCbor({ refused: code }))
  for (const code of ['no-grant', 'not-in-scope', 'stale', 'busy', 'key-revoked', 'entry-refused']) {
    assert.equal(say(code), { kind: 'refused', code })
  }
  for (const code of [
    ...['ok', 'accepted', 'committed', 'expired', 'refused', 'released', 'broken-off'],
    ...['permit', 'covered', 'denied', 'violation', 'late'],
    ...[
      'internal-error',
      'not-permitted',
      'invalid-params',
      'timeout',
      'not-found',
      'bad-answer',
      'verification-failed'
    ],
    ...['constructor', 'of-a-later-version', 'ada-lovelace-has-hiv']
  ]) {
    assert.equal(say(code), { kind: 'refused', code: 'unavailable' }, code)
  }
  for (const code of ['toString', 'Ada', '', 'a b']) assert.is(say(code), undefined, code)
})

test('a record is packed with all that belongs to it', () => {
  const anyContent = fc
    .tuple(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ maxLength: 100 }),
      fc.uint8Array({ maxLength: 300 })
    )
    .map(([salt, descriptor, bytes]) => ({ salt, descriptor, bytes }))
  fc.assert(
    fc.property(anyContent, (content) => {
      const packed = packContent(content)
      assert.equal(unpackContent(packed), content)
      for (let at = 0; at < 36 + content.descriptor.length; at++)
        assert.is(unpackContent(packed.subarray(0, at)), undefined)
    }),
    { numRuns: 200 }
  )
  assert.is(unpackContent(new Uint8Array(PACKED_BYTES_MAX + 1)), undefined)
})

test.run()
