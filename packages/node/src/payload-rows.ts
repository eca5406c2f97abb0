/**
 * Payloads on this daemon's disk. What every member of a chain holds in the clear is encrypted here under a key of its own,
 * which lies outside of the database (`RecordKeys`): a database keeps deleted bytes for a while and its backups keep them
 * longer, and a record whose key is gone is gone from all of them.
 *
 * One key encrypts one message: what it is made for is named by the transaction's commitment. So the nonce need not differ.
 */
import { type TransactionId, WardlineError } from '@wardline/codec'
import { decryptAes, encryptAes } from '@wardline/crypto'
import { type ParsedTransaction, payloadFault, payloadHolders, type StateView } from '@wardline/ledger'
import type { KeyValueStore, RecordKeys, StoreWrite } from '@wardline/ports'
import { decimalRow, keys } from './layout.ts'

export type StoredPayload =
  | { readonly kind: 'here'; readonly payload: Uint8Array }
  | { readonly kind: 'absent' }
  /** What lies there does not decrypt, or is not what the transaction names: only another member's copy helps. */
  | { readonly kind: 'damaged' }

export type PayloadRows = {
  /** Whether it is durable here; reads none of it. */
  has(id: TransactionId): boolean
  /** Reads it and holds it against the transaction. */
  read(transaction: ParsedTransaction): StoredPayload
  /** Makes it durable, together with `more`. The caller has found no fault in it. */
  keep(transaction: ParsedTransaction, payload: Uint8Array, more?: readonly StoreWrite[]): Promise<void>
  /** Destroys them, but for those that are spared at the moment of deleting: no file of the database holds them any more. */
  erase(ids: readonly TransactionId[], isSpared?: (id: TransactionId) => boolean): Promise<void>
  /** Removes it, together with `more`. Its bytes stay in the files of the database until they are compacted. */
  remove(id: TransactionId, more?: readonly StoreWrite[]): Promise<void>
}

/** `payloads/missing` of what is still to be fetched. */
export const WANTED = 'wanted'

const NONCE = new Uint8Array(12)

/** Whether every member must hold the payload of this transaction, and so nobody votes for it without. */
export function isForEveryone(transaction: ParsedTransaction): boolean {
  return transaction.payload !== undefined && payloadHolders(transaction) === 'everyone'
}

export function createPayloadRows(store: KeyValueStore, recordKeys: RecordKeys, state: StateView): PayloadRows {
  /** Being written: a store may show a write before it is synced. */
  const writing = new Set<TransactionId>()

  return {
    has: (id) => !writing.has(id) && store.get(keys.payloadSize(id)) !== undefined,

    read: (transaction) => readPayload(store, recordKeys, state, transaction),

    async keep(transaction, payload, more = []) {
      const { id } = transaction
      const isForAll = isForEveryone(transaction)
      // The key is durable before anything that needs it: the other way round a crash loses the payload.
      const bytes = isForAll ? encrypt(await recordKeys.create(id), id, payload) : payload
      const writes: StoreWrite[] = [
        { key: keys.payload(id), value: bytes },
        { key: keys.payloadSize(id), value: decimalRow(payload.length) }
      ]
      if (isForAll) {
        const isFinal = store.get(keys.transaction(id)) !== undefined
        const expires = decimalRow(transaction.expires)
        writes.push(
          { key: keys.payloadMissing(id), value: null },
          { key: keys.payloadPending(id), value: isFinal ? null : expires }
        )
      }
      writing.add(id)
      try {
        await store.write([...writes, ...more], { sync: true })
      } finally {
        writing.delete(id)
      }
    },

    erase(ids, isSpared = () => false) {
      const idOf = new Map(ids.flatMap((id) => [keys.payload(id), keys.payloadSize(id)].map((key) => [key, id])))
      return store.purge([...idOf.keys()], (key) => isSpared(idOf.get(key) as TransactionId))
    },

    remove(id, more = []) {
      const names = [keys.payload(id), keys.payloadSize(id), keys.payloadPending(id)]
      return store.write([...names.map((key) => ({ key, value: null })), ...more], { sync: false })
    }
  }
}

/** The stored payload of a transaction, decrypted and held against what the transaction names. */
export function readPayload(
  store: KeyValueStore,
  recordKeys: Pick<RecordKeys, 'get'>,
  state: StateView,
  transaction: ParsedTransaction
): StoredPayload {
  const { id } = transaction
  const row = readRow(store, id)
  if (row === undefined) return { kind: store.get(keys.payloadSize(id)) === undefined ? 'absent' : 'damaged' }
  const payload = isForEveryone(transaction) ? decrypt(recordKeys.get(id), id, row) : row
  if (payload === undefined || payloadFault(state, transaction, payload) !== undefined) return { kind: 'damaged' }
  return { kind: 'here', payload }
}

/** Bytes that the database itself finds damaged are as good as any other damage: they can be fetched again. */
function readRow(store: KeyValueStore, id: TransactionId): Uint8Array | undefined {
  try {
    return store.get(keys.payload(id))
  } catch (error) {
    if (error instanceof WardlineError && error.code === 'store-corrupt') return undefined
    throw error
  }
}

function encrypt(key: Uint8Array, id: TransactionId, payload: Uint8Array): Uint8Array {
  return encryptAes({ key, nonce: NONCE, associatedData: rowName(id) }, payload)
}

function decrypt(key: Uint8Array | undefined, id: TransactionId, row: Uint8Array): Uint8Array | undefined {
  return key && decryptAes({ key, nonce: NONCE, associatedData: rowName(id) }, row)
}

function rowName(id: TransactionId): Uint8Array {
  return new TextEncoder().encode(keys.payload(id))
}
