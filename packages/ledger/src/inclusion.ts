/** The part of a receipt that leads from a signed transaction to the header of its block. */
import {
  arrayOf,
  bytesEqual,
  type ChainId,
  concatBytes,
  inclusionProof,
  type Leaf,
  leafHash,
  limits,
  mapOf,
  nameBytes,
  oneOf,
  type Reader,
  sha256,
  toHex
} from '@wardline/codec'
import type { Header } from '@wardline/consensus'
import { hexOf } from './problem.ts'
import { type ParsedTransaction, parseTransaction, verifyTransaction } from './transaction.ts'

/** A sibling on the way from a leaf to its root, and on which side of the way it lies. */
export type PathStep = { readonly side: 'left' | 'right'; readonly hash: Uint8Array }

export type PlacedTransaction = {
  /** The signed transaction. */
  readonly transaction: Uint8Array
  /** From the transaction's leaf up to `header.txRoot`. */
  readonly path: readonly PathStep[]
  /** The block that holds the transaction. */
  readonly header: Header
}

export type PlacementFailure = 'transaction-malformed' | 'transaction-signature' | 'not-in-block'

const PATH_STEPS_MAX = 64

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

/** The transaction, whose signatures hold and which is in its block; or the first thing that is not so. */
export function openPlaced(
  { transaction: bytes, path, header }: PlacedTransaction,
  chain: ChainId
): ParsedTransaction | PlacementFailure {
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') return 'transaction-malformed'
  const { transaction } = result
  if (!verifyTransaction(transaction)) return 'transaction-signature'
  return bytesEqual(rootOf(transaction.leaf, path), nameBytes(header.txRoot)) ? transaction : 'not-in-block'
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

export function pathJson(path: readonly PathStep[]) {
  return path.map(({ side, hash }) => ({ side, hash: toHex(hash) }))
}

export const readTransactionHex: Reader<Uint8Array> = (value) =>
  typeof value === 'string' && value.length <= 2 * limits.transactionBytesMax
    ? hexOf(Math.floor(value.length / 2))(value)
    : undefined

export const readPath = arrayOf(mapOf({ side: oneOf('left', 'right'), hash: hexOf(32) }), 0, PATH_STEPS_MAX)
