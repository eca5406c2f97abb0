/**
 * The transaction on the wire: the canonical CBOR map `{tx, sig}`. DAG-CBOR sorts shorter keys first, so the bytes are
 *
 *     a2  62 "tx" <tx>  63 "sig" 58 40 <64 bytes>
 *
 * and what the author signed, and what gives the id, is a slice of what was received: nothing is encoded a second time.
 * The strict decode of the whole covers the slice. The signature is no part of the id but is part of the leaf.
 */
import {
  assert,
  bytes32,
  bytesOf,
  type CborValue,
  type ChainId,
  decodeCbor,
  encodeCbor,
  type Hash,
  integerFrom,
  type Leaf,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  optional,
  type Reader,
  type SignKey,
  type TransactionId,
  taggedHash,
  text,
  uint
} from '@wardline/codec'
import type { SignatureCheck } from '@wardline/consensus'
import { type Signer, statementMessage, verifySignature } from '@wardline/crypto'
import type { Author, Envelope } from './kind.ts'
import { bodyChecks, encodeBody, faultOf, isKind, type Kind, payloadRule, readBody, type Transaction } from './kinds.ts'
import type { FormCode } from './refusals.ts'

/** What the bytes of a transaction give besides what it says. */
type Received = {
  /** The signed transaction as received, in memory of its own. */
  readonly bytes: Uint8Array
  readonly id: TransactionId
  readonly leaf: Leaf
  readonly signature: Uint8Array
  readonly signatureMessage: Uint8Array
}

/** A transaction of good form for this chain. `judge` and `execute` see it only after all its `signatureChecks` passed. */
export type ParsedTransaction<K extends Kind = Kind> = { [P in K]: Transaction<P> & Received }[K]

export type ParseResult =
  | { readonly kind: 'ok'; readonly transaction: ParsedTransaction }
  | { readonly kind: 'reject'; readonly code: FormCode }

const HEAD_BYTES = 4
const TAIL_BYTES = 70

const readSigned = mapOf({ tx: anything, sig: bytesOf(64) })

const readTransaction = mapOf({
  v: uint,
  chain: bytes32<ChainId>,
  kind: text(32),
  author: mapOf({
    member: bytes32<MemberId>,
    keyIndex: integerFrom(0, limits.memberKeysMax - 1)
  }) satisfies Reader<Author>,
  key: bytes32<SignKey>,
  nonce: bytesOf(16),
  created: uint,
  expires: uint,
  body: anything,
  payload: optional(mapOf({ commitment: bytes32<Hash>, size: uint }))
})

/**
 * Takes the bytes of a signed transaction: form, sizes, chain, and the acceptability of new keys, but no signature. Never
 * throws. A rejection depends on nothing but the bytes and `chain`.
 */
export function parseTransaction(bytes: Uint8Array, chain: ChainId): ParseResult {
  if (bytes.length > limits.transactionBytesMax) return reject('too-large')
  const signed = readSigned(decodeCbor(bytes))
  const tx = signed === undefined ? undefined : readTransaction(signed.tx)
  if (signed === undefined || tx === undefined) return reject('malformed')
  if (tx.v !== 1) return reject('unsupported-version')
  if (tx.chain !== chain) return reject('wrong-chain')
  if (!isKind(tx.kind)) return reject('unknown-kind')
  const body = readBody(tx.kind, tx.body)
  if (body === undefined) return reject('malformed')
  if (tx.created >= tx.expires) return reject('bad-lifetime')
  const own = ownBytes(bytes)
  const encoded = own.subarray(HEAD_BYTES, own.length - TAIL_BYTES)
  // The one place where a kind and its body meet: `readBody` gave the body of this very kind.
  const transaction = {
    ...tx,
    body,
    bytes: own,
    id: taggedHash<TransactionId>('wardline/tx/1', encoded),
    leaf: leafOf(own),
    signature: own.subarray(own.length - 64),
    signatureMessage: statementMessage('wardline/tx-signature/1', encoded)
  } as ParsedTransaction
  const code = payloadFault(transaction) ?? faultOf(transaction)
  return code === undefined ? { kind: 'ok', transaction } : reject(code)
}

/** The name of signed bytes, before anything else is known of them. */
export function leafOf(bytes: Uint8Array): Leaf {
  return taggedHash<Leaf>('wardline/leaf/1', bytes)
}

/** Who must hold the transaction's payload, the author first; empty if it has none. */
export function payloadHolders(tx: ParsedTransaction): readonly MemberId[] {
  return tx.kind === 'stt.send' ? [tx.author.member, ...tx.body.to.map(({ member }) => member)] : []
}

/**
 * Every signature of the transaction, the author's first. They depend on the bytes alone, so each is verified once per
 * daemon, wherever the transaction comes from; one that fails makes the transaction a `bad-signature`.
 */
export function signatureChecks(tx: ParsedTransaction): readonly SignatureCheck[] {
  return [{ key: tx.key, message: tx.signatureMessage, signature: tx.signature }, ...bodyChecks(tx)]
}

/** Verifies all `signatureChecks` on this thread: for offline tools and tests. */
export function verifyTransaction(tx: ParsedTransaction): boolean {
  return signatureChecks(tx).every(({ key, message, signature }) => verifySignature(key, message, signature))
}

/** Everything of a transaction but `v` and the key, which the signer gives. */
export type Draft<K extends Kind = Kind> = {
  [P in K]: Omit<Envelope, 'v' | 'key'> & Pick<Transaction<P>, 'kind' | 'body'>
}[K]

/** The signed bytes of a transaction. Good form is the caller's duty; `parseTransaction` of the result tells. */
export function buildTransaction(draft: Draft, signer: Signer): Uint8Array {
  const tx = encodeTransaction({ ...draft, v: 1, key: signer.publicKey } as Transaction)
  const encoded = encodeCbor(tx)
  const signed = encodeCbor({ tx, sig: signer.sign('wardline/tx-signature/1', encoded) })
  assert(signed.length === encoded.length + HEAD_BYTES + TAIL_BYTES, 'the signed form has a fixed frame')
  return signed
}

function encodeTransaction(tx: Transaction): CborValue {
  const fields = {
    v: tx.v,
    chain: nameBytes(tx.chain),
    kind: tx.kind,
    author: { member: nameBytes(tx.author.member), keyIndex: tx.author.keyIndex },
    key: nameBytes(tx.key),
    nonce: tx.nonce,
    created: tx.created,
    expires: tx.expires,
    body: encodeBody(tx)
  }
  if (tx.payload === undefined) return fields
  return { ...fields, payload: { commitment: nameBytes(tx.payload.commitment), size: tx.payload.size } }
}

function payloadFault({ kind, payload }: ParsedTransaction): FormCode | undefined {
  if (payloadRule(kind) === 'none') return payload === undefined ? undefined : 'payload-not-allowed'
  if (payload === undefined) return 'payload-missing'
  return payload.size >= 1 && payload.size <= limits.payloadBytesMax ? undefined : 'payload-too-large'
}

/** The same bytes in memory of their own, so that keeping one transaction does not keep the message it came in. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}

function anything(value: CborValue | undefined): CborValue | undefined {
  return value
}

function reject(code: FormCode): ParseResult {
  return { kind: 'reject', code }
}
