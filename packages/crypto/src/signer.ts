/**
 * What is signed. A statement's signature covers `len(domain) || domain || SHA-256(cbor)`: one domain for each purpose, so
 * that a signature given for one can never be shown for another, and a signer never signs a hash that was handed to it. A
 * vote's signature covers the 85 bytes of the consensus protocol. The two never meet: those begin with the letter W (87),
 * a statement with its domain's length, and no domain has 87 letters.
 */
import { type KeyObject, sign as nodeSign } from 'node:crypto'
import { assert, concatBytes, name32, type SignKey, sha256 } from '@wardline/codec'
import { privateKeyObject, publicBytes } from './raw-keys.ts'

/** Every purpose for which a statement is signed. */
export const STATEMENT_DOMAINS = [
  'wardline/tx-signature/1',
  'wardline/card/1',
  'wardline/genesis-signature/1',
  'wardline/key-proof/1',
  'wardline/approval/1',
  'wardline/sponsor/1',
  'wardline/doctor/1',
  'wardline/request/1',
  'wardline/recall/1'
] as const

export type StatementDomain = (typeof STATEMENT_DOMAINS)[number]

const prefixes = new Map<StatementDomain, Uint8Array>(
  STATEMENT_DOMAINS.map((domain) => [
    domain,
    concatBytes(Uint8Array.of(domain.length), new TextEncoder().encode(domain))
  ])
)

/** The bytes that a signature over the statement `cbor` covers: length of the domain (1 byte), domain, SHA-256 of `cbor`. */
export function statementMessage(domain: StatementDomain, cbor: Uint8Array): Uint8Array {
  const prefix = prefixes.get(domain)
  assert(prefix !== undefined, 'a statement has one of the listed domains')
  return concatBytes(prefix, sha256(cbor))
}

/** Signs statements with one Ed25519 key, and nothing else. */
export interface Signer {
  readonly publicKey: SignKey
  /** The 64-byte signature over `statementMessage(domain, cbor)`. */
  sign(domain: StatementDomain, cbor: Uint8Array): Uint8Array
}

/** Signs consensus votes with one Ed25519 key, and nothing else. */
export interface VoteSigner {
  readonly publicKey: SignKey
  /** The 64-byte signature over `vote`. @throws AssertionError unless `vote` is 85 bytes that begin with "WLC1" */
  sign(vote: Uint8Array): Uint8Array
}

/** @param secret 32 bytes (the seed of RFC 8032) */
export function createSigner(secret: Uint8Array): Signer {
  const key = privateKeyObject('ed25519', secret)
  return {
    publicKey: name32<SignKey>(publicBytes(key)),
    sign: (domain, cbor) => signBytes(key, statementMessage(domain, cbor))
  }
}

const VOTE_BYTES = 85
const VOTE_MAGIC = new TextEncoder().encode('WLC1')

/** @param secret 32 bytes (the seed of RFC 8032) */
export function createVoteSigner(secret: Uint8Array): VoteSigner {
  const key = privateKeyObject('ed25519', secret)
  return {
    publicKey: name32<SignKey>(publicBytes(key)),
    sign(vote) {
      assert(
        vote.length === VOTE_BYTES && VOTE_MAGIC.every((byte, i) => vote[i] === byte),
        'a vote is 85 bytes from WLC1'
      )
      return signBytes(key, vote)
    }
  }
}

/** The public half of the Ed25519 secret (32 bytes). */
export function publicSignKey(secret: Uint8Array): SignKey {
  return name32<SignKey>(publicBytes(privateKeyObject('ed25519', secret)))
}

function signBytes(key: KeyObject, message: Uint8Array): Uint8Array {
  return new Uint8Array(nodeSign(null, message, key))
}
