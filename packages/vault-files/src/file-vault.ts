/**
 * A vault of files: `<directory>/<name>.sealed`, each encrypted under the hospital's storage key. Chain and name are part
 * of what is encrypted, so a file that was edited, cut, renamed, put in another's place or taken from another chain does not
 * open.
 *
 * A file is written whole and synced as `<directory>/.new-<random>`, then renamed to its name: a crash leaves the old or the
 * new, and perhaps a left-over that the next opening removes.
 */
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { assert, limits, toHex, WardlineError } from '@wardline/codec'
import { AT_REST_OVERHEAD_BYTES, openAtRest, sealAtRest } from '@wardline/crypto'
import { assertVaultName, type Random, type Vault, type VaultContent } from '@wardline/ports'
import { createTurns } from './turns.ts'

export type FileVaultOptions = {
  /** Made with mode 0700 if there is none. */
  readonly directory: string
  /** The chain's label. */
  readonly label: string
  /** 32 bytes. */
  readonly storageKey: Uint8Array
  readonly random: Random
}

const SUFFIX = '.sealed'
const UNFINISHED = '.new-'

/**
 * Opens the vault in `directory`. One opener at a time: the lock of the home sees to that.
 * @throws WardlineError `vault-failed`
 */
export async function openFileVault({ directory, label, storageKey, random }: FileVaultOptions): Promise<Vault> {
  const key = new Uint8Array(storageKey)
  const turns = createTurns()
  await orThrow('vault-failed', directory, 'opened', async () => {
    await makeFolder(directory)
    await removeLeftOvers(directory)
  })

  const pathOf = (name: string): string => {
    assertVaultName(name)
    return join(directory, `${name}${SUFFIX}`)
  }
  const sealedName = (name: string): string => `vault/${label}/${name}`

  return {
    async put(name, bytes) {
      const path = pathOf(name)
      assert(bytes.length <= limits.vaultBytesMax, 'what is put into the vault is within its limit')
      const sealed = sealAtRest(key, sealedName(name), bytes, (size) => random.bytes(size))
      const unfinished = join(directory, `${UNFINISHED}${toHex(random.bytes(8))}`)
      await turns.take(name, () =>
        orThrow('vault-failed', path, 'written', async () => {
          await makeFolder(dirname(path))
          await replace(unfinished, path, sealed)
        })
      )
    },

    async get(name) {
      const path = pathOf(name)
      const sealed = await turns.take(name, () => orThrow('vault-unreadable', path, 'read', () => readWhole(path)))
      if (sealed === 'absent') return { kind: 'absent' }
      return sealed === 'too-large' ? { kind: 'damaged' } : unsealed(openAtRest(key, sealedName(name), sealed))
    },

    async has(name) {
      const path = pathOf(name)
      const found = await turns.take(name, () =>
        orThrow('vault-unreadable', path, 'looked for', () => unlessAbsent(stat(path)))
      )
      return found !== undefined
    },

    async names(prefix) {
      const entries = await turns.take(null, () =>
        orThrow('vault-unreadable', directory, 'listed', () =>
          readdir(directory, { recursive: true, withFileTypes: true })
        )
      )
      return entries
        .filter((entry) => entry.isFile() && entry.name.endsWith(SUFFIX))
        .map((entry) => relative(directory, join(entry.parentPath, entry.name)).slice(0, -SUFFIX.length))
        .filter((name) => name.startsWith(prefix))
        .sort()
    },

    async remove(name) {
      const path = pathOf(name)
      await turns.take(name, () =>
        orThrow('vault-failed', path, 'removed', async () => {
          const removed = await unlessAbsent(unlink(path).then(() => true))
          if (removed === true) await syncFolder(dirname(path))
        })
      )
    },

    close: () => turns.close()
  }
}

function unsealed(bytes: Uint8Array | undefined): VaultContent {
  return bytes === undefined ? { kind: 'damaged' } : { kind: 'found', bytes }
}

/** All of a file that a vault may have written; `too-large` where no vault wrote it. */
async function readWhole(path: string): Promise<Uint8Array | 'absent' | 'too-large'> {
  const file = await unlessAbsent(open(path, 'r'))
  if (file === undefined) return 'absent'
  return closing(file, async () => {
    if ((await file.stat()).size > limits.vaultBytesMax + AT_REST_OVERHEAD_BYTES) return 'too-large'
    return new Uint8Array(await file.readFile())
  })
}

/** Puts `bytes` under `path` whole and durably, with mode 0600, in place of what was there. */
async function replace(unfinished: string, path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(unfinished, 'wx', 0o600)
  try {
    await closing(file, async () => {
      await file.writeFile(bytes)
      await file.sync()
    })
    await rename(unfinished, path)
  } catch (error) {
    // It gives back the space of a full disk. If it cannot be removed either, the next opening does, and what failed first counts.
    await unlink(unfinished).catch(() => undefined)
    throw error
  }
  await syncFolder(dirname(path))
}

async function removeLeftOvers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(UNFINISHED)) await unlink(join(directory, name))
  }
}

/** Makes `folder` and what is above it, durably, with mode 0700. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = folder; made !== dirname(first); made = dirname(made)) await syncFolder(dirname(made))
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await closing(handle, () => handle.sync())
}

async function closing<T>(file: FileHandle, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } finally {
    await file.close()
  }
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function orThrow<T>(code: string, path: string, what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw new WardlineError(code, `${path} cannot be ${what}`, { cause })
  }
}
