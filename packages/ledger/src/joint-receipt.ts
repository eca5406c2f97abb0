/**
 * A receipt of several transactions: one line of JSON, in the form and with the parts of a receipt (receipt.ts). All hang on
 * one final block, whose finalization is there once: each transaction leads to its own block, and that block, unless it is
 * the final one, through the history root to it. Who made the list decides what is in it: it proves that what it holds is
 * final, and not that there is nothing else.
 */
import {
  arrayOf,
  type CborValue,
  type ChainId,
  type Digest,
  type Height,
  limits,
  mapOf,
  nullable,
  oneOf,
  optional,
  toHex
} from '@wardline/codec'
import { headerDigest } from '@wardline/consensus'
import {
  ancestorJson,
  type Finality,
  finalityFailure,
  holds,
  type Pin,
  pinFailure,
  readAncestor,
  readProof
} from './finality.ts'
import { certificateJson, certificateOf, headerJson, readCertificate, readHeaderJson } from './finality-json.ts'
import { chainIdOf, type Genesis } from './genesis.ts'
import { openPlaced, type PlacedTransaction, pathJson, readPath, readTransactionHex } from './inclusion.ts'
import { hex32 } from './problem.ts'
import { parseJson, RECEIPT_SENTENCES, type ReceiptFailure } from './receipt.ts'
import { epochsJson, epochsOf, readEpochs, versionOf } from './receipt-epochs.ts'
import type { ParsedTransaction } from './transaction.ts'

export type JointReceipt = {
  readonly chain: ChainId
  /** At least one. `proof`: that the history of the final block holds `header`; null iff `header` is the final block. */
  readonly transactions: readonly (PlacedTransaction & { readonly proof: readonly Uint8Array[] | null })[]
  readonly final: Finality
}

/** A transaction that a joint receipt has proven final. */
export type ProvenTransaction = {
  readonly transaction: ParsedTransaction
  readonly height: Height
  readonly digest: Digest
  /** Time of the block, milliseconds. */
  readonly timeMs: number
}

export type JointVerdict =
  | {
      readonly kind: 'verified'
      readonly chain: ChainId
      /** In the order of the receipt. */
      readonly transactions: readonly ProvenTransaction[]
      /** The block whose finalization proves them. */
      readonly final: Pin
      /** Whether a pin was given; it then lies on the same chain. */
      readonly pinned: boolean
    }
  | {
      readonly kind: 'failed'
      readonly code: ReceiptFailure
      readonly what: string
      /** Which transaction of the receipt is at fault, from 0; null where it is none of them. */
      readonly at: number | null
    }

/** The one text of a joint receipt: a line of JSON without its line end. */
export function encodeJointReceipt({ chain, transactions, final }: JointReceipt): string {
  return JSON.stringify({
    v: versionOf(final.epochs),
    chain,
    transactions: transactions.map(({ transaction, path, header, proof }) => ({
      transaction: toHex(transaction),
      path: pathJson(path),
      header: headerJson(header),
      proof: proof === null ? null : proof.map(toHex)
    })),
    final: {
      header: headerJson(final.header),
      ancestor: ancestorJson(final.ancestor),
      ...epochsJson(final.epochs),
      certificate: certificateJson(final.certificate)
    }
  })
}

/** Whether the text begins as a joint receipt does; another may still be a receipt of one transaction. */
export function isJointReceipt(text: string): boolean {
  return /^\{"v":[12],"chain":"[0-9a-f]{64}","transactions":/.test(text)
}

/**
 * Verifies a joint receipt, one line with or without its line end, against a genesis that the caller trusts (`verifyGenesis`
 * has found nothing). Says the first thing that does not hold. With a pin, the pinned block must be one that the receipt
 * proves. Never throws.
 */
export function verifyJointReceipt(text: string, genesis: Genesis, options: { readonly pin?: Pin } = {}): JointVerdict {
  if (text.length > limits.jointReceiptBytesMax) return failed('too-large')
  const line = text.endsWith('\n') ? text.slice(0, -1) : text
  const receipt = readJointReceipt(parseJson(line))
  if (receipt === undefined) return failed('malformed')
  if (encodeJointReceipt(receipt) !== line) return failed('not-canonical')
  const { transactions, final } = receipt
  const chain = chainIdOf(genesis)
  if (receipt.chain !== chain) return failed('wrong-chain')
  const failure = finalityFailure(final, genesis)
  if (failure !== undefined) return failed(failure)
  const proven: ProvenTransaction[] = []
  for (const [at, placed] of transactions.entries()) {
    const one = prove(placed, final, chain)
    if (typeof one === 'string') return failed(one, at)
    proven.push(one)
  }
  if (options.pin !== undefined) {
    const blocks = transactions.map(({ header }) => header)
    const pinned = pinFailure(final, blocks, options.pin)
    if (pinned !== undefined) return failed(pinned)
  }
  return {
    kind: 'verified',
    chain,
    transactions: proven,
    final: { height: final.header.height, digest: headerDigest(final.header) },
    pinned: options.pin !== undefined
  }
}

function prove(
  { proof, ...placed }: JointReceipt['transactions'][number],
  final: Finality,
  chain: ChainId
): ProvenTransaction | ReceiptFailure {
  const transaction = openPlaced(placed, chain)
  if (typeof transaction === 'string') return transaction
  const { header } = placed
  if (header.chain !== chain) return 'header-chain'
  const digest = headerDigest(header)
  const isHeld =
    proof === null ? digest === headerDigest(final.header) : holds(final.header, header.height, digest, proof)
  if (!isHeld) return 'anchor-mismatch'
  return { transaction, height: header.height, digest, timeMs: header.time }
}

const readShape = mapOf({
  v: oneOf(1, 2),
  chain: hex32<ChainId>,
  transactions: arrayOf(
    mapOf({ transaction: readTransactionHex, path: readPath, header: readHeaderJson, proof: nullable(readProof) }),
    1,
    limits.jointReceiptTransactionsMax
  ),
  final: mapOf({
    header: readHeaderJson,
    ancestor: nullable(readAncestor),
    epochs: optional(readEpochs),
    certificate: readCertificate
  })
})

function readJointReceipt(json: CborValue | undefined): JointReceipt | undefined {
  const shape = json === undefined ? undefined : readShape(json)
  if (shape === undefined) return undefined
  const { chain, transactions, final } = shape
  const { header, ancestor } = final
  const certificate = certificateOf(header, final.certificate)
  return { chain, transactions, final: { header, ancestor, epochs: epochsOf(final.epochs), certificate } }
}

function failed(code: ReceiptFailure, at: number | null = null): JointVerdict & { readonly kind: 'failed' } {
  return { kind: 'failed', code, what: RECEIPT_SENTENCES[code], at }
}
