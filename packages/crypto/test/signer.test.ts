import { createHash } from 'node:crypto'
import { AssertionError, concatBytes, toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  createSigner,
  createVoteSigner,
  publicSignKey,
  STATEMENT_DOMAINS,
  type StatementDomain,
  statementMessage,
  verifySignature
} from '../src/index.ts'
import { random } from './random.ts'

const test = suite('crypto/signer')

test('a statement is the length of its domain, the domain, and the hash of its CBOR', () => {
  const cbor = Uint8Array.of(0xa0)
  const hash = createHash('sha256').update(cbor).digest('hex')
  assert.is(toHex(statementMessage('wardline/card/1', cbor)), `0f${toHex(Buffer.from('wardline/card/1'))}${hash}`)
  assert.throws(() => statementMessage('wardline/other/1' as StatementDomain, cbor), isAssertion)
})

test('a signature holds for its domain, its statement and its key alone', () => {
  const secret = random(32)
  const signer = createSigner(secret)
  const cbor = random(50)
  assert.is(signer.publicKey, publicSignKey(secret))
  for (const domain of STATEMENT_DOMAINS) {
    const signature = signer.sign(domain, cbor)
    assert.is(signature.length, 64)
    assert.is(signature.constructor, Uint8Array)
    for (const other of STATEMENT_DOMAINS) {
      assert.is(verifySignature(signer.publicKey, statementMessage(other, cbor), signature), other === domain)
    }
    assert.not(verifySignature(signer.publicKey, statementMessage(domain, random(50)), signature))
    assert.not(verifySignature(publicSignKey(random(32)), statementMessage(domain, cbor), signature))
    assert.equal(signer.sign(domain, cbor), signature, 'Ed25519 is deterministic')
  }
})

test('a signer keeps working when the caller wipes the secret', () => {
  const secret = random(32)
  const signer = createSigner(secret)
  const expected = publicSignKey(secret)
  secret.fill(0)
  const signature = signer.sign('wardline/card/1', Uint8Array.of(1))
  assert.ok(verifySignature(expected, statementMessage('wardline/card/1', Uint8Array.of(1)), signature))
})

test('no statement can be taken for a vote', () => {
  for (const domain of STATEMENT_DOMAINS) {
    const message = statementMessage(domain, random(10))
    assert.is.not(message.length, 85, domain)
    assert.is.not(message[0], 'W'.charCodeAt(0), domain)
    assert.is(message.length, 1 + domain.length + 32)
  }
})

test('a vote signer signs votes and nothing else', () => {
  const secret = random(32)
  const signer = createVoteSigner(secret)
  const vote = concatBytes(new TextEncoder().encode('WLC1'), random(81))
  assert.is(signer.publicKey, publicSignKey(secret))
  assert.ok(verifySignature(signer.publicKey, vote, signer.sign(vote)))
  for (const wrong of [
    new Uint8Array(0),
    vote.slice(1),
    vote.slice(0, 84),
    concatBytes(vote, Uint8Array.of(0)),
    vote.with(0, 0),
    vote.with(3, 0x32),
    statementMessage('wardline/card/1', vote)
  ]) {
    assert.throws(() => signer.sign(wrong), isAssertion)
  }
})

test('a secret is 32 bytes', () => {
  for (const size of [0, 31, 33, 64]) {
    for (const use of [createSigner, createVoteSigner, publicSignKey])
      assert.throws(() => use(new Uint8Array(size)), isAssertion)
  }
})

function isAssertion(error: Error): boolean {
  return error instanceof AssertionError
}

test.run()
