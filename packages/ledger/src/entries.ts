/**
 * The entries of one alias: every transaction that touches it, in final order, linked by hash. The ledger links them, not
 * their authors: a predecessor named by an author would make one of two hospitals' visits at the same time fail.
 */
import {
  type Alias,
  bytes32,
  type ChainId,
  decodeStored,
  encodeCbor,
  type Hash,
  mapOf,
  nameBytes,
  type TransactionId,
  taggedHash,
  uint
} from '@wardline/codec'
import type { Overlay, StateView } from './overlay.ts'
import { stateKeys } from './state-keys.ts'

/** How many entries an alias has, and the hash of the last. */
export type Entries = { readonly count: number; readonly head: Hash }

/** The alias's entries, or undefined if nothing has touched it. */
export function readEntries(state: StateView, alias: Alias): Entries | undefined {
  return decodeStored(state.get(stateKeys.entries(alias)), readStored)
}

/** Adds the next entry of the alias. */
export function appendEntry(state: Overlay, chain: ChainId, alias: Alias, id: TransactionId): Entries {
  const last = readEntries(state, alias)
  const count = (last?.count ?? 0) + 1
  const head = entryHash(chain, alias, count, last?.head, id)
  state.set(stateKeys.entries(alias), encodeCbor({ count, head: nameBytes(head) }))
  return { count, head }
}

/**
 * `SHA-256("wardline/entry/1" || chain || alias || number (8 bytes, big-endian) || hash of the entry before || id)`; numbers
 * count from 1, and zeros stand before the first.
 */
export function entryHash(
  chain: ChainId,
  alias: Alias,
  number: number,
  before: Hash | undefined,
  id: TransactionId
): Hash {
  const digits = new Uint8Array(8)
  new DataView(digits.buffer).setBigUint64(0, BigInt(number))
  const previous = before === undefined ? new Uint8Array(32) : nameBytes(before)
  return taggedHash('wardline/entry/1', nameBytes(chain), nameBytes(alias), digits, previous, nameBytes(id))
}

const readStored = mapOf({ count: uint, head: bytes32<Hash> })
