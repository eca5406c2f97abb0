/**
 * Pending transactions of one chain, in memory, in order of arrival. Everything in it has been judged once and its
 * signatures verified. Those accepted from a client here are also on disk (`submit.ts`); the others came by gossip.
 */
import { type Leaf, limits, type MemberId, type TransactionId } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'
import { conflictKey } from './conflicts.ts'

export type Mempool = {
  /**
   * Takes a transaction in. A sponsor has its fair share of `limits.mempoolBytesMax`. Unused shares are lent out: above its
   * own a sponsor may use as much as is left free for all others, so that one alone never gets more than half, and only
   * while a fifth of the whole is free. Of those that exclude each other only a few are taken, of which `busy` tells too.
   * @param sponsors how many share; 1 takes whatever still fits
   */
  add(transaction: ParsedTransaction, sponsor: MemberId, sponsors: number): 'added' | 'known' | 'busy'
  /** Whether `add` would take it in now, were it not known. */
  hasRoomFor(transaction: ParsedTransaction, sponsor: MemberId, sponsors: number): boolean
  has(leaf: Leaf): boolean
  get(leaf: Leaf): ParsedTransaction | undefined
  /** A pending transaction that says this; the first one if several signatures over one id are pending. */
  withId(id: TransactionId): ParsedTransaction | undefined
  remove(leaf: Leaf): void
  /** Puts it behind all others, because a block could not take it. */
  postpone(leaf: Leaf): void
  /** In order of arrival, what was postponed last. */
  all(): IterableIterator<ParsedTransaction>
  readonly size: number
  readonly sizeBytes: number
}

const LENT_OUT = 0.8

type Entry = { readonly transaction: ParsedTransaction; readonly sponsor: MemberId; readonly conflict: string }

export function createMempool(capacityBytes: number = limits.mempoolBytesMax): Mempool {
  const entries = new Map<Leaf, Entry>()
  const leafOf = new Map<TransactionId, Leaf>()
  const usedBytes = new Map<MemberId, number>()
  const conflicting = new Map<string, number>()
  let sizeBytes = 0

  const conflictsWith = (conflict: string) => conflicting.get(conflict) ?? 0

  function hasRoom(size: number, sponsor: MemberId, sponsors: number, conflict: string): boolean {
    if (conflictsWith(conflict) >= limits.pendingPerConflictMax) return false
    const used = usedBytes.get(sponsor) ?? 0
    const freeBytes = capacityBytes - sizeBytes - size
    if (freeBytes < 0) return false
    if (used + size <= capacityBytes / Math.max(1, sponsors)) return true
    return used + size <= freeBytes && sizeBytes + size <= capacityBytes * LENT_OUT
  }

  return {
    add(transaction, sponsor, sponsors) {
      if (entries.has(transaction.leaf)) return 'known'
      const size = transaction.bytes.length
      const conflict = conflictKey(transaction)
      if (!hasRoom(size, sponsor, sponsors, conflict)) return 'busy'
      entries.set(transaction.leaf, { transaction, sponsor, conflict })
      conflicting.set(conflict, conflictsWith(conflict) + 1)
      if (!leafOf.has(transaction.id)) leafOf.set(transaction.id, transaction.leaf)
      usedBytes.set(sponsor, (usedBytes.get(sponsor) ?? 0) + size)
      sizeBytes += size
      return 'added'
    },
    hasRoomFor: (transaction, sponsor, sponsors) =>
      hasRoom(transaction.bytes.length, sponsor, sponsors, conflictKey(transaction)),
    has: (leaf) => entries.has(leaf),
    get: (leaf) => entries.get(leaf)?.transaction,
    withId(id) {
      const leaf = leafOf.get(id)
      return leaf === undefined ? undefined : entries.get(leaf)?.transaction
    },
    remove(leaf) {
      const entry = entries.get(leaf)
      if (entry === undefined) return
      entries.delete(leaf)
      if (leafOf.get(entry.transaction.id) === leaf) leafOf.delete(entry.transaction.id)
      const left = (usedBytes.get(entry.sponsor) ?? 0) - entry.transaction.bytes.length
      if (left > 0) usedBytes.set(entry.sponsor, left)
      else usedBytes.delete(entry.sponsor)
      sizeBytes -= entry.transaction.bytes.length
      const conflicts = conflictsWith(entry.conflict) - 1
      if (conflicts > 0) conflicting.set(entry.conflict, conflicts)
      else conflicting.delete(entry.conflict)
    },
    postpone(leaf) {
      const entry = entries.get(leaf)
      if (entry !== undefined && entries.delete(leaf)) entries.set(leaf, entry)
    },
    *all() {
      for (const { transaction } of entries.values()) yield transaction
    },
    get size() {
      return entries.size
    },
    get sizeBytes() {
      return sizeBytes
    }
  }
}
