import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFile } from '../../../test/shared-folder.ts'
import {
  bytesEqual,
  type CborValue,
  concatBytes,
  decodeCbor,
  encodeCbor,
  fromHex,
  limits,
  toHex
} from '../src/index.ts'

const test = suite('codec/cbor')

/** Every value that canonical CBOR holds, and no text that it does not. */
const { value: cborValue } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.integer(),
    fc.string({ unit: 'grapheme' }).filter(holdable),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(fc.string({ unit: 'binary' }).filter(holdable), tie('value'), { maxKeys: 30 })
  )
}))

function holdable(text: string): boolean {
  return text.isWellFormed() && !text.startsWith('\ufeff')
}

test('every value survives, and its encoding is the only one', () => {
  fc.assert(
    fc.property(cborValue, (value) => {
      const bytes = encodeCbor(value)
      const decoded = decodeCbor(bytes)
      assert.not.equal(decoded, undefined)
      assert.equal(encodeCbor(decoded as CborValue), bytes)
      assert.equal(normal(decoded as CborValue), normal(value))
    }),
    { numRuns: 1000 }
  )
})

/** Plain objects as sorted entries: neither key order nor a null prototype nor -0 tells two equal values apart. */
function normal(value: CborValue): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(normal)
  if (typeof value === 'number') return value + 0
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .map(([key, item]) => [key, normal(item)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

test('garbage is refused or is canonical, and never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const value = decodeCbor(bytes)
      if (value !== undefined) assert.equal(encodeCbor(value), bytes)
    }),
    { numRuns: 20_000 }
  )
})

test('a canonical encoding with a byte changed, added or missing is refused or says something else', () => {
  fc.assert(
    fc.property(cborValue, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, spot, mask) => {
      const bytes = encodeCbor(value)
      const at = spot % bytes.length
      const flipped = bytes.with(at, (bytes[at] as number) ^ mask)
      const decoded = decodeCbor(flipped)
      if (decoded !== undefined) assert.equal(encodeCbor(decoded), flipped)
      assert.is(decodeCbor(concatBytes(bytes, Uint8Array.of(mask))), undefined)
      assert.is(decodeCbor(bytes.slice(0, -1)), undefined)
    }),
    { numRuns: 1000 }
  )
})

test('what is not canonical is refused', () => {
  for (const [hex, why] of [
    ['', 'nothing'],
    ['1800', 'a number longer than needed'],
    ['1b0000000000000001', 'a number much longer than needed'],
    ['5801ff', 'a length longer than needed'],
    ['5f41ff', 'an indefinite byte string, cut short'],
    ['5f41ffff', 'an indefinite byte string'],
    ['9f01ff', 'an indefinite list'],
    ['bf616101ff', 'an indefinite map'],
    ['a2616201616102', 'keys in the wrong order'],
    ['a2626161016162 02'.replace(' ', ''), 'a longer key before a shorter one'],
    ['a2616101616102', 'a key twice'],
    ['a10001', 'a key that is a number'],
    ['a1416101', 'a key that is bytes'],
    ['fb3ff8000000000000', 'a float'],
    ['fb3ff0000000000000', 'a float that is an integer'],
    ['f93c00', 'a half float'],
    ['f97e00', 'not a number'],
    ['d82a450001020304', 'a CID'],
    ['c074323031332d30332d32315432303a30343a30305a', 'a tag'],
    ['f7', 'undefined'],
    ['f0', 'a simple value'],
    ['f818', 'a simple value in two bytes'],
    ['ff', 'a break alone'],
    ['1c', 'a reserved length'],
    ['61ff', 'text that is not UTF-8'],
    ['63eda080', 'a surrogate in UTF-8'],
    ['62c080', 'overlong UTF-8'],
    ['63efbbbf', 'a byte order mark'],
    ['64efbbbf61', 'text after a byte order mark'],
    ['a163efbbbf01', 'a key of a byte order mark'],
    ['1b0020000000000000', '2^53'],
    ['1bffffffffffffffff', '2^64 - 1'],
    ['3b001fffffffffffff', '-2^53'],
    ['3bffffffffffffffff', '-2^64'],
    ['5b7fffffffffffffff', 'a huge byte string'],
    ['7b7fffffffffffffff', 'a huge text'],
    ['9b00ffffffffffffff', 'a huge list'],
    ['bb00ffffffffffffff', 'a huge map'],
    ['9affffffff', 'a large list'],
    ['8301', 'a list cut short'],
    ['0000', 'two items']
  ] as const) {
    assert.is(decodeCbor(fromHex(hex)), undefined, why)
  }
})

test('the ends of what is held are held', () => {
  for (const value of [
    0,
    -1,
    2 ** 53 - 1,
    -(2 ** 53 - 1),
    '',
    new Uint8Array(0),
    [],
    {},
    { '': 1 },
    { __proto__: null, a: 1 }
  ]) {
    const bytes = encodeCbor(value as CborValue)
    assert.ok(decodeCbor(bytes) !== undefined, toHex(bytes))
  }
})

test('a key named __proto__ is a key like any other', () => {
  const bytes = fromHex('a1695f5f70726f746f5f5f01')
  const value = decodeCbor(bytes) as { readonly [key: string]: CborValue }
  assert.equal(Object.keys(value), ['__proto__'])
  assert.is(Object.getPrototypeOf(value), Object.prototype)
})

