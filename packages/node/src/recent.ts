/**
 * The transactions that became final last, parsed. They are asked for next: by the duty of each receiver, by those who lack a
 * payload, and by whoever waited for them. Reading one from the store takes four rows, the block's body among them.
 */
import type { TransactionId } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'

/** Of their signed bytes; parsed they take five to seven times as much (measured). */
const BYTES_MAX = 512 * 1024

export type RecentTransactions = {
  /** Those of a block that is on disk. */
  add(transactions: readonly ParsedTransaction[]): void
  get(id: TransactionId): ParsedTransaction | undefined
}

export function createRecentTransactions(): RecentTransactions {
  const recent = new Map<TransactionId, ParsedTransaction>()
  let bytes = 0

  return {
    add(transactions) {
      for (const transaction of transactions) {
        recent.set(transaction.id, transaction)
        bytes += transaction.bytes.length
      }
      for (const [id, oldest] of recent) {
        if (bytes <= BYTES_MAX) break
        recent.delete(id)
        bytes -= oldest.bytes.length
      }
    },
    get: (id) => recent.get(id)
  }
}
