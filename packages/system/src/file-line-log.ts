/** `LineLog` in one file, created with mode 0600. */
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AssertionError, assert, WardlineError } from '@wardline/codec'
import { assertLine, LINE_LENGTH_MAX, type LineLog } from '@wardline/ports'

const LINE_FEED = 0x0a
/** Bytes written with one sync, so that a burst needs no buffer without a bound. */
const WRITE_BYTES_MAX = 1024 * 1024

type Waiting = { readonly bytes: Uint8Array; readonly resolve: () => void; readonly reject: (error: unknown) => void }

/**
 * Opens the log at `path`, making it if there is none.
 * @throws WardlineError `line-log-failed`
 */
export async function openFileLineLog(path: string): Promise<LineLog> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'a+', 0o600)
    const last = await cutTornLine(file)
    await syncName(path)
    return new FileLineLog(path, file, last)
  } catch (error) {
    await file?.close()
    throw failure(path, 'cannot be opened', error)
  }
}

class FileLineLog implements LineLog {
  readonly last: string | undefined
  readonly #path: string
  readonly #file: FileHandle
  readonly #waiting: Waiting[] = []
  /** Set while lines are being written; resolves when none wait any more. */
  #writing: Promise<void> | undefined
  #failed: WardlineError | undefined
  #closing: Promise<void> | undefined

  constructor(path: string, file: FileHandle, last: string | undefined) {
    this.#path = path
    this.#file = file
    this.last = last
  }

  async append(line: string): Promise<void> {
    assertLine(line)
    if (this.#closing !== undefined) throw failure(this.#path, 'is closed', undefined)
    if (this.#failed !== undefined) throw this.#failed
    const bytes = new TextEncoder().encode(`${line}\n`)
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject })
    })
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    return done
  }

  close(): Promise<void> {
    this.#closing ??= (this.#writing ?? Promise.resolve()).then(() => this.#file.close())
    return this.#closing
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      try {
        if (this.#failed !== undefined) throw this.#failed
        await writeAll(this.#file, Buffer.concat(group.map(({ bytes }) => bytes)))
        await this.#file.datasync()
        for (const { resolve } of group) resolve()
      } catch (error) {
        // After a failed write or sync nobody knows what is on disk: nothing is written behind it.
        this.#failed ??= failure(this.#path, 'cannot be written', error)
        const told = error instanceof AssertionError ? error : this.#failed
        for (const { reject } of group) reject(told)
      }
    }
  }

  #takeGroup(): Waiting[] {
    let sizeBytes = 0
    const end = this.#waiting.findIndex(({ bytes }) => {
      sizeBytes += bytes.length
      return sizeBytes > WRITE_BYTES_MAX
    })
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : Math.max(1, end))
  }
}

/** Makes the file end with a whole line. @returns that line, undefined if there is none */
async function cutTornLine(file: FileHandle): Promise<string | undefined> {
  const { size } = await file.stat()
  // Room for a torn line, the whole one before it, and both line feeds.
  const from = Math.max(0, size - 2 * (LINE_LENGTH_MAX + 1))
  const tail = new Uint8Array(size - from)
  const { bytesRead } = await file.read(tail, 0, tail.length, from)
  assert(bytesRead === tail.length, 'a file is as long as its size')
  const end = tail.lastIndexOf(LINE_FEED) + 1
  if (end === 0 && from > 0) throw new Error('it does not consist of lines')
  if (from + end < size) {
    await file.truncate(from + end)
    await file.datasync()
  }
  if (end === 0) return undefined
  const begin = end === 1 ? 0 : tail.lastIndexOf(LINE_FEED, end - 2) + 1
  if (begin === 0 && from > 0) throw new Error('its last line is too long')
  return new TextDecoder('utf-8', { fatal: true }).decode(tail.subarray(begin, end - 1))
}

/** A new file survives a power cut once its folder is synced. */
async function syncName(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done)
    assert(bytesWritten > 0, 'a write that succeeds writes something')
    done += bytesWritten
  }
}

function failure(path: string, what: string, cause: unknown): WardlineError {
  const why = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
  return new WardlineError('line-log-failed', `The log ${path} ${what}${why}.`, { cause })
}
