import { encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CborValue, decodeCbor, encodeCbor, limits } from '../src/index.ts'

const test = suite('codec/cbor-encode')

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'é', '\ud83c', '\ufffd', '\u{1f3e5}')
)

const { value: anyValue } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(
      null,
      true,
      false,
      23,
      24,
      255,
      256,
      65535,
      65536,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 53 - 1,
      -(2 ** 53 - 1),
      -0
    ),
    fc.maxSafeInteger(),
    text,
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(
      text.filter((key) => key.isWellFormed()),
      tie('value'),
      { maxKeys: 30 }
    )
  )
}))

test('another implementation writes the same bytes; where a value is refused, its bytes would not be taken back', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const wanted = encode(value)
      if (decodeCbor(wanted) === undefined) assert.throws(() => encodeCbor(value), TypeError)
      else assert.equal(encodeCbor(value), new Uint8Array(wanted))
    }),
    { numRuns: 5_000 }
  )
})

test('what is no canonical value is refused, and the next value is encoded as ever', () => {
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  class Holder {
    readonly a = 1
  }
  for (const value of [
    undefined,
    { a: undefined },
    [undefined],
    1n,
    Symbol('a'),
    () => 1,
    new Date(0),
    new Map([['a', 1]]),
    new Set([1]),
    new Uint16Array(1),
    new ArrayBuffer(1),
    new Holder(),
    cyclic,
    { '\ud83c': 1, '\ufffd': 2 },
    new Array(limits.cborItemsMax).fill(0)
  ]) {
    assert.throws(() => encodeCbor(value as CborValue), TypeError)
    assert.equal(encodeCbor([1, 'a']), Uint8Array.of(0x82, 1, 0x61, 0x61))
  }
})

test('large values have all their bytes', () => {
  const value = [
    new Uint8Array(5000).fill(1),
    'x'.repeat(100_000),
    'é'.repeat(50_000),
    { a: new Uint8Array(300_000).fill(2) }
  ]
  assert.equal(decodeCbor(encodeCbor(value)), value)
  assert.ok(encodeCbor(new Array(limits.cborItemsMax - 1).fill(0)))
})

test.run()
