/** What a key set may look like, the same in every implementation. */
import { assert, type ChainId, type SignKey } from '@wardline/codec'
import type { KeySet } from '@wardline/ports'

const NAME = /^[a-z0-9][a-z0-9-]{0,62}(\.[a-z0-9-]{1,31})?$/
const USE = /^[a-z][a-z0-9-]{0,63}$/

/**
 * A name becomes a file's name: 1 to 63 of `a-z 0-9 -`, beginning with a letter or digit, and perhaps a dot and 1 to 31 more.
 * @throws AssertionError for any other
 */
export function assertKeysName(name: string): void {
  assert(NAME.test(name), 'keys are stored under a name of a-z, 0-9 and -, with at most one dot')
}

const HEX32 = /^[0-9a-f]{64}$/

/** The name of the mark that `key` has voted on `chain`; no name of keys is as long. */
export function markName(chain: ChainId, key: SignKey): string {
  assert(HEX32.test(chain) && HEX32.test(key), 'a mark names a chain and a key')
  return `${chain}-${key}.voted`
}

/** A copy of `secrets`, which the caller may wipe. @throws AssertionError unless they are at most 64, of 32 bytes, by use */
export function copyKeySet(secrets: KeySet): KeySet {
  const entries = Object.entries(secrets)
  assert(entries.length <= 64 && entries.every(([use]) => USE.test(use)), 'a key set has at most 64 named uses')
  assert(
    entries.every(([, secret]) => secret.length === 32),
    'a secret has 32 bytes'
  )
  return Object.fromEntries(entries.map(([use, secret]) => [use, new Uint8Array(secret)]))
}
