/**
 * A receipt: one line of JSON that proves, to anybody who has the genesis and nothing else, that a transaction is final. It
 * goes from the signed transaction by its path to the header's txRoot, and from the header, directly or through the history
 * root of a later one (the anchor), to a finalization by a quorum of the validators.
 *
 * There is one text for one receipt: fixed key order, no spaces, lower-case hex. A verifier encodes what it read again and
 * compares, and every number is bound by a signature or a hash, so no byte can be changed.
 */
import {
  type CborValue,
  type ChainId,
  type Digest,
  type Height,
  limits,
  mapOf,
  nullable,
  oneOf,
  optional,
  type TransactionId,
  toHex
} from '@wardline/codec'
import { type Certificate, type Header, headerDigest } from '@wardline/consensus'
import {
  type Ancestor,
  ancestorJson,
  type Finality,
  type FinalityFailure,
  finalityFailure,
  holds,
  type Pin,
  type PinFailure,
  pinFailure,
  readAncestor,
  readProof
} from './finality.ts'
import { certificateJson, certificateOf, headerJson, readCertificate, readHeaderJson } from './finality-json.ts'
import { chainIdOf, type Genesis } from './genesis.ts'
import {
  openPlaced,
  type PathStep,
  type PlacementFailure,
  pathJson,
  readPath,
  readTransactionHex
} from './inclusion.ts'
import { hex32 } from './problem.ts'
import { epochsJson, epochsOf, type ReceiptEpoch, readEpochs, versionOf } from './receipt-epochs.ts'
import type { ParsedTransaction } from './transaction.ts'

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
  /** The ends of all epochs before that of the finalized block, from epoch 0 on. */
  readonly epochs: readonly ReceiptEpoch[]
  /** The finalization of the anchor, or of `header` if there is none. */
  readonly certificate: Certificate
}

export type ReceiptFailure =
  | 'too-large'
  | 'malformed'
  | 'not-canonical'
  | 'wrong-chain'
  | PlacementFailure
  | 'anchor-mismatch'
  | FinalityFailure
  | PinFailure

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

/**
 * The largest transaction in hex, with every proof and certificate at its limit, is below 256 KiB; the rest is for the ends of
 * epochs, 70 of a chain with 128 validators and hundreds of one with few.
 */
export const RECEIPT_TEXT_MAX = 1024 * 1024

/** The one text of a receipt: a line of JSON without its line end. */
export function encodeReceipt(receipt: Receipt): string {
  const { chain, transaction, path, header, anchor, ancestor, epochs, certificate } = receipt
  return JSON.stringify({
    v: versionOf(epochs),
    chain,
    transaction: toHex(transaction),
    path: pathJson(path),
    header: headerJson(header),
    anchor: anchor === null ? null : { header: headerJson(anchor.header), proof: anchor.proof.map(toHex) },
    ancestor: ancestorJson(ancestor),
    ...epochsJson(epochs),
    certificate: certificateJson(certificate)
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
  const transaction = openPlaced(receipt, chain)
  if (typeof transaction === 'string') return failed(transaction)
  const finality = finalityOf(receipt)
  const final = finality.header
  const failure = anchorFailure(receipt, final) ?? finalityFailure(finality, genesis)
  if (failure !== undefined) return failed(failure)
  if (options.pin !== undefined) {
    const pinned = pinFailure(finality, [header], options.pin)
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

/** The block that the certificate finalizes, with what proves it. */
function finalityOf({ header, anchor, ancestor, epochs, certificate }: Receipt): Finality {
  return { header: anchor?.header ?? header, ancestor, epochs, certificate }
}

/** What keeps the block from its place under the anchor. */
function anchorFailure({ chain, header, anchor }: Receipt, final: Header): ReceiptFailure | undefined {
  if (header.chain !== chain || final.chain !== chain) return 'header-chain'
  return anchor === null || holds(final, header.height, headerDigest(header), anchor.proof)
    ? undefined
    : 'anchor-mismatch'
}

const readShape = mapOf({
  v: oneOf(1, 2),
  chain: hex32<ChainId>,
  transaction: readTransactionHex,
  path: readPath,
  header: readHeaderJson,
  anchor: nullable(mapOf({ header: readHeaderJson, proof: readProof })),
  ancestor: nullable(readAncestor),
  epochs: optional(readEpochs),
  certificate: readCertificate
})

function readReceipt(json: CborValue): Receipt | undefined {
  const shape = readShape(json)
  if (shape === undefined) return undefined
  const { chain, transaction, path, header, anchor, ancestor } = shape
  const certificate = certificateOf(anchor?.header ?? header, shape.certificate)
  return { chain, transaction, path, header, anchor, ancestor, epochs: epochsOf(shape.epochs), certificate }
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): CborValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    // JSON.parse has no other way to say "malformed".
    return undefined
  }
}

/** One sentence for each failure. */
export const RECEIPT_SENTENCES: Readonly<Record<ReceiptFailure, string>> = {
  'too-large': `The receipt is larger than it can be: ${RECEIPT_TEXT_MAX} characters for one transaction, ${limits.jointReceiptBytesMax} for several.`,
  malformed: 'The text is not a receipt.',
  'not-canonical': 'The receipt is not written in its one canonical form; it has been changed.',
  'wrong-chain': 'The receipt is for another chain than the genesis.',
  'transaction-malformed': 'The transaction in the receipt is not a transaction of this chain.',
  'transaction-signature': 'A signature in the transaction does not verify.',
  'not-in-block': 'The path does not lead from the transaction to the block.',
  'header-chain': 'A block header in the receipt is of another chain.',
  'anchor-mismatch': "The anchor's history does not hold the block.",
  'ancestor-mismatch': 'The history does not hold the earlier block that the receipt names.',
  'epochs-missing': 'The block is of another epoch than the ends of epochs in the receipt lead to.',
  'epochs-broken': 'The ends of epochs in the receipt do not lead from one set of validators to the next.',
  'epoch-not-final':
    'The end of an epoch is not signed by a quorum of its validators, or a signature in it does not verify.',
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
  return { kind: 'failed', code, what: RECEIPT_SENTENCES[code] }
}
