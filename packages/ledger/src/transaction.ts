/**
 * The transaction on the wire: the canonical CBOR map `{tx, sig}`, and for an alias `{tx, sig, sponsor}`. DAG-CBOR sorts
 * shorter keys first, so the bytes are
 *
 *     a2  62 "tx" <tx>  63 "sig" 58 40 <64 bytes>
 *     a3  62 "tx" <tx>  63 "sig" 58 40 <64 bytes>  67 "sponsor" <sponsor>
 *
 * and what the author signed, and what gives the id, is a slice of what was received: it is not encoded a second time.
 * The strict decode of the whole covers the slice. The signatures are no part of the id but are part of the leaf.
 */
import {
  type Alias,
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
  type Read,
  type Reader,
  type SignKey,
  type TransactionId,
  taggedHash,
  text,
  uint
} from '@wardline/codec'
import type { SignatureCheck } from '@wardline/consensus'
import { isUsableSignKey, type Signer, statementMessage, verifySignature } from '@wardline/crypto'
import {
  type AliasAuthor,
  type Author,
  type Envelope,
  type MemberAuthor,
  NO_EXPIRY,
  NONCE_BYTES,
  type Sponsor
} from './kind.ts'
import {
  type AliasKind,
  bodyChecks,
  encodeBody,
  faultOf,
  isKind,
  type Kind,
  type MemberKind,
  readBody,
  type Transaction,
  traitsOf
} from './kinds.ts'
import { readMember } from './membership/member.ts'
import type { StateView } from './overlay.ts'
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

type SponsorOf<K extends Kind> = K extends AliasKind ? { readonly sponsor: Sponsor } : { readonly sponsor?: undefined }

/** A transaction of good form for this chain. `judge` and `execute` see it only after all its `signatureChecks` passed. */
export type ParsedTransaction<K extends Kind = Kind> = { [P in K]: Transaction<P> & Received & SponsorOf<P> }[K]

export type ParseResult =
  | { readonly kind: 'ok'; readonly transaction: ParsedTransaction }
  | { readonly kind: 'reject'; readonly code: FormCode }

/** What a patient's wallet has signed, on its way to the hospital that is to sponsor it. It has no leaf yet. */
export type UnsponsoredTransaction<K extends AliasKind = AliasKind> = {
  [P in K]: Transaction<P> & Omit<Received, 'leaf'>
}[K]

export type ParseUnsponsoredResult =
  | { readonly kind: 'ok'; readonly transaction: UnsponsoredTransaction }
  | { readonly kind: 'reject'; readonly code: FormCode }

const HEAD_BYTES = 4
const SIGNATURE_FIELD_BYTES = 70
/** The key of the last field: a head of one byte, and `sponsor`. */
const SPONSOR_NAME_BYTES = 8

const readMemberAuthor: Reader<MemberAuthor> = mapOf({
  member: bytes32<MemberId>,
  keyIndex: integerFrom(0, limits.memberKeysMax - 1)
})
const readAliasAuthor: Reader<AliasAuthor> = mapOf({ alias: bytes32<Alias> })

const readSigned = mapOf({
  tx: anything,
  sig: bytesOf(64),
  sponsor: optional(
    mapOf({
      member: bytes32<MemberId>,
      keyIndex: integerFrom(0, limits.memberKeysMax - 1),
      key: bytes32<SignKey>,
      sig: bytesOf(64)
    })
  )
})
type Signed = Read<typeof readSigned>

