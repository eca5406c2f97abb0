/**
 * Keys in files, one for each name: `<directory>/<name>.key`, encrypted under a passphrase in the format of
 * `crypto/key-file`, readable by the owner alone. Beside them an empty file `<chain>-<public key>.voted` for each key that
 * has voted, so that who keeps the keys and loses the chain's folder does not lose that.
 *
 * A file is created so that a crash leaves either nothing under its name or all of it: written and synced under a name of
 * its own, then linked, which unlike renaming never replaces. A crash between can leave `.<name>.key.<random>` behind; it
 * holds the same encrypted bytes and may be deleted.
 */
import { type FileHandle, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex, unreachable, WardlineError } from '@wardline/codec'
import { openKeyFile, sealKeyFile } from '@wardline/crypto'
import type { KeySet, Keys, Random } from '@wardline/ports'
import { createFile, errorCode, makeDirectory, syncDirectory } from './durable-file.ts'
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
        if (!(await createFile(temporary, path, bytes))) {
          throw new WardlineError('keys-exist', `${path} exists, and keys are never overwritten`)
        }
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
        if (errorCode(cause) === 'ENOENT') return false
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
    if (errorCode(cause) === 'ENOENT') return undefined
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
