import { toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AT_REST_OVERHEAD_BYTES, openAtRest, sealAtRest } from '../src/index.ts'

const test = suite('crypto/at-rest')

const key = new Uint8Array(32).fill(7)
const random = (size: number) => new Uint8Array(size).fill(3)

for (const size of [0, 1, 31, 4096]) {
  test(`${size} bytes open again under their name and key, and are nowhere to be seen`, () => {
    const plain = new Uint8Array(size).fill(65)
    const sealed = sealAtRest(key, 'records/a', plain, random)
    assert.is(sealed.length, size + AT_REST_OVERHEAD_BYTES)
    assert.equal(openAtRest(key, 'records/a', sealed), plain)
    if (size > 1) assert.not.ok(Buffer.from(sealed).includes(Buffer.from(plain)))
  })
}

test('another name, another key, and any altered or missing byte open nothing', () => {
  const sealed = sealAtRest(key, 'records/a', new Uint8Array(20), random)
  assert.is(openAtRest(key, 'records/b', sealed), undefined)
  assert.is(openAtRest(new Uint8Array(32), 'records/a', sealed), undefined)
  for (let at = 0; at < sealed.length; at++) {
    const altered = sealed.slice()
    altered[at] = (altered[at] as number) ^ 1
    assert.is(openAtRest(key, 'records/a', altered), undefined, `byte ${at}`)
    assert.is(openAtRest(key, 'records/a', sealed.subarray(0, at)), undefined, `cut at ${at}`)
  }
})

test('the form of what lies at rest does not change', () => {
  const sealed = sealAtRest(key, 'records/a', Uint8Array.of(1, 2, 3), random)
  assert.is(toHex(sealed), '03030303030303030303030324fca075c1e5389dd8fb5057c55e72b318b8a6')
})

test('a key or nonce of another size is our bug', () => {
  assert.throws(() => sealAtRest(key.subarray(1), 'a', key, random), /32 bytes/)
  assert.throws(() => sealAtRest(key, 'a', key, () => new Uint8Array(11)), /as many bytes/)
})

test.run()
