import { diffieHellman } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { x25519 } from '@noble/curves/ed25519.js'
import { AssertionError, fromHex, name32, type SealKey, toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFile } from '../../../test/shared-folder.ts'
import { isAcceptableSealKey, publicSealKey } from '../src/index.ts'
import { privateKeyObject, publicKeyObject } from '../src/raw-keys.ts'
import { random } from './random.ts'

const test = suite('crypto/seal-key')

const rfc9180: { cases: { skRm: string; pkRm: string }[] } = JSON.parse(
  readFileSync(new URL('../../../test/vectors/rfc9180.json', import.meta.url), 'utf8')
)

test('the public halves of the receivers in RFC 9180', () => {
  for (const { skRm, pkRm } of rfc9180.cases) {
    assert.is(publicSealKey(fromHex(skRm)), pkRm)
    assert.ok(isAcceptableSealKey(name32(pkRm)))
  }
})

test('every secret of 32 bytes has an acceptable public half, and no other length is a secret', () => {
  for (let i = 0; i < 20; i++) assert.ok(isAcceptableSealKey(publicSealKey(random(32))))
  for (const size of [0, 31, 33]) {
    assert.throws(
      () => publicSealKey(new Uint8Array(size)),
      (error: Error) => error instanceof AssertionError
    )
  }
})

const FIELD_PRIME = 2n ** 255n - 19n

function littleEndian(value: bigint): SealKey {
  return name32(Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()))
}

test('keys of small order, or with a second name, may not be registered', () => {
  // The two coordinates of points of order 8; 0, 1 and p - 1 are those of orders 2 and 4.
  const orderEight = [
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'
  ]
  for (const key of [0n, 1n, FIELD_PRIME - 1n].map(littleEndian)) assert.not(isAcceptableSealKey(key), key)
  for (const key of orderEight) assert.not(isAcceptableSealKey(name32(key)), key)
  assert.ok(isAcceptableSealKey(littleEndian(9n)))
  for (const alias of [FIELD_PRIME, FIELD_PRIME + 1n, FIELD_PRIME + 9n, 2n ** 255n + 9n, 2n ** 256n - 1n]) {
    assert.not(isAcceptableSealKey(littleEndian(alias)), alias.toString(16))
  }
})

test('a key is refused exactly when noble gets no secret from it, for coordinates at the edges and at random', () => {
  const edges = [0n, 1n, 2n, 3n, 9n, 300n].flatMap((near) => [near, FIELD_PRIME - 1n - near])
  const keys = [
    ...edges.map(littleEndian),
    ...Array.from({ length: 20 }, () => name32<SealKey>(withoutTopBit(random(32))))
  ]
  for (const key of keys) {
    let expected = true
    try {
      x25519.scalarMult(random(32), fromHex(key))
    } catch {
      expected = false
    }
    assert.is(isAcceptableSealKey(key), expected, key)
  }
  for (let alias = FIELD_PRIME; alias < 2n ** 255n; alias++) assert.not(isAcceptableSealKey(littleEndian(alias)))
})

function withoutTopBit(bytes: Uint8Array): Uint8Array {
  bytes[31] = (bytes[31] as number) & 0x7f
  return bytes
}

type X25519Test = { tcId: number; comment: string; public: string; private: string; shared: string; result: string }

test('Wycheproof: shared secrets, and a key is refused exactly when it gives zero or is not canonical', () => {
  const file: { testGroups: { tests: X25519Test[] }[] } | undefined = sharedFile('vectors/wycheproof/x25519.json.gz')
  if (file === undefined) return console.log('skipped: no ../shared')
  for (const row of file.testGroups.flatMap(({ tests }) => tests)) {
    const name = `${row.tcId}: ${row.comment}`
    const zero = /^0+$/.test(row.shared)
    const canonical = BigInt(`0x${toHex(fromHex(row.public).reverse())}`) < FIELD_PRIME
    assert.is(isAcceptableSealKey(name32(row.public)), canonical && !zero, name)
    const exchange = () =>
      diffieHellman({
        privateKey: privateKeyObject('x25519', fromHex(row.private)),
        publicKey: publicKeyObject('x25519', fromHex(row.public))
      })
    if (zero) assert.throws(exchange)
    else assert.is(toHex(exchange()), row.shared, name)
  }
})

test.run()
