/**
 * A receipt: one line of JSON that proves, to anybody who has the genesis and nothing else, that a transaction is final. It
 * goes from the signed transaction by its path to the header's txRoot, and from the header, directly or through the history
 * root of a later one (the anchor), to a finalization by a quorum of the validators.
 *
 * There is one text for one receipt: fixed key order, no spaces, lower-case hex. A verifier encodes what it read again and
 * compares, and every number is bound by a signature or a hash, so no byte can be changed.
 */
import {
  arrayOf,
  bytesEqual,
  type CborValue,
  type ChainId,
  concatBytes,
  type Digest,
  epoch,
  type Height,
  height,
  inclusionProof,
  type Leaf,
  leafHash,
  limits,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Reader,
  sha256,
  type TransactionId,
  toHex,
  uint,
  verifyInclusion,
  view
} from '@wardline/codec'
import {
  type Certificate,
  encodeHeader,
  genesisDigest,
  type Header,
  headerDigest,
  parseHeader,
  setHash,
  verifyCertificateSync
} from '@wardline/consensus'
import { verifySignature } from '@wardline/crypto'
import { chainIdOf, type Genesis, validatorsOf } from './genesis.ts'
import { hex32, hexOf } from './problem.ts'
import { type ParsedTransaction, parseTransaction, verifyTransaction } from './transaction.ts'

/** A sibling on the way from a leaf to its root, and on which side of the way it lies. */
export type PathStep = { readonly side: 'left' | 'right'; readonly hash: Uint8Array }

/** A block that the anchor's history root holds at this height. */
export type Ancestor = { readonly height: Height; readonly digest: Digest; readonly proof: readonly Uint8Array[] }

export type Receipt = {
  readonly chain: ChainId
  /** The signed transaction. */
  readonly transaction: Uint8Array
  /** From the transaction's leaf up to `header.txRoot`. */
  readonly path: readonly PathStep[]
  /** The block that holds the transaction. */
  readonly header: Header
  /** A later block, with the proof that its history holds `header` at its height; null if `header` itself is finalized. */
  readonly anchor: { readonly header: Header; readonly proof: readonly Uint8Array[] } | null
  /** An earlier block that the anchor (or `header`) builds on, for somebody who pinned that one; usually null. */
  readonly ancestor: Ancestor | null
  /** The finalization of the anchor, or of `header` if there is none. */
  readonly certificate: Certificate
}

/** A block that somebody knows to be final, from elsewhere: read out by people, or kept from an earlier time. */
export type Pin = { readonly height: Height; readonly digest: Digest }

export type ReceiptFailure =
  | 'too-large'
  | 'malformed'
  | 'not-canonical'
  | 'wrong-chain'
  | 'transaction-malformed'
  | 'transaction-signature'
  | 'not-in-block'
  | 'header-chain'
  | 'anchor-mismatch'
  | 'ancestor-mismatch'
  | 'set-change-unsupported'
  | 'certificate-mismatch'
  | 'not-final'
  | 'pin-mismatch'
  | 'pin-not-covered'

export type ReceiptVerdict =
  | {
      readonly kind: 'verified'
      readonly id: TransactionId
      readonly transaction: ParsedTransaction
      readonly height: Height
      readonly digest: Digest
      /** Time of the block, milliseconds. */
      readonly time: number
      /** The block whose finalization proves it: the anchor, or the block itself. */
      readonly final: Pin
      /** Whether a pin was given; it then lies on the same chain. */
      readonly pinned: boolean
    }
  | { readonly kind: 'failed'; readonly code: ReceiptFailure; readonly what: string }

/** The largest transaction in hex, with every proof and certificate at its limit, is below this. */
export const RECEIPT_TEXT_MAX = 256 * 1024
const PROOF_STEPS_MAX = 64
const HASH_BYTES = 32
const HEADER_HEX_BYTES = 257

/** The path from leaf number `index` of a block to its txRoot. @throws RangeError unless there is such a leaf */
export function leafPath(leaves: readonly Leaf[], index: number): readonly PathStep[] {
  const proof = inclusionProof(leaves.map(nameBytes), index)
  const steps: PathStep[] = []
  let node = index
  let last = leaves.length - 1
  for (let used = 0; last > 0; node = node >> 1, last = last >> 1) {
    const isLeft = node % 2 === 0
    // A lone last node has no sibling and rises as it is.
    if (isLeft && node === last) continue
    steps.push({ side: isLeft ? 'right' : 'left', hash: proof[used++] as Uint8Array })
  }
  return steps
}

