import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { epoch, height, isHex32, name32, view } from '../src/index.ts'

const test = suite('codec/ids')

test('a name is 32 bytes, or their lower-case hex', () => {
  const hex = '0a'.repeat(32)
  assert.is(name32(hex), hex)
  assert.is(name32(new Uint8Array(32).fill(10)), hex)
  for (const wrong of ['', hex.slice(1), `${hex}0`, `${hex}\n`, hex.toUpperCase(), 'g'.repeat(64)]) {
    assert.throws(() => name32(wrong), TypeError)
    assert.not(isHex32(wrong))
  }
  for (const size of [0, 31, 33, 64]) assert.throws(() => name32(new Uint8Array(size)), TypeError)
  for (const wrong of [undefined, null, 1, [hex]]) assert.not(isHex32(wrong))
})

test('heights, epochs and views are integers from 0 to 2^53 - 1', () => {
  for (const make of [height, epoch, view]) {
    for (const value of [0, 1, 2 ** 53 - 1]) assert.is(make(value), value)
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => make(value), RangeError)
  }
})

test.run()
