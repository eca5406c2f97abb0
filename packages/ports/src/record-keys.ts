import type { TransactionId } from '@wardline/codec'

/**
 * One random key for the payload of each transaction that every member of a chain holds in the clear, kept apart from the
 * chain's database and its backups: a record whose key is gone is gone from all of them.
 */
export interface RecordKeys {
  /**
   * The 32-byte key of this transaction, undefined if there is none. A key that it gives is durable. The caller owns it.
   * @throws WardlineError `record-keys-closed`
   */
  get(id: TransactionId): Uint8Array | undefined
  /**
   * The key of this transaction, made at random if there is none; resolves once it survives a power cut. Two calls for one
   * transaction, at once or one after the other, give one key; concurrent calls share their syncs. The caller owns it.
   * @throws WardlineError `record-keys-failed` (cause inside); every later call that must write fails too, the process must
   * end. `record-keys-closed`
   */
  create(id: TransactionId): Promise<Uint8Array>
  /** Waits for the writes under way; afterwards every call fails with `record-keys-closed`. Closing twice does nothing. */
  close(): Promise<void>
}