/** The one text of a receipt: a line of JSON without its line end. */
export function encodeReceipt(receipt: Receipt): string {
  const { chain, transaction, path, header, anchor, ancestor, certificate } = receipt
  return JSON.stringify({
    v: 1,
    chain,
    transaction: toHex(transaction),
    path: path.map(({ side, hash }) => ({ side, hash: toHex(hash) })),
    header: toHex(encodeHeader(header)),
    anchor: anchor === null ? null : { header: toHex(encodeHeader(anchor.header)), proof: anchor.proof.map(toHex) },
    ancestor:
      ancestor === null ? null : { height: ancestor.height, digest: ancestor.digest, proof: ancestor.proof.map(toHex) },
    certificate: {
      epoch: certificate.epoch,
      view: certificate.view,
      signers: certificate.signers,
      signatures: certificate.signatures.map(toHex)
    }
  })
}

export type ParsedReceipt =
  | { readonly kind: 'ok'; readonly receipt: Receipt }
  | { readonly kind: 'failed'; readonly code: ReceiptFailure; readonly what: string }

/** Reads a receipt, one line with or without its line end. Its form only. Never throws. */
export function parseReceipt(text: string): ParsedReceipt {
  if (text.length > RECEIPT_TEXT_MAX) return failed('too-large')
  const line = text.endsWith('\n') ? text.slice(0, -1) : text
  const json = parseJson(line)
  const receipt = json === undefined ? undefined : readReceipt(json)
  if (receipt === undefined) return failed('malformed')
  return encodeReceipt(receipt) === line ? { kind: 'ok', receipt } : failed('not-canonical')
}

/**
 * Verifies a receipt against a genesis that the caller trusts (`verifyGenesis` has found nothing). Says the first thing that
 * does not hold. With a pin, the receipt must also lie on the pinned block's chain. Never throws.
 */
export function verifyReceipt(text: string, genesis: Genesis, options: { readonly pin?: Pin } = {}): ReceiptVerdict {
  const parsed = parseReceipt(text)
  if (parsed.kind === 'failed') return parsed
  const { receipt } = parsed
  const { header } = receipt
  const chain = chainIdOf(genesis)
  if (receipt.chain !== chain) return failed('wrong-chain')
  const result = parseTransaction(receipt.transaction, chain)
  if (result.kind === 'reject') return failed('transaction-malformed')
  const { transaction } = result
  if (!verifyTransaction(transaction)) return failed('transaction-signature')
  if (!bytesEqual(rootOf(transaction.leaf, receipt.path), nameBytes(header.txRoot))) return failed('not-in-block')
  const failure = chainFailure(receipt, genesis, chain)
  if (failure !== undefined) return failed(failure)
  const final = finalOf(receipt)
  if (options.pin !== undefined) {
    const pinned = pinFailure(receipt, options.pin)
    if (pinned !== undefined) return failed(pinned)
  }
  return {
    kind: 'verified',
    id: transaction.id,
    transaction,
    height: header.height,
    digest: headerDigest(header),
    time: header.time,
    final: { height: final.height, digest: headerDigest(final) },
    pinned: options.pin !== undefined
  }
}

/** The block that the certificate finalizes. */
function finalOf({ header, anchor }: Receipt): Header {
  return anchor?.header ?? header
}

/** What keeps the block from being final: its place under the anchor, and the anchor's finalization. */
function chainFailure(receipt: Receipt, genesis: Genesis, chain: ChainId): ReceiptFailure | undefined {
  const { header, anchor, ancestor, certificate } = receipt
  const final = finalOf(receipt)
  if (header.chain !== chain || final.chain !== chain) return 'header-chain'
  if (anchor !== null && !holds(final, header.height, headerDigest(header), anchor.proof)) return 'anchor-mismatch'
  if (ancestor !== null && !holds(final, ancestor.height, ancestor.digest, ancestor.proof)) return 'ancestor-mismatch'
  const set = validatorsOf(genesis)
  if (final.epoch !== set.epoch || final.nextSetHash !== setHash(set.validators)) return 'set-change-unsupported'
  if (certificate.epoch !== final.epoch || certificate.view !== final.view) return 'certificate-mismatch'
  return verifyCertificateSync(set, chain, certificate, verifySignature) ? undefined : 'not-final'
}

/** Whether the history root of `final` has `digest` at `height`. */
function holds(final: Header, at: Height, digest: Digest, proof: readonly Uint8Array[]): boolean {
  const root = nameBytes(final.history)
  return verifyInclusion({ leaf: nameBytes(digest), index: at, size: final.height, proof, root })
}

