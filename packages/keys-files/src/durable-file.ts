/** Files and folders that are the owner's alone and survive a power cut once made. */
import { link, mkdir, open, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { WardlineError } from '@wardline/codec'

const WRITABLE_BY_OTHERS = 0o022

/**
 * Writes `path` whole, with mode 0600: after a crash there is nothing under its name or all of it.
 * @param temporary a name of its own in the same folder, left behind by a crash at most
 * @returns false if there is a file under that name, which stays as it is
 */
export async function createFile(temporary: string, path: string, bytes: Uint8Array): Promise<boolean> {
  const file = await open(temporary, 'wx', 0o600)
  let isNew = true
  try {
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    isNew = await linkNew(temporary, path)
  } finally {
    await unlink(temporary)
  }
  await syncDirectory(dirname(path))
  return isNew
}

async function linkNew(from: string, path: string): Promise<boolean> {
  try {
    await link(from, path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

/**
 * Makes `directory`, durably, with mode 0700, or checks the one that is there.
 * @throws WardlineError `keys-failed` if others may write to it
 */
export async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 })
  if (first === undefined) {
    const { mode } = await stat(directory)
    if ((mode & WRITABLE_BY_OTHERS) === 0) return
    const shown = (mode & 0o777).toString(8).padStart(4, '0')
    throw new WardlineError(
      'keys-failed',
      `${directory} can be written by other users (mode ${shown}): chmod 700 it first`
    )
  }
  for (let made = directory; made !== dirname(first); made = dirname(made)) await syncDirectory(dirname(made))
}

export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The system's code of a failed call, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
