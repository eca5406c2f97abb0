/**
 * What timelines and access logs have in common: the entries of an alias, in final order, numbered from 1 without a gap and
 * linked by hash.
 */
import {
  type Alias,
  assert,
  bytes32,
  type ChainId,
  type Hash,
  type MemberId,
  readHeight,
  type TransactionId,
  uint
} from '@wardline/codec'
import { entryHash, type ParsedTransaction, readEntries, type StateView } from '@wardline/ledger'

export type KeyRange = { readonly from: string; readonly to: string }

/** The fields that the row of every entry has. */
export const entryFields = {
  /** What links the entry to those before it. */
  hash: bytes32<Hash>,
  id: bytes32<TransactionId>,
  /** Who wrote it, or sponsored what the patient wrote. */
  hospital: bytes32<MemberId>,
  /** Of the block, milliseconds. */
  time: uint,
  height: readHeight
}

/** A number as it stands in a key: such keys sort as their numbers do. */
export function digits(number: number): string {
  return String(number).padStart(16, '0')
}

/** The number at the end of a row's key. */
export function numberOfKey(key: string): number {
  return Number(key.slice(-16))
}

/** A transaction as the entry that it makes. */
export type Entry<T> = { readonly tx: T; readonly alias: Alias; readonly number: number; readonly hash: Hash }

/**
 * The entries that the transactions of one block make. Numbers and hashes go on from the row before, and must come to what
 * the ledger's state has: a log with a gap would be worse than none.
 * @param touching the transactions that touch an alias, all of them, in the block's order
 * @param rowHash of the entry that has this number, from its row
 */
export function entriesOf<T extends ParsedTransaction>(
  state: StateView,
  chain: ChainId,
  touching: readonly T[],
  aliasOf: (tx: T) => Alias,
  rowHash: (alias: Alias, number: number) => Hash | undefined
): readonly Entry<T>[] {
  const added = new Map<Alias, number>()
  for (const alias of touching.map(aliasOf)) added.set(alias, (added.get(alias) ?? 0) + 1)
  const heads = new Map<Alias, { readonly number: number; readonly hash: Hash | undefined }>()

  /** The newest entry before the block: the state counts those of the block already. */
  function headBefore(alias: Alias) {
    const number = (readEntries(state, alias)?.count ?? 0) - (added.get(alias) ?? 0)
    const hash = number === 0 ? undefined : rowHash(alias, number)
    assert(number === 0 || hash !== undefined, 'an entry follows on another one')
    return { number, hash }
  }

  const entries = touching.map((tx) => {
    const alias = aliasOf(tx)
    const head = heads.get(alias) ?? headBefore(alias)
    const number = head.number + 1
    const hash = entryHash(chain, alias, number, head.hash, tx.id)
    heads.set(alias, { number, hash })
    return { tx, alias, number, hash }
  })
  for (const [alias, { number, hash }] of heads) {
    const known = readEntries(state, alias)
    assert(known?.count === number && known.head === hash, 'a log has every entry of its alias')
  }
  return entries
}
