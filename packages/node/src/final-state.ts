/**
 * The final state as the ledger's rules read it, with the rows that were read lately kept in memory: every transaction is
 * judged several times on its way, each time by the same few members. A row that is read again is the same array, which the
 * ledger relies on to decode it once. That a row is not there is kept as well: a new id, record or member is looked up each
 * time that its transaction is judged.
 */
import type { Change, StateView } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { keys } from './layout.ts'

export type FinalState = StateView & {
  /**
   * Answers these rows as they are until `update`; call before they are written. A store shows what is written before it says
   * that it is, and rows of two blocks at once would be a state that the chain never had.
   * @param added rows that are not there yet, which saves looking
   */
  hold(changes: readonly Change[], added: readonly Change[]): void
  /** Takes in what a block changed, the used ids too; call as soon as it is in the store. */
  update(changes: readonly Change[]): void
}

const ROWS_MAX = 4_096
/** More than are pending in a busy chain; the oldest leaves first. */
const ABSENT_MAX = 4_096
/**
 * Larger rows than the largest grant are read from the store each time; of the others the oldest leaves first, whether or not
 * it is in use.
 */
const ROW_BYTES_MAX = 8_192

export function createFinalState(store: KeyValueStore): FinalState {
  const rows = new Map<string, Uint8Array>()
  const absent = new Set<string>()
  const held = new Map<string, Uint8Array | undefined>()

  function keep(key: string, value: Uint8Array): void {
    // Used ids are looked up once each, and removed by housekeeping that no block lists.
    if (key.startsWith('seen/')) return
    if (value.length > ROW_BYTES_MAX) rows.delete(key)
    else rows.set(key, value)
    if (rows.size > ROWS_MAX) rows.delete(rows.keys().next().value as string)
  }

  function miss(key: string): void {
    absent.add(key)
    if (absent.size > ABSENT_MAX) absent.delete(absent.keys().next().value as string)
  }

  function get(key: string): Uint8Array | undefined {
    if (held.has(key)) return held.get(key)
    const known = rows.get(key)
    if (known !== undefined) return known
    if (absent.has(key)) return undefined
    const value = store.get(keys.state(key))
    if (value === undefined) miss(key)
    else keep(key, value)
    return value
  }

  return {
    get,
    hold(changes, added) {
      for (const { key } of changes) held.set(key, get(key))
      for (const { key } of added) held.set(key, undefined)
    },
    update(changes) {
      for (const { key, value } of changes) {
        held.delete(key)
        absent.delete(key)
        if (value === null) rows.delete(key)
        else keep(key, value)
      }
    }
  }
}
