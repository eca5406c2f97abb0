/**
 * `Journal` in a folder of preallocated files, `00000001.journal` and so on.
 *
 * A segment is filled with zeros and synced before its first use, so that an append changes neither the file's size nor
 * its blocks, and fdatasync has no metadata to write. It comes into being under another name and is renamed, so a file
 * with a segment's name is always whole. The next segment is made ready while the present one fills: creating one takes
 * milliseconds, and a vote must not wait for it.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { assert, WardlineError } from '@wardline/codec'
import type { Journal, JournalSegment } from '@wardline/ports'
import { syncFolder } from './sync-folder.ts'

export type FileJournalOptions = {
  /** Size of a preallocated segment, bytes. Default 4 MiB. */
  readonly segmentBytes?: number
}

const SPARE = 'spare.tmp'
const ASIDE = 'set-aside'
const SEGMENT_NAME = /^(\d{8})\.journal$/
const SEGMENT_NUMBER_MAX = 99_999_999
const ZEROS = new Uint8Array(256 * 1024)

/**
 * Opens the journal in `folder`, creating the folder if there is none. One opener at a time: the lock of the home
 * (`lockFolder`) sees to that.
 * @throws WardlineError `journal-failed`
 */
export async function openFileJournal(folder: string, options: FileJournalOptions = {}): Promise<Journal> {
  const segmentBytes = options.segmentBytes ?? 4 * 1024 * 1024
  assert(Number.isInteger(segmentBytes) && segmentBytes > 0, 'segmentBytes is a positive integer')
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await syncFolder(dirname(folder))
    const numbers = (await readdir(folder))
      .flatMap((name) => SEGMENT_NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b)
    return new FileJournal(folder, segmentBytes, numbers)
  } catch (error) {
    throw failure(folder, 'cannot be opened', error)
  }
}

type Tail = { readonly number: number; readonly file: FileHandle; readonly size: number; end: number }

class FileJournal implements Journal {
  readonly #folder: string
  readonly #segmentBytes: number
  /** Ascending. */
  #numbers: number[]
  /** The segment being appended to; undefined until one is begun, or `truncate` has said where the last one ends. */
  #tail: Tail | undefined
  #spare: Promise<void> | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #failed: WardlineError | undefined
  #closing: Promise<void> | undefined

  constructor(folder: string, segmentBytes: number, numbers: number[]) {
    this.#folder = folder
    this.#segmentBytes = segmentBytes
    this.#numbers = numbers
  }

