import { createHmac } from 'node:crypto'
import { AssertionError, type ChainId, concatBytes, fromHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  createAliasSigner,
  createRecallSigner,
  isAcceptableSignKey,
  publicSignKey,
  statementMessage,
  verifySignature
} from '../src/index.ts'
import { random, seededRandom } from './random.ts'

const test = suite('crypto/alias')

const chain = 'ab'.repeat(32) as ChainId
const hospital = 'cd'.repeat(32)
const secret = Uint8Array.from({ length: 32 }, (_, i) => i)

/** Computed with Python's `hmac` and `cryptography`. */
const frozen: readonly (readonly [scope: string, epoch: number, alias: string])[] = [
  ['alliance', 0, '684eaed2f50096818182dd0793ec8228fd21d099cd69dd9ebae9bd4a1e85b979'],
  [hospital, 1, '0f0429154d6be4d4d7e0885c1cf1b3d0fcd023b3cd765da19c606f1cd501c090']
]
for (const [scope, epoch, alias] of frozen) {
  test(`an alias stays the same for ever: ${scope.slice(0, 8)}, epoch ${epoch}`, () => {
    const signer = createAliasSigner(secret, chain, scope, epoch)
    assert.is(signer.alias, alias)
    assert.is(signer.publicKey, alias)
  })
}

test('the seed is HKDF of RFC 5869, written out', () => {
  const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest()
  const text = (word: string) => new TextEncoder().encode(word)
  const info = concatBytes(text('wardline/alias/1'), fromHex(chain), fromHex('0000000000000008'), text('alliance'))
  const epoch = fromHex('0000000001000000')
  const seed = hmac(hmac(new Uint8Array(32), secret), concatBytes(info, epoch, Uint8Array.of(1)))
  assert.is(createAliasSigner(secret, chain, 'alliance', 2 ** 24).alias, publicSignKey(seed))
})

test('a recall key is drawn as an alias is, under its own tag, and is none', () => {
  const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest()
  const info = concatBytes(new TextEncoder().encode('wardline/recall/1'), fromHex(chain), fromHex('0000000000000107'))
  const seed = hmac(hmac(new Uint8Array(32), secret), concatBytes(info, Uint8Array.of(1)))
  assert.is(createRecallSigner(secret, chain, 263).publicKey, publicSignKey(seed))
  const keys = [0, 1, 256].flatMap((number) => [
    createRecallSigner(secret, chain, number).publicKey,
    createRecallSigner(secret, 'ef'.repeat(32) as ChainId, number).publicKey,
    createAliasSigner(secret, chain, 'alliance', number).publicKey
  ])
  assert.is(new Set(keys).size, keys.length)
})

test('every secret, chain, scope and epoch gives another alias, and each may be used on a chain', () => {
  const bytes = seededRandom()
  const seen = new Set<string>()
  for (const own of [secret, bytes(32), bytes(32)]) {
    for (const on of [chain, 'ef'.repeat(32) as ChainId]) {
      for (const scope of ['alliance', hospital, 'a', 'aa']) {
        for (const epoch of [0, 1, 255, 256, Number.MAX_SAFE_INTEGER]) {
          const { alias, publicKey } = createAliasSigner(own, on, scope, epoch)
          assert.ok(isAcceptableSignKey(publicKey))
          seen.add(alias)
        }
      }
    }
  }
  assert.is(seen.size, 3 * 2 * 4 * 5)
})

test('an alias signs with its own key, and goes on when the secret is wiped', () => {
  const own = random(32)
  const signer = createAliasSigner(own, chain, 'alliance', 0)
  own.fill(0)
  const cbor = random(40)
  const signature = signer.sign('wardline/tx-signature/1', cbor)
  assert.ok(verifySignature(signer.publicKey, statementMessage('wardline/tx-signature/1', cbor), signature))
})

test('what cannot be meant is a bug', () => {
  const bad: readonly (readonly [Uint8Array, string, number])[] = [
    [new Uint8Array(31), 'alliance', 0],
    [new Uint8Array(33), 'alliance', 0],
    [secret, '', 0],
    [secret, 'Alliance', 0],
    [secret, 'a'.repeat(65), 0],
    [secret, 'alliance', -1],
    [secret, 'alliance', 0.5],
    [secret, 'alliance', 2 ** 53]
  ]
  for (const [own, scope, epoch] of bad) {
    assert.throws(
      () => createAliasSigner(own, chain, scope, epoch),
      (error: Error) => error instanceof AssertionError
    )
  }
})

test.run()