test('nesting is held up to the limit and refused beyond it, without recursion', () => {
  const nested = (levels: number) => concatBytes(new Uint8Array(levels).fill(0x81), Uint8Array.of(0))
  assert.ok(decodeCbor(nested(limits.cborDepthMax)) !== undefined)
  assert.is(decodeCbor(nested(limits.cborDepthMax + 1)), undefined)
  assert.is(decodeCbor(nested(1_000_000)), undefined)
  const value = (levels: number): CborValue => (levels === 0 ? 0 : [value(levels - 1)])
  assert.ok(encodeCbor(value(limits.cborDepthMax)))
  assert.throws(() => encodeCbor(value(limits.cborDepthMax + 1)), TypeError)
})

test('a value that would not come back is not encoded', () => {
  for (const value of [1.5, 2 ** 53, -(2 ** 53), { a: [0.1] }, '\ufeffname', 'x'.padStart(200, '\ufeff')]) {
    assert.throws(() => encodeCbor(value), TypeError)
  }
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, undefined, new Date(0), new Set([1])]) {
    assert.throws(() => encodeCbor(value as CborValue))
  }
})

test('what is returned is a plain Uint8Array with memory of its own', () => {
  for (const value of ['é'.repeat(100), new Uint8Array(300), { a: 1 }]) {
    const bytes = encodeCbor(value)
    assert.is(bytes.constructor, Uint8Array)
    assert.is(bytes.buffer.byteLength, bytes.length)
  }
})

test('the result shares no memory with the input', () => {
  const bytes = encodeCbor([Uint8Array.of(1, 2, 3), 'abc'])
  const value = decodeCbor(bytes)
  bytes.fill(0)
  assert.equal(value, [Uint8Array.of(1, 2, 3), 'abc'])
})

type Row = { hex: string; why: string; may_accept?: boolean }

test('what RFC 8949 section 4.2.1 makes non-deterministic is refused', () => {
  const file: { vectors: Row[] } | undefined = sharedFile('vectors/cbor/deterministic-invalid.json')
  if (file === undefined) return console.log('skipped: no ../shared')
  for (const { hex, why, may_accept } of file.vectors) {
    const value = decodeCbor(fromHex(hex))
    if (may_accept !== true) assert.is(value, undefined, `${hex}: ${why}`)
  }
})

test("what is not well-formed is refused (cbor-wg, and dag-cbor's and dCBOR's negative fixtures)", () => {
  const bad: { encoded: string; description: string }[] | undefined = sharedFile('vectors/cbor/cbor-wg-bad.json')
  const negative: { hex: string; name: string }[] | undefined = sharedFile('vectors/cbor/dag-cbor-negative.json')
  const dcbor: { hex: string; notes?: string }[] | undefined = sharedFile('vectors/cbor/dcbor-invalid.json')
  if (bad === undefined || negative === undefined || dcbor === undefined) return console.log('skipped: no ../shared')
  for (const { encoded, description } of bad) assert.is(decodeCbor(fromHex(encoded)), undefined, description)
  for (const { hex, name } of negative) assert.is(decodeCbor(fromHex(hex)), undefined, name)
  for (const { hex, notes } of dcbor) {
    const value = decodeCbor(fromHex(hex))
    // dCBOR also wants text in normal form C, which DAG-CBOR does not ask for.
    if (value !== undefined)
      assert.ok(typeof value === 'string' && value !== value.normalize('NFC'), `${hex}: ${notes}`)
  }
})

test('of well-formed items, those that are canonical and in our subset are taken as they are (cbor-wg)', () => {
  const rows: { encoded: string; roundtrip: boolean; description: string }[] | undefined = sharedFile(
    'vectors/cbor/cbor-wg-good.json'
  )
  if (rows === undefined) return console.log('skipped: no ../shared')
  for (const { encoded, roundtrip, description } of rows) {
    const value = decodeCbor(fromHex(encoded))
    if (!roundtrip) assert.is(value, undefined, description)
    else if (value !== undefined) assert.is(toHex(encodeCbor(value)), encoded, description)
  }
})

test('examples of RFC 8949: decoded as the RFC says, or outside the subset', () => {
  const rows: { hex: string; roundtrip: boolean; decoded?: unknown }[] | undefined =
    sharedFile('vectors/cbor/appendix_a.json')
  if (rows === undefined) return console.log('skipped: no ../shared')
  let taken = 0
  for (const { hex, roundtrip, decoded } of rows) {
    const value = decodeCbor(fromHex(hex))
    if (!roundtrip) assert.is(value, undefined, hex)
    if (value === undefined) continue
    taken += 1
    assert.is(toHex(encodeCbor(value)), hex)
    if (decoded !== undefined) assert.equal(value, decoded, hex)
  }
  assert.is(taken, 34)
})

test('DAG-CBOR fixtures without floats, links and large integers survive', () => {
  const rows: { name: string; dag_cbor_hex: string; dag_json: string }[] | undefined = sharedFile(
    'vectors/cbor/dag-cbor-fixtures.json.gz'
  )
  if (rows === undefined) return console.log('skipped: no ../shared')
  const refused = rows.filter(({ dag_cbor_hex }) => {
    const bytes = fromHex(dag_cbor_hex)
    const value = decodeCbor(bytes)
    if (value === undefined) return true
    assert.ok(bytesEqual(encodeCbor(value), bytes))
    return false
  })
  for (const { name } of refused) assert.match(name, /float|cid|int--?\d{16,}|dagpb|link|garbage|cyclic/)
})

test.run()
