/** Another implementation as the judge: what is taken is exactly what it decodes and encodes to the same bytes. */
import { decode, encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bytesEqual, type CborValue, concatBytes, decodeCbor, encodeCbor, limits } from '../src/index.ts'

const test = suite('codec/cbor-decode')

/** What `decodeCbor` promises, in terms of the other implementation; undefined for what it must refuse. */
function expected(bytes: Uint8Array): unknown {
  try {
    const value: unknown = decode(bytes)
    return bytesEqual(encode(value), bytes) && isHoldable(value, 0) ? value : undefined
  } catch {
    return undefined
  }
}

function isHoldable(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return typeof value !== 'bigint'
  const items = Object.values(value)
  return (items.length === 0 || depth < limits.cborDepthMax) && items.every((item) => isHoldable(item, depth + 1))
}

function check(bytes: Uint8Array): void {
  const value = decodeCbor(bytes)
  const wanted = expected(bytes)
  if (wanted === undefined) assert.is(value, undefined, Buffer.from(bytes).toString('hex'))
  else assert.equal(value, wanted)
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'a', 'b', 'aa', '\ufeff', 'é', '\u{1f3e5}')
)

const { value: anyValue } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(
      null,
      true,
      false,
      0,
      23,
      24,
      255,
      256,
      65535,
      65536,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 53 - 1,
      -(2 ** 53 - 1)
    ),
    fc.maxSafeInteger(),
    text.filter((sample) => sample.isWellFormed()),
    fc.uint8Array({ maxLength: 30 }),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(
      text.filter((sample) => sample.isWellFormed()),
      tie('value'),
      { maxKeys: 6 }
    )
  )
}))

/** A value as an encoder without discipline would write it: heads of any width, keys in any order, at times twice. */
function encodeLoosely(value: CborValue, choose: () => number): Uint8Array {
  const head = (type: number, argument: number) => {
    const widths = [0, 1, 2, 4, 8].filter((width) => (width === 0 ? argument < 24 : argument < 256 ** width))
    const width = widths[choose() % 4 === 0 ? choose() % widths.length : 0] as number
    if (width === 0) return Uint8Array.of((type << 5) | argument)
    const bytes = Buffer.alloc(9)
    bytes.writeBigUInt64BE(BigInt(argument), 1)
    bytes[8 - width] = (type << 5) | (24 + Math.log2(width))
    return new Uint8Array(bytes.subarray(8 - width))
  }
  if (value === null) return Uint8Array.of(choose() % 16 === 0 ? 0xf7 : 0xf6)
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4)
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return concatBytes(head(3, Buffer.byteLength(value)), Buffer.from(value))
  if (value instanceof Uint8Array) return concatBytes(head(2, value.length), value)
  if (Array.isArray(value))
    return concatBytes(head(4, value.length), ...value.map((item) => encodeLoosely(item, choose)))
  const sorted = Object.entries(value).sort(([a], [b]) => {
    const [x, y] = [Buffer.from(a), Buffer.from(b)]
    return x.length - y.length || Buffer.compare(x, y)
  })
  if (sorted.length > 1 && choose() % 8 === 0) sorted.reverse()
  if (sorted.length > 0 && choose() % 8 === 0) sorted.push(sorted[sorted.length - 1] as [string, CborValue])
  return concatBytes(
    head(5, sorted.length),
    ...sorted.flatMap(([key, item]) => [encodeLoosely(key, choose), encodeLoosely(item, choose)])
  )
}

test('of random bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), check), { numRuns: 20_000 })
})

test('of bytes that are mostly heads', () => {
  const byte = fc.constantFrom(
    0x00,
    0x17,
    0x18,
    0x19,
    0x20,
    0x38,
    0x40,
    0x41,
    0x60,
    0x61,
    0x62,
    0x80,
    0x81,
    0x82,
    0xa0,
    0xa1,
    0xa2,
    0xc0,
    0xd8,
    0xf4,
    0xf6,
    0xf7,
    0xf9,
    0xfb,
    0xff,
    0xef,
    0xbb,
    0xbf,
    0xc3
  )
  fc.assert(
    fc.property(
      fc.array(byte, { maxLength: 14 }).map((bytes) => Uint8Array.from(bytes)),
      check
    ),
    { numRuns: 20_000 }
  )
})

test('of values that were encoded loosely', () => {
  fc.assert(
    fc.property(anyValue, fc.infiniteStream(fc.nat()), (value, choices) => {
      check(encodeLoosely(value, () => choices.next().value as number))
    }),
    { numRuns: 5_000 }
  )
})

test('of canonical encodings with bytes changed, added and taken away', () => {
  const edit = fc.record({
    spot: fc.nat(),
    byte: fc.integer({ min: 0, max: 255 }),
    how: fc.constantFrom('set', 'add', 'cut')
  })
  fc.assert(
    fc.property(anyValue, fc.array(edit, { minLength: 1, maxLength: 3 }), (value, edits) => {
      const bytes = [...encode(value)]
      for (const { spot, byte, how } of edits) {
        bytes.splice(spot % (bytes.length + 1), how === 'add' ? 0 : 1, ...(how === 'cut' ? [] : [byte]))
      }
      check(Uint8Array.from(bytes))
    }),
    { numRuns: 10_000 }
  )
})

test('keys of one length with the same ends are told apart, in any order, and so are those that are not ASCII', () => {
  // `ee` is as long as `é` in UTF-8.
  const maps = ['axb', 'ayb', 'azb', 'ee', 'é', 'a\u{1f3e5}b'].map((key) => ({ [key]: 1 }))
  for (let round = 0; round < 3; round++) {
    for (const map of [...maps, ...maps.toReversed()]) check(encode(map))
  }
})

test('a map of many keys is written in canonical order as one of few is', () => {
  for (const count of [1, 2, 31, 32, 33, 100]) {
    const names = Array.from({ length: count }, (_, i) => 'k'.repeat(1 + ((i * 7) % 5)) + String((i * 37) % 101))
    for (const order of [names, names.toSorted(), names.toReversed()]) {
      const map = Object.fromEntries(order.map((name) => [name, 1]))
      assert.equal(encodeCbor(map), new Uint8Array(encode(map)))
    }
  }
})

test.run()
