/**
 * An ordered key-value store of one chain. Keys are ASCII strings (`prefix/…`), ordered by their bytes; values are bytes.
 * Reads see every write whose promise has resolved. Reading is synchronous because the ledger's rules are: a read is
 * microseconds from LevelDB's cache, and a rule that could be suspended in its middle could be interleaved.
 */
export interface KeyValueStore {
  /**
   * The value, or undefined where the key is absent. The caller must not modify it.
   * @throws WardlineError `store-corrupt` where what lies there is not what was written, `store-failed`, `store-closed`
   */
  get(key: string): Uint8Array | undefined
  /**
   * All writes or none; of two writes to one key the later counts. With `sync` it resolves only once they, and every write
   * before them, survive a power cut; without, once they are visible. Calls take effect in their order.
   * @throws WardlineError `store-failed` (cause inside); every later write fails too, the process must end. `store-closed`
   */
  write(writes: readonly StoreWrite[], options: { readonly sync: boolean }): Promise<void>
  /**
   * Deletes the keys durably and for good: once it resolves, nothing that this store keeps on the disk holds their values. It
   * rewrites what held them, which takes up to seconds and is nothing to do for each transaction; it waits for the ranges
   * that were open when it was called, so it is never awaited inside one. After a crash on the way, call it again.
   * @param isSpared asked of each key at the moment of deleting: whether it is wanted again, and stays
   * @throws WardlineError as `write`
   */
  purge(keys: readonly string[], isSpared?: (key: string) => boolean): Promise<void>
  /**
   * Entries with `from <= key < to`, ascending (or descending with `reverse`), at most `limit`: a consistent snapshot,
   * taken when the first entry is asked for. Finish the loop or break out of it before `close`.
   */
  range(options: RangeOptions): AsyncIterable<readonly [key: string, value: Uint8Array]>
  /** Waits for the writes under way; afterwards every call fails with `store-closed`. Closing twice does nothing. */
  close(): Promise<void>
}

/** `value: null` deletes the key. */
export type StoreWrite = { readonly key: string; readonly value: Uint8Array | null }

export type RangeOptions = {
  readonly from: string
  readonly to: string
  readonly limit?: number
  readonly reverse?: boolean
}
