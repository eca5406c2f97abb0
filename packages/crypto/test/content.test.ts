import { createHash } from 'node:crypto'
import { AssertionError, encodeCbor, limits, toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commitContent, decodeContent, encodeContent } from '../src/index.ts'
import { random } from './random.ts'

const test = suite('crypto/content')

const content = () => ({ salt: random(32), descriptor: encodeCbor({ type: 'text/plain' }), bytes: random(100) })

test('the commitment is the hash of tag, salt, descriptor with its length, and bytes', () => {
  const { salt, descriptor, bytes } = content()
  const length = Buffer.alloc(8)
  length.writeUInt32BE(descriptor.length, 4)
  const hash = createHash('sha256').update('wardline/content/1').update(salt).update(length).update(descriptor)
  assert.is(commitContent({ salt, descriptor, bytes }), hash.update(bytes).digest('hex'))
})

test('the commitment of a fixed content never changes', () => {
  const fixed = { salt: new Uint8Array(32).fill(1), descriptor: Uint8Array.of(0xa0), bytes: Uint8Array.of(1, 2, 3) }
  assert.is(commitContent(fixed), '1aa82eb2614425d428ced458f356cc0b4439db0a95a6e28c499075dde4f79a43')
})

test('a byte moved between descriptor and bytes is another commitment', () => {
  const { salt } = content()
  const a = commitContent({ salt, descriptor: Uint8Array.of(1, 2), bytes: Uint8Array.of(3) })
  const b = commitContent({ salt, descriptor: Uint8Array.of(1), bytes: Uint8Array.of(2, 3) })
  assert.is.not(a, b)
  assert.is.not(a, commitContent({ salt: random(32), descriptor: Uint8Array.of(1, 2), bytes: Uint8Array.of(3) }))
})

test('content survives its encoding, empty too', () => {
  for (const value of [content(), { ...content(), bytes: new Uint8Array(0), descriptor: new Uint8Array(0) }]) {
    assert.equal(decodeContent(encodeContent(value)), value)
  }
})

test('only what encodeContent writes is decoded', () => {
  const { salt, descriptor, bytes } = content()
  for (const wrong of [
    { salt, descriptor },
    { salt, descriptor, bytes, more: 1 },
    { salt: salt.slice(1), descriptor, bytes },
    { salt, descriptor: 'text', bytes },
    { salt, descriptor, bytes: toHex(bytes) },
    [salt, descriptor, bytes]
  ]) {
    assert.is(decodeContent(encodeCbor(wrong)), undefined)
  }
  assert.is(decodeContent(new Uint8Array(0)), undefined)
  assert.is(
    decodeContent(encodeContent({ salt, descriptor, bytes: new Uint8Array(limits.payloadBytesMax) })),
    undefined
  )
})

test('a salt of another length is a bug', () => {
  for (const use of [commitContent, encodeContent]) {
    assert.throws(
      () => use({ ...content(), salt: random(31) }),
      (error: Error) => error instanceof AssertionError
    )
  }
})

test.run()
