/**
 * The final state as the ledger's rules read it, with the rows that were read lately kept in memory: every transaction is
 * judged several times on its way, each time by the same few members. A row that is read again is the same array, which the
 * ledger relies on to decode it once.
 */
import type { Change, StateView } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { keys } from './layout.ts'

export type FinalState = StateView & {
  /** Takes in what a block changed; call when it is in the store. */
  update(changes: readonly Change[]): void
}

const ROWS_MAX = 4_096
/** Larger rows are read from the store each time; of the others the oldest leaves first, whether or not it is in use. */
const ROW_BYTES_MAX = 4_096

export function createFinalState(store: KeyValueStore): FinalState {
  const rows = new Map<string, Uint8Array>()

  function keep(key: string, value: Uint8Array): void {
    if (value.length > ROW_BYTES_MAX) rows.delete(key)
    else rows.set(key, value)
    if (rows.size > ROWS_MAX) rows.delete(rows.keys().next().value as string)
  }

  return {
    get(key) {
      const known = rows.get(key)
      if (known !== undefined) return known
      const value = store.get(keys.state(key))
      // Used ids are looked up once each, and removed by housekeeping that no block lists.
      if (value !== undefined && !key.startsWith('seen/')) keep(key, value)
      return value
    },
    update(changes) {
      for (const { key, value } of changes) {
        if (value === null) rows.delete(key)
        else keep(key, value)
      }
    }
  }
}