const readTransaction = mapOf({
  v: uint,
  chain: bytes32<ChainId>,
  kind: text(32),
  author: ((value) => readMemberAuthor(value) ?? readAliasAuthor(value)) satisfies Reader<Author>,
  key: bytes32<SignKey>,
  nonce: bytesOf(NONCE_BYTES),
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
  const parsed = parseSigned(bytes, chain)
  if (parsed.kind === 'reject') return parsed
  const { transaction } = parsed
  const isSponsored = transaction.sponsor !== undefined
  return isSponsored === (traitsOf(transaction.kind).author === 'alias') ? parsed : reject('malformed')
}

/** The same for what a wallet has signed and nobody has sponsored yet. A rejection is the wallet's fault. */
export function parseUnsponsored(bytes: Uint8Array, chain: ChainId): ParseUnsponsoredResult {
  const parsed = parseSigned(bytes, chain)
  if (parsed.kind === 'reject') return parsed
  const { transaction } = parsed
  if (transaction.sponsor !== undefined || traitsOf(transaction.kind).author !== 'alias') return reject('malformed')
  return { kind: 'ok', transaction: transaction as unknown as UnsponsoredTransaction }
}

/** Takes both signed forms, without asking which of them the kind must have. */
function parseSigned(bytes: Uint8Array, chain: ChainId): ParseResult {
  if (bytes.length > limits.transactionBytesMax) return reject('too-large')
  const signed = readSigned(decodeCbor(bytes))
  const tx = signed === undefined ? undefined : readTransaction(signed.tx)
  if (signed === undefined || tx === undefined) return reject('malformed')
  if (tx.v !== 1) return reject('unsupported-version')
  if (tx.chain !== chain) return reject('wrong-chain')
  if (!isKind(tx.kind)) return reject('unknown-kind')
  const traits = traitsOf(tx.kind)
  const body = readBody(tx.kind, tx.body)
  if (body === undefined || 'alias' in tx.author !== (traits.author === 'alias')) return reject('malformed')
  if ('alias' in tx.author && (tx.author.alias as string) !== tx.key) return reject('malformed')
  if (tx.created >= tx.expires) return reject('bad-lifetime')
  if ((tx.expires === NO_EXPIRY) !== (traits.lifetime === 'unbounded')) return reject('bad-lifetime')
  const own = ownBytes(bytes)
  const { encoded, signature } = slices(own, signed)
  // The one place where a kind and its body meet: `readBody` gave the body of this very kind.
  const transaction = {
    ...tx,
    body,
    bytes: own,
    id: taggedHash<TransactionId>('wardline/tx/1', encoded),
    leaf: leafOf(own),
    signature,
    signatureMessage: statementMessage('wardline/tx-signature/1', encoded),
    ...(signed.sponsor && { sponsor: sponsorOf(signed.sponsor) })
  } as ParsedTransaction
  const code = payloadFault(transaction) ?? authorFault(transaction) ?? faultOf(transaction)
  return code === undefined ? { kind: 'ok', transaction } : reject(code)
}

/** The name of signed bytes, before anything else is known of them. */
export function leafOf(bytes: Uint8Array): Leaf {
  return taggedHash<Leaf>('wardline/leaf/1', bytes)
}

/** The member that is charged for a transaction: its author, or the sponsor of the alias that wrote it. */
export function chargedTo(tx: ParsedTransaction): MemberId {
  return tx.sponsor === undefined ? tx.author.member : tx.sponsor.member
}

/** Who must hold the transaction's payload, the author first; `everyone`: every hospital of the chain; empty if it has none. */
export function payloadHolders(tx: ParsedTransaction): readonly MemberId[] | 'everyone' {
  if (tx.kind === 'stt.send') return [tx.author.member, ...tx.body.to.map(({ member }) => member)]
  return traitsOf(tx.kind).payload === 'everyone' ? 'everyone' : []
}

/** Whether `member` is one of those who must hold the transaction's payload, and so may have it. */
export function isPayloadHolder(state: StateView, tx: ParsedTransaction, member: MemberId): boolean {
  const holders = payloadHolders(tx)
  if (holders !== 'everyone') return holders.includes(member)
  const hospital = readMember(state, member)
  return hospital?.role === 'hospital' && hospital.revoked === null
}

/**
 * Every signature of the transaction, the author's first. They depend on the bytes alone, so each is verified once per
 * daemon, wherever the transaction comes from; one that fails makes the transaction a `bad-signature`.
 */
export function signatureChecks(tx: ParsedTransaction | UnsponsoredTransaction): readonly SignatureCheck[] {
  const own = [{ key: tx.key, message: tx.signatureMessage, signature: tx.signature }, ...bodyChecks(tx)]
  if (!('sponsor' in tx) || tx.sponsor === undefined) return own
  const { key, signature } = tx.sponsor
  return [...own, { key, message: statementMessage('wardline/sponsor/1', sponsorStatement(tx.id)), signature }]
}

/** What a sponsor signs: the id, which says everything but the alias's signature. */
function sponsorStatement(id: TransactionId): Uint8Array {
  return encodeCbor(nameBytes(id))
}

/** Verifies all `signatureChecks` on this thread: for offline tools and tests. */
export function verifyTransaction(tx: ParsedTransaction): boolean {
  return signatureChecks(tx).every(({ key, message, signature }) => verifySignature(key, message, signature))
}

/** Everything of a member's transaction but `v` and the key, which the signer gives. */
export type Draft<K extends MemberKind = MemberKind> = {
  [P in K]: Omit<Envelope, 'v' | 'key'> & Pick<Transaction<P>, 'kind' | 'body'>
}[K]

/** The same of an alias's transaction, whose author is the signer's key. */
export type AliasDraft<K extends AliasKind = AliasKind> = {
  [P in K]: Omit<Envelope<AliasAuthor>, 'v' | 'key' | 'author'> & Pick<Transaction<P>, 'kind' | 'body'>
}[K]

/** The signed bytes of a member's transaction. Good form is the caller's duty; `parseTransaction` of the result tells. */
export function buildTransaction(draft: Draft, signer: Signer): Uint8Array {
  return signTransaction({ ...draft, v: 1, key: signer.publicKey } as Transaction, signer)
}

/** The signed bytes of an alias's transaction, for `sponsorTransaction`. `parseUnsponsored` tells whether their form is good. */
export function signAliasTransaction(draft: AliasDraft, signer: Signer): Uint8Array {
  const key = signer.publicKey
  const author: AliasAuthor = { alias: key as string as Alias }
  return signTransaction({ ...(draft as object), v: 1, key, author } as unknown as Transaction, signer)
}

/** The signed bytes of an alias's transaction with its sponsor's signature. Its form has been found good. */
export function sponsorTransaction(
  unsponsored: UnsponsoredTransaction,
  { member, keyIndex }: MemberAuthor,
  signer: Signer
): Uint8Array {
  const signed = readSigned(decodeCbor(unsponsored.bytes))
  assert(signed?.tx !== undefined, 'an unsponsored transaction has been parsed')
  const sig = signer.sign('wardline/sponsor/1', sponsorStatement(unsponsored.id))
  const sponsor = sponsorFields({ member, keyIndex, key: signer.publicKey, sig })
  return encodeCbor({ tx: signed.tx, sig: signed.sig, sponsor })
}

function signTransaction(transaction: Transaction, signer: Signer): Uint8Array {
  const tx = encodeTransaction(transaction)
  const encoded = encodeCbor(tx)
  const signed = encodeCbor({ tx, sig: signer.sign('wardline/tx-signature/1', encoded) })
  assert(signed.length === encoded.length + HEAD_BYTES + SIGNATURE_FIELD_BYTES, 'the signed form has a fixed frame')
  return signed
}

/** What the author signed, and the signature, as slices of the whole. */
function slices(bytes: Uint8Array, { sponsor }: Signed): { encoded: Uint8Array; signature: Uint8Array } {
  const sponsorBytes = sponsor === undefined ? 0 : SPONSOR_NAME_BYTES + encodeCbor(sponsorFields(sponsor)).length
  const end = bytes.length - sponsorBytes
  return {
    encoded: bytes.subarray(HEAD_BYTES, end - SIGNATURE_FIELD_BYTES),
    signature: bytes.subarray(end - 64, end)
  }
}

function sponsorFields({ member, keyIndex, key, sig }: NonNullable<Signed['sponsor']>): CborValue {
  return { member: nameBytes(member), keyIndex, key: nameBytes(key), sig }
}

function sponsorOf({ sig, ...who }: NonNullable<Signed['sponsor']>): Sponsor {
  return { ...who, signature: sig }
}

function encodeTransaction(tx: Transaction): CborValue {
  const fields = {
    v: tx.v,
    chain: nameBytes(tx.chain),
    kind: tx.kind,
    author: encodeAuthor(tx.author),
    key: nameBytes(tx.key),
    nonce: tx.nonce,
    created: tx.created,
    expires: tx.expires,
    body: encodeBody(tx)
  }
  if (tx.payload === undefined) return fields
  return { ...fields, payload: { commitment: nameBytes(tx.payload.commitment), size: tx.payload.size } }
}

function encodeAuthor(author: Author): CborValue {
  if ('alias' in author) return { alias: nameBytes(author.alias) }
  return { member: nameBytes(author.member), keyIndex: author.keyIndex }
}

/** An alias is a key that nobody registered: whether it is one at all shows here. */
function authorFault({ author, key }: ParsedTransaction): FormCode | undefined {
  return 'alias' in author && !isUsableSignKey(key) ? 'key-not-acceptable' : undefined
}

function payloadFault({ kind, payload }: ParsedTransaction): FormCode | undefined {
  if (traitsOf(kind).payload === 'none') return payload === undefined ? undefined : 'payload-not-allowed'
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

function reject(code: FormCode): { readonly kind: 'reject'; readonly code: FormCode } {
  return { kind: 'reject', code }
}