  read(): Promise<readonly JournalSegment[]> {
    return this.#inTurn('could not be read', async () => {
      const segments: JournalSegment[] = []
      for (const number of this.#numbers) {
        segments.push({ number, bytes: new Uint8Array(await readFile(this.#path(number))) })
      }
      return segments
    })
  }

  truncate(number: number, size: number): Promise<void> {
    return this.#inTurn('could not be cut', async () => {
      assert(this.#numbers.includes(number), `the journal has no segment ${number}`)
      const isLast = number === this.#numbers.at(-1)
      const file = this.#tail?.number === number ? this.#tail.file : await open(this.#path(number), 'r+')
      let kept = false
      try {
        const fileSize = (await file.stat()).size
        assert(size >= 0 && size <= fileSize, 'a segment is cut within its size')
        if (await clearFrom(file, size, fileSize)) await file.datasync()
        if (isLast) {
          this.#tail = { number, file, size: fileSize, end: size }
          kept = true
        }
      } finally {
        if (!kept) await file.close()
      }
    })
  }

  append(bytes: Uint8Array): Promise<number> {
    assert(bytes.length > 0, 'an append holds at least one byte')
    const copy = bytes.slice()
    return this.#inTurn('could not be written', async () => {
      const tail = await this.#tailFor(copy.length)
      await writeAll(tail.file, copy, tail.end)
      await tail.file.datasync()
      tail.end += copy.length
      if (tail.end > tail.size / 2) this.#prepareSpare()
      return tail.number
    })
  }

  setAside(): Promise<void> {
    return this.#inTurn('could not be set aside', async () => {
      await this.#tail?.file.close()
      this.#tail = undefined
      const folder = join(this.#folder, ASIDE)
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder, { mode: 0o700 })
      // From the first on: what a crash leaves does not begin at its beginning.
      for (const number of this.#numbers) await rename(this.#path(number), join(folder, segmentName(number)))
      await syncFolder(folder)
      await syncFolder(this.#folder)
      this.#numbers = []
    })
  }

  dropBelow(number: number): Promise<void> {
    return this.#inTurn('could not be pruned', async () => {
      const last = this.#numbers.at(-1)
      const dropped = this.#numbers.filter((one) => one < number && one !== last)
      for (const one of dropped) await unlink(this.#path(one))
      this.#numbers = this.#numbers.filter((one) => !dropped.includes(one))
      if (dropped.length > 0) await syncFolder(this.#folder)
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.then(async () => {
      await this.#spare?.catch(() => {})
      await this.#tail?.file.close()
    })
    return this.#closing
  }

  /** Runs `work` after all earlier calls. What fails is never tried again: after a failed sync nobody knows what is on disk. */
  #inTurn<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      return Promise.reject(new WardlineError('journal-failed', `The journal ${this.#folder} is closed.`))
    }
    const done = this.#queue.then(async () => {
      if (this.#failed !== undefined) throw this.#failed
      try {
        return await work()
      } catch (error) {
        this.#failed = failure(this.#folder, what, error)
        throw error instanceof Error && error.name === 'AssertionError' ? error : this.#failed
      }
    })
    this.#queue = done.catch(() => {})
    return done
  }

  /** The segment that takes `size` more bytes. */
  async #tailFor(size: number): Promise<Tail> {
    if (this.#tail === undefined) await this.#reuseEmptyLast()
    const tail = this.#tail
    if (tail !== undefined && tail.end + size <= tail.size) return tail
    const number = (this.#numbers.at(-1) ?? 0) + 1
    assert(number <= SEGMENT_NUMBER_MAX, 'segment numbers have eight digits')
    const fileSize = Math.max(this.#segmentBytes, size)
    if (fileSize === this.#segmentBytes) {
      this.#prepareSpare()
      await this.#spare
      this.#spare = undefined
    } else {
      await this.#spare
      this.#spare = undefined
      await createZeros(join(this.#folder, SPARE), fileSize)
    }
    await rename(join(this.#folder, SPARE), this.#path(number))
    await syncFolder(this.#folder)
    const next: Tail = { number, file: await open(this.#path(number), 'r+'), size: fileSize, end: 0 }
    await tail?.file.close()
    this.#numbers.push(number)
    this.#tail = next
    return next
  }

  /** A last segment of nothing but zeros (a crash right after it was begun) has a known end: its beginning. */
  async #reuseEmptyLast(): Promise<void> {
    const number = this.#numbers.at(-1)
    if (number === undefined) return
    const bytes = await readFile(this.#path(number))
    if (bytes.length !== this.#segmentBytes || bytes.some((byte) => byte !== 0)) return
    this.#tail = { number, file: await open(this.#path(number), 'r+'), size: bytes.length, end: 0 }
  }

  #prepareSpare(): void {
    if (this.#spare !== undefined) return
    this.#spare = createZeros(join(this.#folder, SPARE), this.#segmentBytes)
    // Whoever needs the spare awaits it and learns of its failure then; until then it must not count as unhandled.
    this.#spare.catch(() => {})
  }

  #path(number: number): string {
    return join(this.#folder, segmentName(number))
  }
}

function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.journal`
}

function failure(folder: string, what: string, cause: unknown): WardlineError {
  return new WardlineError('journal-failed', `The journal ${folder} ${what}.`, { cause })
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    assert(bytesWritten > 0, 'a write that succeeds writes something')
    done += bytesWritten
  }
}

/** Creates or overwrites the file at `path` with `size` zeros, durably. */
async function createZeros(path: string, size: number): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    for (let at = 0; at < size; at += ZEROS.length) {
      await writeAll(file, ZEROS.subarray(0, Math.min(ZEROS.length, size - at)), at)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes everything from `start` to `end` zeros; says whether anything had to be written. */
async function clearFrom(file: FileHandle, start: number, end: number): Promise<boolean> {
  const chunk = new Uint8Array(ZEROS.length)
  let changed = false
  for (let at = start; at < end; at += chunk.length) {
    const size = Math.min(chunk.length, end - at)
    const { bytesRead } = await file.read(chunk, 0, size, at)
    assert(bytesRead === size, 'a segment is as long as its size')
    if (chunk.subarray(0, size).every((byte) => byte === 0)) continue
    await writeAll(file, ZEROS.subarray(0, size), at)
    changed = true
  }
  return changed
}
