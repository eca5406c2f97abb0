/** A block's transactions: executing them in order, the roots that the header commits to, and their bytes for other daemons. */
import { concatBytes, type Hash, type Leaf, limits, merkleRoot, name32, nameBytes, taggedHash } from '@wardline/codec'
import { apply, judge, type Verdict } from './judge.ts'
import type { Position } from './kind.ts'
import { traitsOf } from './kinds.ts'
import { type Change, createOverlay, remembering, type StateView } from './overlay.ts'
import { readMode, readParameters } from './parameters.ts'
import { notePastBlock } from './past-blocks.ts'
import type { BlockCode, RefusalCode } from './refusals.ts'
import type { ParsedTransaction } from './transaction.ts'

export type BlockChanges = {
  /** What goes into the changes root, ascending by key. */
  readonly changes: readonly Change[]
  /** The used ids, ascending by key: written with the block and layered with it, outside the changes root. */
  readonly seen: readonly Change[]
}

/** A block in the making on one state; grows by what is accepted. */
export interface BlockBuilder {
  /** Judges `tx` after what was accepted before and, if it is accepted and fits, applies it. */
  add(tx: ParsedTransaction): Verdict | { readonly kind: 'full'; readonly code: BlockCode }
  /** What the transactions accepted so far change together. */
  changes(): BlockChanges
}

/** A block on `state` at `position`: for a leader that selects, and for `execute`. `state` must not change meanwhile. */
export function createBlock(state: StateView, position: Position): BlockBuilder {
  const base = remembering(state)
  const { blockBodyBytesMax, blockTransactionsMax } = readParameters(base)
  const overlay = createOverlay(base)
  if (readMode(base) === 'SPV') notePastBlock(overlay, position)
  let count = 0
  let size = 0
  let payloads = 0
  let accesses = 0
  let isClosing = false
  return {
    add(tx) {
      if (isClosing) return { kind: 'full', code: 'change-not-last' }
      if (count + 1 > blockTransactionsMax) return { kind: 'full', code: 'block-too-many' }
      if (size + tx.bytes.length > blockBodyBytesMax) return { kind: 'full', code: 'block-too-large' }
      const payload = sharedPayloadSize(tx)
      if (payloads + payload > limits.blockPayloadBytesMax) return { kind: 'full', code: 'payloads-too-large' }
      // Each evaluates a patient's grants: what many of them cost must not hold up whoever executes the block.
      const isAccess = tx.kind === 'spv.access'
      if (isAccess && accesses === limits.blockAccessesMax) return { kind: 'full', code: 'accesses-too-many' }
      const verdict = judge(overlay, tx, position.time)
      if (verdict.kind === 'refuse') return verdict
      apply(overlay, tx, position)
      count += 1
      size += tx.bytes.length
      payloads += payload
      if (isAccess) accesses += 1
      // What follows would be judged by other validators than those who vote for this block.
      if (tx.kind === 'validator.change') isClosing = true
      return verdict
    },
    changes() {
      const all = overlay.changes()
      const isSeen = ({ key }: Change) => key.startsWith('seen/')
      return { changes: all.filter((change) => !isSeen(change)), seen: all.filter(isSeen) }
    }
  }
}

/** The size of a payload that every member must hold, bytes; 0 if the transaction names none. */
export function sharedPayloadSize({ kind, payload }: ParsedTransaction): number {
  return traitsOf(kind).payload === 'everyone' ? (payload?.size ?? 0) : 0
}

export type ExecutedBlock = Position & { readonly transactions: readonly ParsedTransaction[] }

export type Execution =
  | ({ readonly kind: 'ok' } & BlockChanges)
  | { readonly kind: 'invalid'; readonly index: number; readonly code: RefusalCode | BlockCode }

/**
 * Executes a block on the state of its parent: transaction i is judged after i-1, and one that is refused or does not fit
 * makes the block invalid. All signatures have been verified. Reads neither clock nor payloads.
 */
export function execute(state: StateView, { transactions, ...position }: ExecutedBlock): Execution {
  const block = createBlock(state, position)
  for (const [index, tx] of transactions.entries()) {
    const verdict = block.add(tx)
    if (verdict.kind !== 'accept') return { kind: 'invalid', index, code: verdict.code }
  }
  return { kind: 'ok', ...block.changes() }
}

/** RFC 6962 root over the block's leaves, in order. */
export function txRoot(leaves: readonly Leaf[]): Hash {
  return name32<Hash>(merkleRoot(leaves.map(nameBytes)))
}

/** What `appHash` follows on at height 0, and the map root of a chain without an authenticated map. */
const zeros = new Uint8Array(32)
export const NO_APP_HASH: Hash = name32<Hash>(zeros)

/**
 * `SHA-256("wardline/app/1" || previous || changesRoot || mapRoot)`, mapRoot zeros. `changes` ascending by key, without
 * the used ids.
 */
export function appHash(previous: Hash, changes: readonly Change[]): Hash {
  return taggedHash('wardline/app/1', nameBytes(previous), merkleRoot(changes.map(changeLeaf)), zeros)
}

/** `key size (2, big-endian) || key || SHA-256("wardline/value/1" || value)`; nothing follows the key of a removal. */
function changeLeaf({ key, value }: Change): Uint8Array {
  const name = new TextEncoder().encode(key)
  const size = Uint8Array.of(name.length >> 8, name.length & 255)
  return value === null
    ? concatBytes(size, name)
    : concatBytes(size, name, nameBytes(taggedHash('wardline/value/1', value)))
}

/** A block's signed transactions for another daemon: for each its size (4 bytes, big-endian), then its bytes. */
export function encodeBlockBody(transactions: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...transactions.flatMap((bytes) => [uint32(bytes.length), bytes]))
}

/**
 * The signed transactions in `body`, each a view into it and not yet parsed.
 * @returns undefined unless `encodeBlockBody` writes exactly this, within the limits of any chain
 */
export function decodeBlockBody(body: Uint8Array): readonly Uint8Array[] | undefined {
  if (body.length > limits.blockBodyBytesMax + 4 * limits.blockTransactionsMax) return undefined
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const transactions: Uint8Array[] = []
  for (let offset = 0; offset < body.length; ) {
    if (body.length - offset < 4 || transactions.length === limits.blockTransactionsMax) return undefined
    const size = view.getUint32(offset)
    offset += 4
    if (size === 0 || size > limits.transactionBytesMax || size > body.length - offset) return undefined
    transactions.push(body.subarray(offset, offset + size))
    offset += size
  }
  return transactions
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}
