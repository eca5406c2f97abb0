/**
 * Record keys in one file that only grows: `<directory>/<label>.payload-keys.1`, apart from the database and its backups.
 * The number is the generation of storage keys; a later one begins when records are erased.
 *
 * A header (`WLRK`, then four zeros encrypted under the storage key), then one slot of 100 bytes for each key:
 *
 *     how many keys were durable when this one was written (4)  id (32)
 *     the key, encrypted under the storage key for this label, place and id (60)  CRC-32 of what is before it (4)
 *
 * A power cut can leave any part of the slots that were being written, not of those before: the first bad slot and all
 * after it are cut off, unless a good one after it says that the bad one was durable. That is damage, and the file is
 * refused. Damage to the last slots of all cannot be told from a power cut. A key that is lost so costs no record: its
 * payload is fetched from another member again.
 */
import { readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { assert, concatBytes, name32, nameBytes, type TransactionId, toHex, WardlineError } from '@wardline/codec'
import { openAtRest, sealAtRest } from '@wardline/crypto'
import type { Random, RecordKeys } from '@wardline/ports'
import { createFile, errorCode, makeDirectory } from './durable-file.ts'
import { assertKeysName } from './key-set.ts'

export type FileRecordKeysOptions = {
  /** Made with mode 0700 if there is none. */
  readonly directory: string
  /** The chain's label. */
  readonly label: string
  /** 32 bytes. */
  readonly storageKey: Uint8Array
  readonly random: Random
}

const GENERATION = 1
const MAGIC = new TextEncoder().encode('WLRK')
const CHECK = new Uint8Array(4)
const HEADER_BYTES = 36
const KEY_BYTES = 32
const ID_OFFSET = 4
const SEALED_OFFSET = 36
const CRC_OFFSET = 96
const SLOT_BYTES = 100
const SLOTS_PER_READ = 4096
/** Encrypting them takes some milliseconds, in which nothing else is done. */
const SLOTS_PER_SYNC = 512

type Waiting = {
  readonly id: TransactionId
  readonly key: Uint8Array
  readonly written: PromiseWithResolvers<void>
}

/**
 * Opens the file, or begins it. One opener at a time: the lock of the home sees to that.
 * @throws WardlineError `record-keys-corrupt` where the file is damaged or belongs to another storage key;
 * `record-keys-failed | keys-failed`
 */
export async function openFileRecordKeys(options: FileRecordKeysOptions): Promise<RecordKeys> {
  const { directory, label, random } = options
  assertKeysName(label)
  const storageKey = new Uint8Array(options.storageKey)
  const path = join(directory, `${label}.payload-keys.${GENERATION}`)
  const sealedName = (name: string): string => `record-keys/${label}/${GENERATION}/${name}`
  const seal = (name: string, bytes: Uint8Array): Uint8Array =>
    sealAtRest(storageKey, sealedName(name), bytes, (size) => random.bytes(size))
  const unseal = (name: string, bytes: Uint8Array): Uint8Array | undefined =>
    openAtRest(storageKey, sealedName(name), bytes)

  const file = await orFailed(path, 'opened', () => openOrBegin(directory, path, random, seal))
  let indices: Map<TransactionId, number>
  try {
    await checkHeader(path, file, unseal)
    indices = await orFailed(path, 'read', () => scan(path, file))
  } catch (error) {
    await file.close()
    throw error
  }

  const waiting: Waiting[] = []
  /** Keys that are not durable yet. */
  const fresh = new Map<TransactionId, Waiting>()
  let isWorking = false
  let work = Promise.resolve()
  let failure: WardlineError | undefined
  let isClosed = false

  /** Writes what waits, as much as fits with one sync, until nothing does. Never rejects. */
  async function writeWaiting(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting.splice(0, SLOTS_PER_SYNC)
      const durable = indices.size
      try {
        const slots = group.map(({ id, key }, i) => slotOf(durable, id, seal(`${durable + i}/${id}`, key)))
        await writeAll(file, concatBytes(...slots), HEADER_BYTES + durable * SLOT_BYTES)
        await file.datasync()
      } catch (cause) {
        // What of it is on the disk nobody knows; the next opening looks.
        failure = new WardlineError('record-keys-failed', `${path} cannot be written`, { cause })
        for (const { written } of [...group, ...waiting.splice(0)]) written.reject(failure)
      }
      if (failure !== undefined) break
      for (const { id, written } of group) {
        indices.set(id, indices.size)
        fresh.delete(id)
        written.resolve()
      }
    }
    isWorking = false
  }

  function read(id: TransactionId): Uint8Array | undefined {
    const index = indices.get(id)
    if (index === undefined) return undefined
    const slot = new Uint8Array(SLOT_BYTES)
    readSlot(path, file, slot, index)
    const key = isWhole(slot) ? unseal(`${index}/${id}`, slot.subarray(SEALED_OFFSET, CRC_OFFSET)) : undefined
    if (key === undefined) throw corrupt(path, `key ${index} was altered`)
    return key
  }

  function refuseClosed(): void {
    if (isClosed) throw new WardlineError('record-keys-closed', `${path} is closed`)
  }

  return {
    get(id) {
      refuseClosed()
      return read(id)
    },
    async create(id) {
      refuseClosed()
      const known = read(id)
      if (known !== undefined) return known
      if (failure !== undefined) throw failure
      let one = fresh.get(id)
      if (one === undefined) {
        one = { id, key: random.bytes(KEY_BYTES), written: Promise.withResolvers<void>() }
        fresh.set(id, one)
        waiting.push(one)
        if (!isWorking) {
          isWorking = true
          work = writeWaiting()
        }
      }
      await one.written.promise
      return one.key.slice()
    },
    async close() {
      if (isClosed) return
      isClosed = true
      await work
      await file.close()
    }
  }
}

