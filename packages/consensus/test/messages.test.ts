import { limits } from '@wardline/codec'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeHeader, encodeMessage, parseCertificate, parseHeader, parseMessage } from '../src/index.ts'
import { header, messages } from './wire-samples.ts'

const test = suite('consensus/messages')
const encoded = Object.values(messages).map(encodeMessage)

test('every message round-trips', () => {
  for (const [name, message] of Object.entries(messages))
    assert.equal(parseMessage(encodeMessage(message)), message, name)
  assert.equal(parseHeader(encodeHeader(header)), header)
})

test('every shorter and longer message is refused', () => {
  for (const bytes of encoded) {
    for (let size = 0; size < bytes.length; size++) assert.is(parseMessage(bytes.subarray(0, size)), undefined)
    assert.is(parseMessage(Buffer.concat([bytes, Buffer.alloc(1)])), undefined)
  }
})

/** What parses at all must be the only encoding of what it says. */
function checkCanonical(bytes: Uint8Array): void {
  const message = parseMessage(bytes)
  if (message !== undefined && Buffer.compare(encodeMessage(message), bytes) !== 0) throw new Error('two encodings')
}

test('60,000 bit-flipped messages parse canonically or not at all', () => {
  const flip = fc.tuple(fc.nat(encoded.length - 1), fc.nat(), fc.nat(7), fc.nat(), fc.nat(7))
  fc.assert(
    fc.property(flip, ([which, at, bit, otherAt, otherBit]) => {
      const bytes = Uint8Array.from(encoded[which] as Uint8Array)
      bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ (1 << bit)
      bytes[otherAt % bytes.length] = (bytes[otherAt % bytes.length] as number) ^ (1 << otherBit)
      checkCanonical(bytes)
    }),
    { numRuns: 60_000 }
  )
})

test('50,000 random inputs are never an error', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 600 }), (tag, rest) => {
      checkCanonical(Uint8Array.of(tag, ...rest))
      parseHeader(rest)
      parseCertificate(rest)
    }),
    { numRuns: 50_000 }
  )
})

test('counts far beyond the input are refused before anything is allocated', () => {
  const bytes = Buffer.from(encodeMessage(messages['proposal'] as (typeof messages)[string]))
  const leafCountAt = 1 + 257 + 64
  for (const count of [3, limits.blockTransactionsMax, limits.blockTransactionsMax + 1, 0xffffffff]) {
    bytes.writeUInt32BE(count, leafCountAt)
    assert.is(parseMessage(bytes), undefined, `${count} leaves`)
  }
  assert.is(parseMessage(new Uint8Array(limits.gossipMessageBytesMax + 1)), undefined)
})

test('a view above 2^53 - 1, a view 0, and a digest in a nullify vote are malformed', () => {
  const vote = () => Buffer.from(encodeMessage(messages['nullify'] as (typeof messages)[string]))
  const viewAt = 1 + 1 + 8
  const change = (edit: (bytes: Buffer) => void) => {
    const bytes = vote()
    edit(bytes)
    return parseMessage(bytes)
  }
  assert.ok(change(() => undefined))
  assert.is(
    change((bytes) => bytes.writeBigUInt64BE(2n ** 53n, viewAt)),
    undefined
  )
  assert.is(
    change((bytes) => bytes.writeBigUInt64BE(0n, viewAt)),
    undefined
  )
  assert.is(
    change((bytes) => bytes.writeUInt8(1, viewAt + 8)),
    undefined
  )
  assert.is(
    change((bytes) => bytes.writeUInt8(4, 1)),
    undefined
  )
})

test.run()