function pinFailure(receipt: Receipt, pin: Pin): ReceiptFailure | undefined {
  const { header, ancestor, chain } = receipt
  const final = finalOf(receipt)
  const known: Pin[] = [
    { height: height(0), digest: genesisDigest(chain) },
    { height: header.height, digest: headerDigest(header) },
    { height: final.height, digest: headerDigest(final) }
  ]
  if (ancestor !== null) known.push(ancestor)
  // The genesis is the trust that there was before; as a pin it may contradict but it covers nothing.
  const same = known.filter((block) => block.height === pin.height)
  if (same.some((block) => block.digest !== pin.digest)) return 'pin-mismatch'
  return same.length > 0 ? undefined : 'pin-not-covered'
}

function rootOf(leaf: Leaf, path: readonly PathStep[]): Uint8Array {
  return path.reduce(
    (hash, step) => nodeHash(...(step.side === 'left' ? ([step.hash, hash] as const) : ([hash, step.hash] as const))),
    leafHash(nameBytes(leaf))
  )
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(1), left, right))
}

const readProof = arrayOf(hexOf(HASH_BYTES), 0, PROOF_STEPS_MAX)

const readHeader: Reader<Header> = (value) => {
  const bytes = hexOf(HEADER_HEX_BYTES)(value)
  return bytes === undefined ? undefined : parseHeader(bytes)
}

const readTransactionHex: Reader<Uint8Array> = (value) =>
  typeof value === 'string' && value.length <= 2 * limits.transactionBytesMax
    ? hexOf(Math.floor(value.length / 2))(value)
    : undefined

const readHeight: Reader<Height> = (value) => {
  const number = uint(value)
  return number === undefined ? undefined : height(number)
}

const readCertificate = mapOf({
  epoch: uint,
  view: uint,
  signers: arrayOf(uint, 1, limits.validatorsMax),
  signatures: arrayOf(hexOf(64), 1, limits.validatorsMax)
})

const readShape = mapOf({
  v: oneOf(1),
  chain: hex32<ChainId>,
  transaction: readTransactionHex,
  path: arrayOf(mapOf({ side: oneOf('left', 'right'), hash: hexOf(HASH_BYTES) }), 0, PROOF_STEPS_MAX),
  header: readHeader,
  anchor: nullable(mapOf({ header: readHeader, proof: readProof })),
  ancestor: nullable(mapOf({ height: readHeight, digest: hex32<Digest>, proof: readProof })),
  certificate: readCertificate
})

function readReceipt(json: CborValue): Receipt | undefined {
  const shape = readShape(json)
  if (shape === undefined) return undefined
  const { chain, transaction, path, header, anchor, ancestor, certificate } = shape
  const digest = headerDigest(anchor?.header ?? header)
  const { signers, signatures } = certificate
  const statement = { kind: 'finalize', epoch: epoch(certificate.epoch), view: view(certificate.view), digest } as const
  return { chain, transaction, path, header, anchor, ancestor, certificate: { ...statement, signers, signatures } }
}

function parseJson(text: string): CborValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    // JSON.parse has no other way to say "malformed".
    return undefined
  }
}

/** One sentence for each failure. */
const SENTENCES: Readonly<Record<ReceiptFailure, string>> = {
  'too-large': `The receipt is larger than ${RECEIPT_TEXT_MAX} characters.`,
  malformed: 'The text is not a receipt.',
  'not-canonical': 'The receipt is not written in its one canonical form; it has been changed.',
  'wrong-chain': 'The receipt is for another chain than the genesis.',
  'transaction-malformed': 'The transaction in the receipt is not a transaction of this chain.',
  'transaction-signature': 'A signature in the transaction does not verify.',
  'not-in-block': 'The path does not lead from the transaction to the block.',
  'header-chain': 'A block header in the receipt is of another chain.',
  'anchor-mismatch': "The anchor's history does not hold the block.",
  'ancestor-mismatch': 'The history does not hold the earlier block that the receipt names.',
  'set-change-unsupported':
    'The block is not of the epoch that the genesis founded, and this version follows no change of validators.',
  'certificate-mismatch': 'The finalization is not for this block.',
  'not-final': 'The finalization is not signed by a quorum of the validators, or a signature in it does not verify.',
  'pin-mismatch': 'The chain of the receipt is not the one that was pinned: at that height it has another block.',
  'pin-not-covered':
    'The receipt says nothing about the pinned height. Ask for a receipt that is anchored at that height, or if it is below the block, for one that names it as ancestor.'
}

function failed(code: ReceiptFailure): {
  readonly kind: 'failed'
  readonly code: ReceiptFailure
  readonly what: string
} {
  return { kind: 'failed', code, what: SENTENCES[code] }
}
