/**
 * `KeyValueStore` over LevelDB.
 *
 * Every value is stored with a CRC-32 of its key and itself behind it: LevelDB as bound here reads table blocks without
 * verifying their checksums, so a bit that rots on disk would come back as a value. Whole entries that vanish are not
 * noticed here; the hash chain is verified for that.
 */
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { WardlineError } from '@wardline/codec'
import { assertStoreKey, type KeyValueStore, type RangeOptions, type StoreWrite } from '@wardline/ports'
import { Level } from 'level'
import { levelCode, openError } from './level-error.ts'
import { syncFolder } from './sync-folder.ts'

export type LevelStoreOptions = {
  /** LevelDB's cache of uncompressed blocks, bytes. Default 8 MiB. */
  readonly cacheBytes?: number
  /** What LevelDB gathers in memory before it writes a table, bytes. Default 4 MiB. */
  readonly writeBufferBytes?: number
}

/** `level` types what browsers have too, and they compact by themselves. */
type Database = Level<string, Uint8Array> & { compactRange(start: string, end: string): Promise<void> }

const CHECKSUM_BYTES = 4
/** Entries fetched from LevelDB at once by a range, and the bytes at which it stops earlier. */
const PAGE_ENTRIES = 512
const PAGE_BYTES = 256 * 1024
/** Waiting writes are joined into one LevelDB batch up to this size, bytes. */
const GROUP_BYTES_MAX = 8 * 1024 * 1024

/**
 * Opens the store in folder `path`, creating it if there is none.
 * @throws WardlineError `store-locked` if another opener has it, `store-corrupt` if it is damaged, `store-failed` otherwise
 */
export async function openLevelStore(path: string, options: LevelStoreOptions = {}): Promise<KeyValueStore> {
  await refuseHeadless(path)
  const database = new Level<string, Uint8Array>(path, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    cacheSize: options.cacheBytes ?? 8 * 1024 * 1024,
    writeBufferSize: options.writeBufferBytes ?? 4 * 1024 * 1024
  })
  try {
    await database.open()
    await syncFolder(dirname(path))
  } catch (error) {
    await database.close()
    throw openError(path, error)
  }
  return new LevelStore(path, database as Database)
}

/**
 * LevelDB takes a folder without its CURRENT file for a new database and deletes the tables it finds there. Only what an
 * interrupted first creation leaves behind may be without one.
 */
async function refuseHeadless(path: string): Promise<void> {
  let names: string[]
  try {
    names = await readdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw openError(path, error)
  }
  if (names.includes('CURRENT')) {
    if ((await stat(join(path, 'CURRENT'))).size > 0) return
    throw new WardlineError('store-corrupt', `The database ${path} is damaged: its CURRENT file is empty.`)
  }
  const foreign = names.filter((name) => !/^(LOCK|LOG(\.old)?|MANIFEST-000001|\d+\.dbtmp)$/.test(name))
  if (foreign.length > 0) {
    throw new WardlineError('store-corrupt', `The database ${path} is damaged: its CURRENT file is missing.`)
  }
}

/** Writes that go to LevelDB as one, in the order of the calls. It has copied their bytes already. */
type Group = {
  readonly batch: ReturnType<Database['batch']>
  bytes: number
  sync: boolean
  readonly calls: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[]
}

class LevelStore implements KeyValueStore {
  readonly #path: string
  readonly #database: Database
  readonly #waiting: Group[] = []
  #writing: Promise<void> | undefined
  #failed: WardlineError | undefined
  #closing: Promise<void> | undefined
  /** One for each range under way, resolved when it ends. */
  readonly #reading = new Set<Promise<void>>()

  constructor(path: string, database: Database) {
    this.#path = path
    this.#database = database
  }

  get(key: string): Uint8Array | undefined {
    this.#requireOpen()
    let stored: Uint8Array | undefined
    try {
      stored = this.#database.getSync(key)
    } catch (error) {
      throw this.#readError(error)
    }
    return stored === undefined ? undefined : this.#opened(key, stored)
  }

