/** Files that people carry: read with a clear sentence, written whole or not at all, never over something else. */

import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, mkdir, open, readFile, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { CommandFailure, EXIT } from './exit.ts'

const TEXT_BYTES_MAX = 2 * 1024 * 1024

export async function readText(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(EXIT.error, 'file-unreadable', `Cannot read ${path}: ${error.code}.`)
  })
  if (text.length <= TEXT_BYTES_MAX) return text
  throw new CommandFailure(EXIT.error, 'file-unreadable', `${path} is too large to be one of Wardline's files.`)
}

/** All bytes of a file, or of standard input for `-`; undefined where there are more than `bytesMax`, and no more is read. */
export async function readBytes(path: string, bytesMax: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const part of path === '-' ? process.stdin : createReadStream(path)) {
      size += part.length
      if (size > bytesMax) return undefined
      parts.push(part)
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandFailure(EXIT.error, 'file-unreadable', `Cannot read ${path}: ${code}.`)
  }
  return Buffer.concat(parts)
}

/** The text, or undefined where there is no such file. */
export async function readTextIfPresent(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new CommandFailure(EXIT.error, 'file-unreadable', `Cannot read ${path}: ${error.code}.`)
  })
}

/** Writes a new file durably. The same text already there is fine; anything else stays, and is an error. */
export async function writeNew(path: string, text: string, mode = 0o644): Promise<void> {
  await writeBeside(path, text, mode, async (temporary) => {
    try {
      await link(temporary, path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if ((await readFile(path, 'utf8')) !== text) {
        throw new CommandFailure(
          EXIT.error,
          'file-exists',
          `${path} exists and holds something else; nothing was written.`
        )
      }
    } finally {
      await unlink(temporary)
    }
  })
}

/** Puts `text` in the place of a file that this program has just read. */
export async function replaceFile(path: string, text: string, mode = 0o644): Promise<void> {
  await writeBeside(path, text, mode, (temporary) => rename(temporary, path))
}

async function writeBeside(
  path: string,
  text: string,
  mode: number,
  place: (temporary: string) => Promise<void>
): Promise<void> {
  const folder = dirname(resolve(path))
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}`)
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await place(temporary)
    const directory = await open(folder, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch (error) {
    if (error instanceof CommandFailure) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new CommandFailure(EXIT.error, 'file-unwritable', `Cannot write ${path}: ${code}.`)
  }
}

/** @throws CommandFailure if it cannot be made */
export async function makeFolder(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true, mode }).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(EXIT.error, 'file-unwritable', `Cannot make the folder ${path}: ${error.code}.`)
  })
}
