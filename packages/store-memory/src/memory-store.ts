/** `KeyValueStore` in memory, over a file that remembers which writes a power cut would take back. */
import { WardlineError } from '@wardline/codec'
import { assertStoreKey, type KeyValueStore, type RangeOptions, type StoreWrite } from '@wardline/ports'
import type { Operations } from './operations.ts'
import { createSortedKeys, type SortedKeys } from './sorted-keys.ts'

/** The content of one store. */
export type StoreFile = {
  readonly values: Map<string, Uint8Array>
  readonly keys: SortedKeys
  /** A write that was called for and is not done yet: a power cut may find it on the disk or not. */
  announce(writes: readonly StoreWrite[]): void
  /** The oldest announced write is done; with `sync` it, and all before it, are durable. */
  complete(sync: boolean): void
  /** The oldest announced write failed and is not on the disk. */
  abandon(): void
  /** Keeps the first `below(n + 1)` of the n writes that are not durable. */
  crash(below: (bound: number) => number): void
  lose(key: string): void
  /** Whoever reads the row gets an error, as of an entry that fails its checksum, until it is written again. */
  damage(key: string): void
  readonly damaged: ReadonlySet<string>
  image(): ReadonlyMap<string, Uint8Array>
  /** Runs before the content changes; for readers that hold a snapshot. */
  readonly beforeChange: Set<() => void>
}

export function createStoreFile(initial: ReadonlyMap<string, Uint8Array> = new Map()): StoreFile {
  const values = new Map(initial)
  const keys = createSortedKeys()
  for (const key of values.keys()) keys.add(key)
  const beforeChange = new Set<() => void>()
  const damaged = new Set<string>()
  const announced: (readonly StoreWrite[])[] = []
  /** Per write that is done and not durable: what it replaced. */
  let undo: StoreWrite[][] = []

  const set = (key: string, value: Uint8Array | null): void => {
    damaged.delete(key)
    if (value === null) {
      if (values.delete(key)) keys.delete(key)
    } else {
      if (!values.has(key)) keys.add(key)
      values.set(key, value)
    }
  }

  const apply = (writes: readonly StoreWrite[]): StoreWrite[] => {
    for (const run of [...beforeChange]) run()
    const replaced: StoreWrite[] = []
    for (const { key, value } of writes) {
      replaced.push({ key, value: values.get(key) ?? null })
      set(key, value)
    }
    return replaced
  }

  return {
    values,
    keys,
    beforeChange,
    announce: (writes) => announced.push(writes),
    complete(sync) {
      const replaced = apply(announced.shift() ?? [])
      if (sync) undo = []
      else undo.push(replaced)
    },
    abandon: () => announced.shift(),
    crash(below) {
      const kept = below(undo.length + announced.length + 1)
      for (const replaced of undo.splice(kept).reverse()) apply(replaced.reverse())
      for (const writes of announced.slice(0, Math.max(0, kept - undo.length))) apply(writes)
      undo = []
      announced.length = 0
    },
    lose: (key) => apply([{ key, value: null }]),
    damage: (key) => damaged.add(key),
    damaged,
    image: () => new Map(values)
  }
}

/** Entries copied at a time by a range. */
const PAGE_ENTRIES = 256

export function openMemoryStore(file: StoreFile, operations: Operations, name: string): KeyValueStore {
  const closedError = (): WardlineError => new WardlineError('store-closed', `The store ${name} is closed.`)
  const corruptError = (): WardlineError =>
    new WardlineError('store-corrupt', `The store ${name} is damaged: an entry fails its checksum.`)

  return {
    get(key) {
      if (operations.isClosed()) throw closedError()
      if (file.damaged.has(key)) throw corruptError()
      return file.values.get(key)
    },
    async write(writes, { sync }) {
      if (operations.isClosed()) throw closedError()
      const copy = writes.map(({ key, value }) => {
        assertStoreKey(key)
        return { key, value: value === null ? null : value.slice() }
      })
      if (operations.isAlive()) file.announce(copy)
      await operations.enqueue({
        finish: () => file.complete(sync),
        abandon: () => file.abandon(),
        error: (cause) => new WardlineError('store-failed', `A write to the store ${name} failed.`, { cause })
      })
    },
    purge(keys, isSpared = () => false) {
      return this.write(
        keys.filter((key) => !isSpared(key)).map((key) => ({ key, value: null })),
        { sync: true }
      )
    },
    async *range(options) {
      if (operations.isClosed()) throw closedError()
      for (const entry of entries(file, options)) {
        if (file.damaged.has(entry[0])) throw corruptError()
        yield entry
      }
    },
    close: () => operations.close()
  }
}

/**
 * The entries as of the first one: copied page by page, and the rest at once if the content is about to change, so that
 * leaving a long range early costs little.
 */
function* entries(file: StoreFile, options: RangeOptions): Generator<readonly [key: string, value: Uint8Array]> {
  const reverse = options.reverse ?? false
  let left = options.limit ?? Number.POSITIVE_INFINITY
  let { from, to } = options
  let page: (readonly [string, Uint8Array])[] = []
  let place = 0

  const fetch = (count: number): void => {
    const found = file.keys.slice(from, to, Math.min(count, left), reverse)
    left = found.length < count ? 0 : left - found.length
    const last = found.at(-1)
    if (last !== undefined) {
      if (reverse) to = last
      // The least string above `last`.
      else from = `${last}\0`
    }
    page = page.slice(place).concat(found.map((key) => [key, file.values.get(key) as Uint8Array]))
    place = 0
  }
  const fetchRest = (): void => {
    if (left > 0) fetch(Number.POSITIVE_INFINITY)
    left = 0
    file.beforeChange.delete(fetchRest)
  }

  file.beforeChange.add(fetchRest)
  try {
    for (;;) {
      if (place === page.length) {
        if (left > 0) fetch(PAGE_ENTRIES)
        if (place === page.length) return
      }
      const entry = page[place] as readonly [string, Uint8Array]
      place += 1
      yield entry
    }
  } finally {
    file.beforeChange.delete(fetchRest)
  }
}