  write(writes: readonly StoreWrite[], options: { readonly sync: boolean }): Promise<void> {
    let bytes = 0
    for (const { key, value } of writes) {
      assertStoreKey(key)
      bytes += value?.length ?? 0
    }
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) reject(this.#closedError())
      else if (this.#failed !== undefined) reject(this.#failed)
      else {
        const group = this.#groupFor(bytes)
        group.calls.push({ resolve, reject })
        group.bytes += bytes
        group.sync ||= options.sync
        try {
          for (const write of writes) putInto(group.batch, write)
        } catch (error) {
          // A part of a write may be in the batch, which must not be written then.
          this.#fail(error)
        }
        this.#writing ??= this.#writeAll()
      }
    })
  }

  #groupFor(bytes: number): Group {
    const last = this.#waiting.at(-1)
    if (last !== undefined && last.bytes + bytes <= GROUP_BYTES_MAX) return last
    const group: Group = { batch: this.#database.batch(), bytes: 0, sync: false, calls: [] }
    this.#waiting.push(group)
    return group
  }

  /**
   * LevelDB drops a deleted value when it merges the table that holds it with the deletion. A value that is still in the log
   * would get into one table together with its deletion and stay there, so the log is written out before, once every write
   * called for is in it. A table that an iterator holds is removed by the first compaction after its end.
   */
  async purge(keys: readonly string[], isSpared: (key: string) => boolean = () => false): Promise<void> {
    await this.write([], { sync: false })
    await this.#compact(keys)
    await this.write(
      keys.filter((key) => !isSpared(key)).map((key) => ({ key, value: null })),
      { sync: true }
    )
    // An iterator reads from a snapshot, for which LevelDB keeps what was deleted since.
    await Promise.all(this.#reading)
    await this.#compact(keys)
    await Promise.all(this.#reading)
    await this.#compact(keys.slice(0, 1))
  }

  async #compact(keys: readonly string[]): Promise<void> {
    this.#requireOpen()
    try {
      for (const key of keys) await this.#database.compactRange(key, key)
    } catch (error) {
      throw this.#readError(error)
    }
  }

  async *range(options: RangeOptions): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    this.#requireOpen()
    if (options.limit === 0 || options.from >= options.to) return
    const iterator = this.#database.iterator({
      gte: options.from,
      lt: options.to,
      limit: options.limit ?? -1,
      reverse: options.reverse ?? false,
      highWaterMarkBytes: PAGE_BYTES
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#reading.add(promise)
    try {
      for (;;) {
        const page = await iterator.nextv(PAGE_ENTRIES)
        if (page.length === 0) return
        for (const [key, stored] of page) yield [key, this.#opened(key, stored)] as const
      }
    } catch (error) {
      throw this.#readError(error)
    } finally {
      await iterator.close()
      this.#reading.delete(promise)
      resolve()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#writing
    await this.#database.close()
  }

  /**
   * Writes what waits until nothing does. LevelDB orders concurrent batches as its threads happen to run, so only one is
   * under way; what came meanwhile goes out joined in the next, which also shares its fsync.
   */
  async #writeAll(): Promise<void> {
    // Not before `#writing` is set: an empty write would be over by then, and no later one would begin.
    await Promise.resolve()
    for (let group = this.#waiting.shift(); group !== undefined; group = this.#waiting.shift()) {
      try {
        if (this.#failed !== undefined) throw this.#failed
        await group.batch.write({ sync: group.sync })
        for (const { resolve } of group.calls) resolve()
      } catch (error) {
        const failed = this.#fail(error)
        await group.batch.close()
        for (const { reject } of group.calls) reject(failed)
      }
    }
    this.#writing = undefined
  }

  /** No write after the first that failed is made. */
  #fail(cause: unknown): WardlineError {
    this.#failed ??= new WardlineError('store-failed', `A write to the database ${this.#path} failed.`, { cause })
    return this.#failed
  }

  #opened(key: string, stored: Uint8Array): Uint8Array {
    // The binding gives Buffers, which are Uint8Arrays to the eye but not to a deep comparison.
    const value = new Uint8Array(stored.buffer, stored.byteOffset, Math.max(0, stored.length - CHECKSUM_BYTES))
    if (stored.length < CHECKSUM_BYTES || readChecksum(stored) !== checksum(key, value)) {
      throw new WardlineError('store-corrupt', `The database ${this.#path} is damaged: an entry fails its checksum.`)
    }
    return value
  }

  #readError(error: unknown): unknown {
    if (error instanceof WardlineError) return error
    if (this.#closing !== undefined) return this.#closedError()
    const code = levelCode(error) === 'LEVEL_CORRUPTION' ? 'store-corrupt' : 'store-failed'
    return new WardlineError(code, `A read from the database ${this.#path} failed.`, { cause: error })
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw this.#closedError()
  }

  #closedError(): WardlineError {
    return new WardlineError('store-closed', `The database ${this.#path} is closed.`)
  }
}

/** Where a value and its checksum are put together: the batch copies them at once. */
const room = Buffer.alloc(16 * 1024)

function putInto(batch: Group['batch'], { key, value }: StoreWrite): void {
  if (value === null) {
    batch.del(key)
    return
  }
  const size = value.length + CHECKSUM_BYTES
  const stored = size <= room.length ? room.subarray(0, size) : Buffer.allocUnsafe(size)
  stored.set(value)
  stored.writeUInt32LE(checksum(key, value), value.length)
  batch.put(key, stored)
}

function checksum(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key))
}

function readChecksum(stored: Uint8Array): number {
  return new DataView(stored.buffer, stored.byteOffset, stored.byteLength).getUint32(
    stored.length - CHECKSUM_BYTES,
    true
  )
}
