/** The key under which a hospital keeps what is at rest: its vault, and the keys of its chains' payloads. */
import { assert, WardlineError } from '@wardline/codec'
import type { Keys, Random } from '@wardline/ports'

const NAME = 'storage'
const USE = 'wrap'

/**
 * Loads it, or makes it where there is none; 32 bytes, durable before resolving.
 * @param isMissed whether something is there that only a key opens which is gone: with a new one beside it, nobody could tell any
 *   more what needs which
 * @throws WardlineError `storage-key-absent`, and as `Keys` does
 */
export async function storageKeyOf(keys: Keys, random: Random, isMissed: () => Promise<boolean>): Promise<Uint8Array> {
  const known = await load(keys)
  if (known !== undefined) return known
  if (await isMissed()) {
    throw new WardlineError(
      'storage-key-absent',
      `${NAME}.key is missing in the folder of the keys, and what only it opens is there: put it back from the backup of the keys`
    )
  }
  const made = random.bytes(32)
  try {
    await keys.create(NAME, { [USE]: made })
    return made
  } catch (error) {
    if (!(error instanceof WardlineError) || error.code !== 'keys-exist') throw error
  }
  const other = await load(keys)
  assert(other !== undefined, 'keys that exist can be loaded')
  return other
}

async function load(keys: Keys): Promise<Uint8Array | undefined> {
  const secrets = await keys.load(NAME)
  if (secrets === undefined) return undefined
  const key = secrets[USE]
  if (key === undefined) throw new WardlineError('keys-unreadable', `the key set ${NAME} has no ${USE} key`)
  return key
}
