/**
 * The disk of one simulated machine. It outlives the process: `crash` is the end of the process together with a power cut.
 * What was synced stays; of what was not, as much is lost as the caller asks for. Handles of a crashed process go dead: their
 * promises never settle, as for code that no longer runs.
 */
import { assert, WardlineError } from '@wardline/codec'
import type { Clock, Journal, KeyValueStore } from '@wardline/ports'
import { createJournalFile, type JournalFile, type JournalFileImage, openMemoryJournal } from './memory-journal.ts'
import { createStoreFile, openMemoryStore, type StoreFile } from './memory-store.ts'
import { createOperations, type Operations, type WriteFault } from './operations.ts'

export type MemoryDiskOptions = {
  /** With a clock every write takes `latencyMs()` of its time; without, a write is done after one turn of the microtasks. */
  readonly clock?: Clock
  readonly latencyMs?: () => number
  /** Size of a journal segment, bytes. Default 64 KiB. */
  readonly segmentBytes?: number
  /** Asked before every write is done; what it answers happens to that write. */
  readonly fault?: (notice: WriteNotice) => WriteFault | undefined
}

export type WriteNotice = {
  /** Counts the writes to this disk, from 1. */
  readonly count: number
  readonly target: 'store' | 'journal'
  readonly name: string
}

export type CrashOptions = {
  /**
   * What is left of unsynced store writes and of the journal append under way: `nothing` of them, or a `prefix` drawn by
   * `below`; with `pages`, each 4 KiB page of the append under way is there or not, as a real disk may order them.
   */
  readonly keep?: 'nothing' | 'prefix' | 'pages'
  /** A whole number from 0 to `bound` - 1. Needed unless `keep` is `nothing`. */
  readonly below?: (bound: number) => number
}

/** A copy of everything on the disk at one moment: a backup. */
export type MemoryDiskImage = {
  readonly stores: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>
  readonly journals: ReadonlyMap<string, JournalFileImage>
}

export type MemoryDisk = {
  /** @throws WardlineError `store-locked` while that name is open */
  openStore(name: string): Promise<KeyValueStore>
  /** @throws WardlineError `journal-failed` while that name is open */
  openJournal(name: string): Promise<Journal>
  crash(options?: CrashOptions): void
  /** What a backup taken now would hold, unsynced writes included. */
  image(): MemoryDiskImage
  /** Replaces the whole content. Only while nothing is open. */
  restore(image: MemoryDiskImage): void
  /** Turns over one bit of a journal segment, as bad sectors do. `bit` counts from the first byte's lowest. */
  flipJournalBit(name: string, segment: number, bit: number): void
  /** Makes one key vanish, as LevelDB does when its log is damaged. */
  loseKey(name: string, key: string): void
  /** Turns over one bit of a row: reading it fails its checksum from now on. A key that is absent stays so. */
  damageKey(name: string, key: string): void
  /** Rows that would fail when read. */
  damagedKeys(name: string): number
  /** Deletes a store with all that is in it. Only while it is not open. */
  dropStore(name: string): void
  /** Keys of one store, or 0 if there is none. */
  storeSize(name: string): number
}

const DEFAULT_SEGMENT_BYTES = 64 * 1024

export function createMemoryDisk(options: MemoryDiskOptions = {}): MemoryDisk {
  const segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES
  const stores = new Map<string, StoreFile>()
  const journals = new Map<string, JournalFile>()
  const open = new Map<string, Operations>()
  let count = 0

  const take = (target: 'store' | 'journal', name: string, code: string): Operations => {
    const key = `${target} ${name}`
    if (open.has(key)) throw new WardlineError(code, `The ${target} ${name} is open already.`)
    const operations = createOperations({
      clock: options.clock,
      latencyMs: options.latencyMs,
      fault: () => {
        count += 1
        return options.fault?.({ count, target, name })
      },
      onClosed: () => {
        open.delete(key)
      }
    })
    open.set(key, operations)
    return operations
  }

  const journalOf = (name: string): JournalFile => {
    const journal = journals.get(name)
    assert(journal !== undefined, `the disk has no journal ${name}`)
    return journal
  }

  return {
    async openStore(name) {
      const operations = take('store', name, 'store-locked')
      return openMemoryStore(getOrCreate(stores, name, createStoreFile), operations, name)
    },
    async openJournal(name) {
      const operations = take('journal', name, 'journal-failed')
      return openMemoryJournal(getOrCreate(journals, name, createJournalFile), operations, { name, segmentBytes })
    },
    crash(crashOptions = {}) {
      const keep = crashOptions.keep ?? 'nothing'
      const below = crashOptions.below ?? (() => 0)
      assert(keep === 'nothing' || crashOptions.below !== undefined, 'keeping a part needs `below` to draw it')
      for (const operations of open.values()) operations.kill()
      open.clear()
      for (const store of stores.values()) store.crash(keep === 'nothing' ? () => 0 : below)
      for (const journal of journals.values()) journal.crash(keep, below)
    },
    image: () => ({
      stores: new Map([...stores].map(([name, store]) => [name, store.image()])),
      journals: new Map([...journals].map(([name, journal]) => [name, journal.image()]))
    }),
    restore(image) {
      assert(open.size === 0, 'a disk is restored while nothing on it is open')
      stores.clear()
      journals.clear()
      for (const [name, entries] of image.stores) stores.set(name, createStoreFile(entries))
      for (const [name, segments] of image.journals) journals.set(name, createJournalFile(segments))
    },
    flipJournalBit: (name, segment, bit) => journalOf(name).flipBit(segment, bit),
    loseKey: (name, key) => stores.get(name)?.lose(key),
    damageKey(name, key) {
      const store = stores.get(name)
      if (store?.values.has(key) === true) store.damage(key)
    },
    damagedKeys: (name) => stores.get(name)?.damaged.size ?? 0,
    dropStore(name) {
      assert(!open.has(`store ${name}`), 'a store is deleted while it is not open')
      stores.delete(name)
    },
    storeSize: (name) => stores.get(name)?.keys.size() ?? 0
  }
}

function getOrCreate<T>(files: Map<string, T>, name: string, create: () => T): T {
  let file = files.get(name)
  if (file === undefined) {
    file = create()
    files.set(name, file)
  }
  return file
}
