import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  arrayOf,
  bool,
  bytes32,
  bytesOf,
  type CborValue,
  decodeCbor,
  encodeCbor,
  integerFrom,
  type MemberId,
  mapOf,
  nullable,
  oneOf,
  optional,
  type Read,
  type Reader,
  text,
  uint
} from '../src/index.ts'

const test = suite('codec/fields')

/** Each of `yes` reads as itself, each of `no` reads as undefined. */
function check<T>(read: Reader<T>, yes: readonly CborValue[], no: readonly (CborValue | undefined)[]): void {
  for (const value of yes) assert.equal(read(value), value)
  for (const value of [...no, undefined]) assert.is(read(value), undefined)
}

test('each reader takes its shape and no other', () => {
  check(uint, [0, 2 ** 53 - 1], [-1, 2 ** 53, 1.5, '1', null, true, []])
  check(integerFrom(-2, 2), [-2, 0, 2], [-3, 3, 0.5, '0', null])
  check(bool, [true, false], [0, 1, null, 'true'])
  check(text(4), ['a', 'éé', 'abcd'], ['', 'abcde', 'ééé', '€€', 1, null, new Uint8Array(1)])
  check(text(4, 0), ['', 'a'], ['abcde'])
  check(bytesOf(2), [new Uint8Array(2)], [new Uint8Array(1), new Uint8Array(3), 'ab', [1, 2], {}])
  check(bytesOf(0, 2), [new Uint8Array(0), new Uint8Array(2)], [new Uint8Array(3), ''])
  check(oneOf('a', 'b'), ['a', 'b'], ['c', 0, null, []])
  check(oneOf(1), [1], [2, '1', true])
  check(nullable(uint), [null, 0], [-1, false])
  check(arrayOf(uint, 1, 3), [[0], [1, 2, 3]], [[], [1, 2, 3, 4], [-1], [1, 'a'], {}, 'ab', new Uint8Array(2)])
  check(arrayOf(nullable(bool), 0, 2), [[], [null, false]], [[0]])
})

test('32 bytes read as their name in lower-case hex', () => {
  const read: MemberId | undefined = bytes32<MemberId>(new Uint8Array(32).fill(0xab))
  assert.is(read, 'ab'.repeat(32))
  for (const value of [new Uint8Array(31), new Uint8Array(33), 'ab'.repeat(32), null, undefined]) {
    assert.is(bytes32(value), undefined)
  }
})

const readSend = mapOf({
  member: bytes32<MemberId>,
  sizes: arrayOf(uint, 1, 2),
  permitted: bool,
  note: optional(text(8)),
  end: nullable(uint)
})
type Send = Read<typeof readSend>

const send = { member: new Uint8Array(32), sizes: [1], permitted: false, end: null }

test('a map reads when it has exactly the keys of the shape', () => {
  const expected: Send = { member: '00'.repeat(32) as MemberId, sizes: [1], permitted: false, end: null }
  assert.equal(readSend(send), expected)
  assert.equal(readSend({ ...send, note: 'x' }), { ...expected, note: 'x' })
  assert.equal(readSend(decodeCbor(encodeCbor(send))), expected)
  assert.not('note' in (readSend(send) as object))
})

test('a map with a key missing, added or of another shape does not read', () => {
  const { end: _end, ...short } = send
  const wrong: (CborValue | undefined)[] = [
    short,
    {},
    { ...send, more: 1 },
    { ...send, '': 1 },
    { ...send, note: '' },
    { ...send, note: null },
    { ...send, sizes: [] },
    { ...send, permitted: 0 },
    [],
    [send],
    new Uint8Array(3),
    'member',
    null,
    1,
    undefined
  ]
  for (const value of wrong) assert.is(readSend(value), undefined)
})

test('what a map inherits is not one of its fields', () => {
  const read = mapOf({ constructor: optional(uint), toString: optional(text(4)) })
  assert.equal(read({}), {})
  const proto = JSON.parse('{"__proto__": {"a": 1}}') as CborValue
  assert.is(mapOf({ a: uint })(proto), undefined)
  assert.is(mapOf({})(proto), undefined)
})

test('a field that its reader answers false or null for is present', () => {
  const read = mapOf({ a: bool, b: nullable(uint), c: uint })
  assert.equal(read({ a: false, b: null, c: 0 }), { a: false, b: null, c: 0 })
})

test.run()
