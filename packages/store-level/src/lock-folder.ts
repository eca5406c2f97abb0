/**
 * The lock of a daemon's home: two daemons on one home would sign with the same keys.
 *
 * The lock is the one LevelDB takes on an empty database inside the home: an advisory lock of the kernel (fcntl), gone
 * with its process however that ends, so there is no stale lock to judge. It holds across containers that share the
 * folder's file system, and it has no path-length limit as a socket would.
 */
import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { WardlineError } from '@wardline/codec'
import { Level } from 'level'
import { levelCode } from './level-error.ts'

export type FolderLock = { release(): Promise<void> }

/**
 * Takes the folder for this process, creating it (mode 0700) if there is none, until `release` or the process's end.
 * @throws WardlineError `folder-locked` naming the process that has it; `folder-lock-failed`
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, 'lock')
  const holderPath = join(folder, 'lock.pid')
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const what = `The folder ${resolve(folder)} cannot be written to: ${code}.`
    throw new WardlineError('folder-lock-failed', what, { cause: error })
  }
  const database = new Level(path, { writeBufferSize: 64 * 1024, cacheSize: 64 * 1024 })
  try {
    await database.open()
    await writeFile(holderPath, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    await database.close()
    if (levelCode(error) === 'LEVEL_LOCKED') {
      const holder = await holderOf(holderPath)
      throw new WardlineError('folder-locked', `Another daemon${holder} is running on ${resolve(folder)}.`, {
        cause: error
      })
    }
    throw new WardlineError(
      'folder-lock-failed',
      `The folder ${resolve(folder)} cannot be locked. Its subfolder lock holds no data and may be deleted if it is damaged.`,
      { cause: error }
    )
  }
  return { release: () => database.close() }
}

/** ` (process 123)`, or nothing where the holder has not said yet: it writes its number just after taking the lock. */
async function holderOf(path: string): Promise<string> {
  try {
    const text = (await readFile(path, 'utf8')).trim()
    return /^\d{1,10}$/.test(text) ? ` (process ${text})` : ''
  } catch {
    // Only the wording of the refusal depends on it.
    return ''
  }
}
