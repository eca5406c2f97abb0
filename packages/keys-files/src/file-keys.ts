/**
 * Keys in files, one for each name: `<directory>/<name>.key`, encrypted under a passphrase in the format of
 * `crypto/key-file`, readable by the owner alone. Beside them an empty file `<chain>-<public key>.voted` for each key that
 * has voted, so that who keeps the keys and loses the chain's folder does not lose that.
 *
 * A file is created so that a crash leaves either nothing under its name or all of it: written and synced under a name of
 * its own, then linked, which unlike renaming never replaces. A crash between can leave `.<name>.key.<random>` behind; it
 * holds the same encrypted bytes and may be deleted.
 */
import { type FileHandle, link, mkdir, open, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { toHex, unreachable, WardlineError } from '@wardline/codec'
import { openKeyFile, sealKeyFile } from '@wardline/crypto'
import type { KeySet, Keys, Random } from '@wardline/ports'
import { assertKeysName, copyKeySet, markName } from './key-set.ts'

export type FileKeysOptions = {
  /** Made with mode 0700 when keys are first created. */
  readonly directory: string
  /** 1 to 1,024 bytes. */
  readonly passphrase: Uint8Array
  readonly random: Random
}

const FILE_BYTES_MAX = 128 * 1024
/** Any permission of the group or of others. */
const OTHERS = 0o077
const WRITABLE_BY_OTHERS = 0o022

/** Loading and creating each take about 0.3 s, of another thread: the passphrase's derivation is slow on purpose. */
export function createFileKeys({ directory, passphrase, random }: FileKeysOptions): Keys {
  const words = new Uint8Array(passphrase)
  const pathOf = (name: string): string => {
    assertKeysName(name)
    return join(directory, `${name}.key`)
  }
  return {
    async load(name) {
      const path = pathOf(name)
      const bytes = await readKeyFile(path)
      return bytes === undefined ? undefined : await decrypt(path, bytes, words)
    },
    async create(name, secrets) {
      const path = pathOf(name)
      const copy = copyKeySet(secrets)
      const bytes = await sealKeyFile(copy, words, (size) => random.bytes(size))
      for (const secret of Object.values(copy)) secret.fill(0)
      const temporary = join(directory, `.${name}.key.${toHex(random.bytes(8))}`)
      try {
        await makeDirectory(directory)
        await writeOnce(temporary, path, bytes)
      } catch (cause) {
        if (cause instanceof WardlineError) throw cause
        throw new WardlineError('keys-failed', `${path} cannot be written`, { cause })
      }
    },
    async hasVoted(chain, key) {
      const path = join(directory, markName(chain, key))
      try {
        await stat(path)
        return true
      } catch (cause) {
        if (codeOf(cause) === 'ENOENT') return false
        throw new WardlineError('keys-unreadable', `${path} cannot be looked for`, { cause })
      }
    },
    async markVoted(chain, key) {
      const path = join(directory, markName(chain, key))
      try {
        await makeDirectory(directory)
        await (await open(path, 'a', 0o600)).close()
        await syncDirectory(directory)
      } catch (cause) {
        if (cause instanceof WardlineError) throw cause
        throw new WardlineError('keys-failed', `${path} cannot be written`, { cause })
      }
    }
  }
}

/** @returns undefined if there is no file. @throws WardlineError `keys-unreadable` */
async function readKeyFile(path: string): Promise<Uint8Array | undefined> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw new WardlineError('keys-unreadable', `${path} cannot be opened`, { cause })
  }
  try {
    const { mode, size } = await file.stat()
    if ((mode & OTHERS) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0')
      throw new WardlineError('keys-unreadable', `${path} is open to other users (mode ${shown}): chmod 600 it first`)
    }
    if (size > FILE_BYTES_MAX) throw new WardlineError('keys-unreadable', `${path} is too large to be a key file`)
    return await file.readFile()
  } catch (cause) {
    if (cause instanceof WardlineError) throw cause
    throw new WardlineError('keys-unreadable', `${path} cannot be read`, { cause })
  } finally {
    await file.close()
  }
}

async function decrypt(path: string, bytes: Uint8Array, passphrase: Uint8Array): Promise<KeySet> {
  const result = await openKeyFile(bytes, passphrase)
  if (result.kind === 'opened') return result.secrets
  switch (result.code) {
    case 'wrong-passphrase':
      throw new WardlineError(
        'keys-passphrase',
        `${path} does not open: the passphrase is wrong, or the file was altered`
      )
    case 'malformed':
      throw new WardlineError('keys-unreadable', `${path} is not a key file of a known version`)
    default:
      return unreachable(result.code)
  }
}

/** Writes `path` whole and durably, with mode 0600. @throws WardlineError `keys-exist` if it is there */
async function writeOnce(temporary: string, path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(temporary, 'wx', 0o600)
  try {
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await linkNew(temporary, path)
  } finally {
    await unlink(temporary)
  }
  await syncDirectory(dirname(path))
}

async function linkNew(from: string, path: string): Promise<void> {
  try {
    await link(from, path)
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cause
    throw new WardlineError('keys-exist', `${path} exists, and keys are never overwritten`, { cause })
  }
}

/** Makes `directory`, durably, with mode 0700, or checks the one that is there. */
async function makeDirectory(directory: string): Promise<void> {
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

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
