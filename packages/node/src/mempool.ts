/**
 * Pending transactions of one chain, in memory, in order of arrival. Everything in it has been judged once and its
 * signatures verified. Those accepted from a client here are also on disk (`submit.ts`); the others came by gossip.
 */
import { type Leaf, limits, type MemberId, type TransactionId } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'

export type Mempool = {
  /**
   * Takes a transaction in. Up to 80 % of `limits.mempoolBytesMax` is open to all, so that unused shares are lent out;
   * above, only a sponsor below its fair share of the whole is admitted, so that a flood of one cannot lock out another.
   * @param sponsors how many share; 1 takes whatever still fits
   */
  add(transaction: ParsedTransaction, sponsor: MemberId, sponsors: number): 'added' | 'known' | 'busy'
  has(leaf: Leaf): boolean
  get(leaf: Leaf): ParsedTransaction | undefined
  /** A pending transaction that says this; the first one if several signatures over one id are pending. */
  withId(id: TransactionId): ParsedTransaction | undefined
  remove(leaf: Leaf): void
  /** In order of arrival. */
  all(): IterableIterator<ParsedTransaction>
  readonly size: number
  readonly sizeBytes: number
}

const OPEN_TO_ALL = 0.8

type Entry = { readonly transaction: ParsedTransaction; readonly sponsor: MemberId }

export function createMempool(capacityBytes: number = limits.mempoolBytesMax): Mempool {
  const entries = new Map<Leaf, Entry>()
  const leafOf = new Map<TransactionId, Leaf>()
  const usedBytes = new Map<MemberId, number>()
  let sizeBytes = 0

  return {
    add(transaction, sponsor, sponsors) {
      if (entries.has(transaction.leaf)) return 'known'
      const size = transaction.bytes.length
      const used = usedBytes.get(sponsor) ?? 0
      const crowded = sizeBytes + size > capacityBytes * OPEN_TO_ALL
      if (crowded && (sizeBytes + size > capacityBytes || used + size > capacityBytes / Math.max(1, sponsors)))
        return 'busy'
      entries.set(transaction.leaf, { transaction, sponsor })
      if (!leafOf.has(transaction.id)) leafOf.set(transaction.id, transaction.leaf)
      usedBytes.set(sponsor, used + size)
      sizeBytes += size
      return 'added'
    },
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
