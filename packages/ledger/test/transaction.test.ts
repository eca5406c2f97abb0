import { bytesEqual, decodeCbor, encodeCbor, limits, name32, sha256 } from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseTransaction, recordIdOf, verifyTransaction } from '../src/index.ts'
import {
  alpha,
  beta,
  chain,
  doctorBody,
  firstSend,
  gamma,
  hash,
  nextNonce,
  person,
  receivers,
  recoverBody,
  secret,
  sendBody,
  signed,
  transaction
} from './world.ts'

const test = suite('ledger/transaction')

const samples = [
  signed(alpha, 'member.register', doctorBody(person('Doctor'), alpha)),
  signed(alpha, 'member.revoke', { member: beta.member }),
  signed(alpha, 'member.rotate', recoverBody(alpha.member, createSigner(secret('new')), [beta, gamma])),
  firstSend(alpha, [beta, gamma]).bytes,
  signed(alpha, 'stt.ack', { acks: [{ via: name32(secret('via')), outcome: 'opened' }] })
]

test('what was built is read back, and says the same when built again', () => {
  const body = sendBody({ recordId: name32(secret('record')), to: receivers(beta), consent: hash('consent') })
  const payload = { commitment: hash('envelope'), size: 77 }
  const nonce = nextNonce()
  const bytes = signed(alpha, 'stt.send', body, { payload, nonce })
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') throw new Error(result.code)
  const { transaction: tx } = result
  assert.is(tx.kind, 'stt.send')
  assert.equal(tx.body, body)
  assert.equal(tx.payload, payload)
  assert.equal(tx.author, { member: alpha.member, keyIndex: 0 })
  assert.is(tx.key, alpha.sign.publicKey)
  assert.ok(verifyTransaction(tx))
  assert.ok(bytesEqual(signed(alpha, 'stt.send', body, { payload, nonce }), bytes))
})

test('id, leaf and record id are the hashes that the design names', () => {
  const nonce = nextNonce()
  const recordId = recordIdOf(chain, alpha.member, nonce)
  const tx = transaction(alpha, 'stt.send', sendBody({ recordId, to: receivers(beta) }), { nonce })
  const inner = (decodeCbor(tx.bytes) as { tx: Parameters<typeof encodeCbor>[0] }).tx
  const tag = (name: string) => new TextEncoder().encode(name)
  assert.is(tx.id, name32(sha256(tag('wardline/tx/1'), encodeCbor(inner))))
  assert.is(tx.leaf, name32(sha256(tag('wardline/leaf/1'), tx.bytes)))
  const parts = [Buffer.from(chain, 'hex'), Buffer.from(alpha.member, 'hex'), nonce]
  assert.is(recordId, name32(sha256(tag('wardline/record/1'), ...parts)))
  assert.is(alpha.member, name32(sha256(tag('wardline/member/1'), Buffer.from(alpha.sign.publicKey, 'hex'))))
})

test('the signature is part of the leaf and no part of the id', () => {
  const { bytes, id, leaf } = firstSend(alpha, [beta])
  const changed = new Uint8Array(bytes)
  changed[changed.length - 1] = (changed.at(-1) as number) ^ 1
  const result = parseTransaction(changed, chain)
  if (result.kind === 'reject') throw new Error(result.code)
  assert.is(result.transaction.id, id)
  assert.is.not(result.transaction.leaf, leaf)
  assert.not.ok(verifyTransaction(result.transaction))
})

test('a transaction does not keep the message that it came in', () => {
  const message = new Uint8Array(64 * 1024)
  const { bytes } = firstSend(alpha, [beta])
  message.set(bytes, 100)
  const result = parseTransaction(message.subarray(100, 100 + bytes.length), chain)
  if (result.kind === 'reject') throw new Error(result.code)
  assert.is(result.transaction.bytes.buffer.byteLength, bytes.length)
})

test('no changed bit passes as a signed transaction', () => {
  for (const bytes of samples) {
    for (let bit = 0; bit < bytes.length * 8; bit += 11) {
      const changed = new Uint8Array(bytes)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      const result = parseTransaction(changed, chain)
      assert.not.ok(result.kind === 'ok' && verifyTransaction(result.transaction), `bit ${bit}`)
    }
  }
})

test('garbage never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => parseTransaction(bytes, chain).kind === 'reject'),
    { numRuns: 2000 }
  )
})

test('any canonical value in any place never throws, and is refused with a code', () => {
  const anyValue = fc.oneof(
    fc.constantFrom(null, true, 0, 1, -1, 2 ** 53 - 1, '', '__proto__', 'announce', [], {}),
    fc.uint8Array({ maxLength: 65 }),
    fc.array(fc.constant({ member: secret('m'), sealingKey: secret('s') }), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('member', 'to', 'action', 'x'), fc.constantFrom(1, 'x', null))
  )
  type CborMap = { [key: string]: Parameters<typeof encodeCbor>[0] }
  const place = fc.tuple(fc.nat(), fc.boolean(), anyValue, fc.constantFrom(...samples))
  const property = fc.property(place, ([at, inBody, value, bytes]) => {
    const { tx, sig } = decodeCbor(bytes) as { tx: CborMap; sig: Uint8Array }
    const target = inBody ? (tx['body'] as CborMap) : tx
    const name = Object.keys(target)[at % Object.keys(target).length] as string
    const changed = { ...target, [name]: value as CborMap[string] }
    const encoded = encodeCbor({ tx: inBody ? { ...tx, body: changed } : changed, sig })
    const result = parseTransaction(encoded, chain)
    return bytesEqual(encoded, bytes) || result.kind === 'reject' || !verifyTransaction(result.transaction)
  })
  fc.assert(property, { numRuns: 1500 })
})

test('a frame of another order or width is malformed', () => {
  const { bytes } = firstSend(alpha, [beta])
  const { tx, sig } = decodeCbor(bytes) as { tx: Parameters<typeof encodeCbor>[0]; sig: Uint8Array }
  const frames = [encodeCbor({ tx, sig, more: 1 }), encodeCbor({ tx, sig: sig.slice(1) }), encodeCbor([tx, sig])]
  for (const frame of frames) assert.equal(parseTransaction(frame, chain), { kind: 'reject', code: 'malformed' })
})

test('a transaction of 256 receivers is within the size limit', () => {
  const to = Array.from({ length: limits.receiversMax }, (_, i) => receivers(person(`r${i}`))).flat()
  const sorted = to.sort((a, b) => (a.member < b.member ? -1 : 1))
  const bytes = signed(alpha, 'stt.send', sendBody({ recordId: name32(secret('record')), to: sorted }))
  assert.ok(bytes.length <= limits.transactionBytesMax)
  assert.is(parseTransaction(bytes, chain).kind, 'ok')
})

test.run()
