/**
 * Pending transactions of one chain, in memory, in order of arrival. Everything in it has been judged once and its
 * signatures verified. Those accepted from a client here are also on disk (`submit.ts`); the others came by gossip.
 */
import { type Leaf, limits, type MemberId, type TransactionId } from '@wardline/codec'
import { NO_EXPIRY, type ParsedTransaction, sharedPayloadSize } from '@wardline/ledger'
import { conflictKey } from './conflicts.ts'

export type Mempool = {
  /**
   * Takes a transaction in. A sponsor has its fair share of `limits.mempoolBytesMax`. Unused shares are lent out: above its
   * own a sponsor may use as much as is left free for all others, so that one alone never gets more than half, and only
   * while a fifth of the whole is free; and one transaction always, while anything is free. A payload that every member must
   * hold counts with its transaction, for it is fetched and kept before a block has it. What never expires has room of its
   * own (`limits.mempoolAccessBytesMax`, shared out in the same way) before it uses any of this. Of those that exclude each
   * other only a few are taken, of which `busy` tells too.
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
  /** With the payloads that every member must hold. */
  readonly sizeBytes: number
}

const LENT_OUT = 0.8

type Entry = {
  readonly transaction: ParsedTransaction
  readonly sponsor: MemberId
  readonly conflict: string
  readonly room: Room
}

/** Bytes that sponsors share. */
type Room = {
  hasRoom(size: number, sponsor: MemberId, sponsors: number): boolean
  /** Adds to what the sponsor uses, or takes away. */
  use(size: number, sponsor: MemberId): void
  readonly sizeBytes: number
}

function createRoom(capacityBytes: number): Room {
  const usedBytes = new Map<MemberId, number>()
  let sizeBytes = 0
  return {
    hasRoom(size, sponsor, sponsors) {
      const used = usedBytes.get(sponsor) ?? 0
      const freeBytes = capacityBytes - sizeBytes - size
      if (freeBytes < 0) return false
      if (used === 0 || used + size <= capacityBytes / Math.max(1, sponsors)) return true
      return used + size <= freeBytes && sizeBytes + size <= capacityBytes * LENT_OUT
    },
    use(size, sponsor) {
      sizeBytes += size
      const used = (usedBytes.get(sponsor) ?? 0) + size
      if (used > 0) usedBytes.set(sponsor, used)
      else usedBytes.delete(sponsor)
    },
    get sizeBytes() {
      return sizeBytes
    }
  }
}

function sizeOf(transaction: ParsedTransaction): number {
  return transaction.bytes.length + sharedPayloadSize(transaction)
}

export function createMempool(
  capacityBytes: number = limits.mempoolBytesMax,
  accessCapacityBytes: number = limits.mempoolAccessBytesMax
): Mempool {
  const common = createRoom(capacityBytes)
  const reserved = createRoom(accessCapacityBytes)
  const entries = new Map<Leaf, Entry>()
  /** Most ids have one; several signatures over one id are several leaves. */
  const leavesOf = new Map<TransactionId, readonly Leaf[]>()
  const conflicting = new Map<string, number>()

  const conflictsWith = (conflict: string) => conflicting.get(conflict) ?? 0

  /** The room that has a place for it. */
  function roomFor(transaction: ParsedTransaction, sponsor: MemberId, sponsors: number): Room | undefined {
    if (conflictsWith(conflictKey(transaction)) >= limits.pendingPerConflictMax) return undefined
    const rooms = transaction.expires === NO_EXPIRY ? [reserved, common] : [common]
    return rooms.find((room) => room.hasRoom(sizeOf(transaction), sponsor, sponsors))
  }

  return {
    add(transaction, sponsor, sponsors) {
      if (entries.has(transaction.leaf)) return 'known'
      const room = roomFor(transaction, sponsor, sponsors)
      if (room === undefined) return 'busy'
      const conflict = conflictKey(transaction)
      entries.set(transaction.leaf, { transaction, sponsor, conflict, room })
      conflicting.set(conflict, conflictsWith(conflict) + 1)
      leavesOf.set(transaction.id, [...(leavesOf.get(transaction.id) ?? []), transaction.leaf])
      room.use(sizeOf(transaction), sponsor)
      return 'added'
    },
    hasRoomFor: (transaction, sponsor, sponsors) => roomFor(transaction, sponsor, sponsors) !== undefined,
    has: (leaf) => entries.has(leaf),
    get: (leaf) => entries.get(leaf)?.transaction,
    withId(id) {
      const leaf = leavesOf.get(id)?.[0]
      return leaf === undefined ? undefined : entries.get(leaf)?.transaction
    },
    remove(leaf) {
      const entry = entries.get(leaf)
      if (entry === undefined) return
      entries.delete(leaf)
      const others = (leavesOf.get(entry.transaction.id) ?? []).filter((other) => other !== leaf)
      if (others.length > 0) leavesOf.set(entry.transaction.id, others)
      else leavesOf.delete(entry.transaction.id)
      entry.room.use(-sizeOf(entry.transaction), entry.sponsor)
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
      return common.sizeBytes + reserved.sizeBytes
    }
  }
}
