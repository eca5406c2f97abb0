import { createHash } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, HASH_TAGS, lengthPrefixed, nameBytes, sha256, taggedHash, toHex } from '../src/index.ts'

const test = suite('codec/hash')

test('SHA-256 of the examples of FIPS 180-2', () => {
  const ascii = (text: string) => new TextEncoder().encode(text)
  assert.is(toHex(sha256(ascii('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.is(toHex(sha256()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  assert.equal(sha256(ascii('a'), ascii('bc')), sha256(ascii('abc')))
  assert.is(sha256(ascii('abc')).constructor, Uint8Array)
})

test('a tagged hash covers the tag and the parts, in order', () => {
  const expected = createHash('sha256').update('wardline/tx/1').update(Uint8Array.of(1, 2)).digest('hex')
  assert.is(taggedHash('wardline/tx/1', Uint8Array.of(1), Uint8Array.of(2)), expected)
})

test('no tag occurs twice, and none begins another', () => {
  assert.is(new Set(HASH_TAGS).size, HASH_TAGS.length)
  for (const a of HASH_TAGS) for (const b of HASH_TAGS) assert.ok(a === b || !b.startsWith(a), `${a} begins ${b}`)
})

test('a length prefix is eight bytes, big-endian', () => {
  assert.is(toHex(lengthPrefixed(fromHex('aabb'))), '0000000000000002aabb')
  assert.is(toHex(lengthPrefixed(new Uint8Array(0))), '0000000000000000')
  assert.is(toHex(lengthPrefixed(new Uint8Array(258)).slice(0, 9)), '000000000000010200')
})

test('the bytes of a name', () => {
  assert.equal(nameBytes('00ff'.repeat(16)), fromHex('00ff'.repeat(16)))
})

test.run()
