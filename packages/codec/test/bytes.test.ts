import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bytesEqual, concatBytes, fromHex, toHex } from '../src/index.ts'

const test = suite('codec/bytes')

test('hex and back', () => {
  assert.is(toHex(Uint8Array.of(0, 1, 0xab, 0xff)), '0001abff')
  assert.is(toHex(Uint8Array.of(1, 2, 3).subarray(1)), '0203')
  fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.equal(fromHex(toHex(bytes)), bytes)))
})

test('only whole bytes in lower-case hex are taken', () => {
  assert.equal(fromHex(''), new Uint8Array(0))
  for (const hex of ['0', 'AB', '0x00', 'gg', ' 00', '00\n', '00 ', '0g', 'é0'])
    assert.throws(() => fromHex(hex), TypeError)
})

test('what fromHex returns shares no memory with anything', () => {
  const bytes = fromHex('aabb')
  assert.is(bytes.constructor, Uint8Array)
  assert.is(bytes.buffer.byteLength, 2)
})

test('equal means the same length and content', () => {
  assert.ok(bytesEqual(new Uint8Array(0), new Uint8Array(0)))
  assert.ok(bytesEqual(Uint8Array.of(9, 1, 2).subarray(1), Uint8Array.of(1, 2)))
  assert.not(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1)))
  assert.not(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3)))
})

test('concatenation keeps order, and copies', () => {
  const part = Uint8Array.of(1)
  const whole = concatBytes(part, new Uint8Array(0), Uint8Array.of(2, 3))
  assert.equal(whole, Uint8Array.of(1, 2, 3))
  part.fill(9)
  assert.equal(whole, Uint8Array.of(1, 2, 3))
  assert.equal(concatBytes(), new Uint8Array(0))
})

test.run()