async function openOrBegin(
  directory: string,
  path: string,
  random: Random,
  seal: (name: string, bytes: Uint8Array) => Uint8Array
): Promise<FileHandle> {
  try {
    return await open(path, 'r+')
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
  await makeDirectory(directory)
  await createFile(`${path}.new-${toHex(random.bytes(8))}`, path, concatBytes(MAGIC, seal('header', CHECK)))
  return open(path, 'r+')
}

/** @throws WardlineError `record-keys-corrupt | record-keys-failed` */
async function checkHeader(
  path: string,
  file: FileHandle,
  unseal: (name: string, bytes: Uint8Array) => Uint8Array | undefined
): Promise<void> {
  const head = await orFailed(path, 'read', () => readPart(file, 0, HEADER_BYTES))
  const isOurs = head.length === HEADER_BYTES && MAGIC.every((byte, i) => head[i] === byte)
  if (isOurs && unseal('header', head.subarray(MAGIC.length)) !== undefined) return
  throw corrupt(path, 'its beginning was altered, or it belongs to another storage key')
}

/**
 * Where each key is, counted in slots; what a power cut left behind the last of them is cut off, and the rest made durable.
 * @throws WardlineError `record-keys-corrupt`
 */
async function scan(path: string, file: FileHandle): Promise<Map<TransactionId, number>> {
  const { size } = await file.stat()
  const indices = new Map<TransactionId, number>()
  let firstBad: number | undefined
  let index = 0
  for (let at = HEADER_BYTES; at + SLOT_BYTES <= size; ) {
    const count = Math.min(SLOTS_PER_READ, Math.floor((size - at) / SLOT_BYTES))
    const part = await readPart(file, at, count * SLOT_BYTES)
    assert(part.length === count * SLOT_BYTES, 'a file is as long as its size')
    for (let offset = 0; offset < part.length; offset += SLOT_BYTES, index++) {
      const slot = part.subarray(offset, offset + SLOT_BYTES)
      if (!isWhole(slot)) {
        firstBad ??= index
        continue
      }
      if (durableBefore(slot) > (firstBad ?? index)) throw corrupt(path, `key ${firstBad ?? index} was altered`)
      if (firstBad === undefined) indices.set(name32(slot.subarray(ID_OFFSET, SEALED_OFFSET)), index)
    }
    at += part.length
  }
  if (indices.size !== (firstBad ?? index)) throw corrupt(path, 'a transaction has two keys')
  const end = HEADER_BYTES + indices.size * SLOT_BYTES
  if (end < size) await file.truncate(end)
  // A process that was killed may have left slots that the system, but not the disk, knows of.
  await file.sync()
  return indices
}

/** Reads up to `size` bytes. */
async function readPart(file: FileHandle, position: number, size: number): Promise<Uint8Array> {
  const part = new Uint8Array(size)
  const { bytesRead } = await file.read(part, 0, size, position)
  return part.subarray(0, bytesRead)
}

/** @throws WardlineError `record-keys-corrupt | record-keys-failed` */
function readSlot(path: string, file: FileHandle, slot: Uint8Array, index: number): void {
  let size: number
  try {
    size = readSync(file.fd, slot, 0, SLOT_BYTES, HEADER_BYTES + index * SLOT_BYTES)
  } catch (cause) {
    throw new WardlineError('record-keys-failed', `${path} cannot be read`, { cause })
  }
  if (size !== SLOT_BYTES) throw corrupt(path, `key ${index} was cut off`)
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    assert(bytesWritten > 0, 'a write that succeeds writes something')
    done += bytesWritten
  }
}

function slotOf(durable: number, id: TransactionId, sealed: Uint8Array): Uint8Array {
  const slot = new Uint8Array(SLOT_BYTES)
  const view = new DataView(slot.buffer)
  view.setUint32(0, durable)
  slot.set(nameBytes(id), ID_OFFSET)
  slot.set(sealed, SEALED_OFFSET)
  view.setUint32(CRC_OFFSET, crc32(slot.subarray(0, CRC_OFFSET)))
  return slot
}

function durableBefore(slot: Uint8Array): number {
  return new DataView(slot.buffer, slot.byteOffset).getUint32(0)
}

function isWhole(slot: Uint8Array): boolean {
  return new DataView(slot.buffer, slot.byteOffset).getUint32(CRC_OFFSET) === crc32(slot.subarray(0, CRC_OFFSET))
}

function corrupt(path: string, what: string): WardlineError {
  const remedy = 'put it back from a copy, or move it away: the payloads are fetched again from the other members then'
  return new WardlineError('record-keys-corrupt', `${path} is damaged: ${what}; ${remedy}`)
}

async function orFailed<T>(path: string, what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    if (cause instanceof WardlineError) throw cause
    throw new WardlineError('record-keys-failed', `${path} cannot be ${what}`, { cause })
  }
}
