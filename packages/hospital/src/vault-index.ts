/** Names in the vault for what the hospital's own systems call somebody, and reading what lies there. */
import { createHmac } from 'node:crypto'
import { type Hash, unreachable, WardlineError } from '@wardline/codec'
import type { Random, Vault } from '@wardline/ports'

/**
 * A hash of a reference (of whom, says `use`), keyed by 32 random bytes of this vault: who sees the vault's file names alone
 * can neither read nor guess a record number from them.
 */
export type VaultIndex = (use: 'patient' | 'person', reference: string) => Promise<Hash>

const KEY_NAME = 'index-key'

/** What has its names by the key. Staff of whom no reference was given is under `persons/` alone, by member. */
const NAMED = ['patients/', 'person-references/']

/** One for each vault: two would both make the key. */
export function createVaultIndex(vault: Vault, random: Random): VaultIndex {
  let key: Promise<Uint8Array> | undefined
  return async (use, reference) => {
    key ??= ensureKey(vault, random)
    try {
      return createHmac('sha256', await key)
        .update(`wardline/${use}/1\n${reference}`)
        .digest('hex') as Hash
    } catch (error) {
      // What failed may work at the next call.
      key = undefined
      throw error
    }
  }
}

async function ensureKey(vault: Vault, random: Random): Promise<Uint8Array> {
  const known = await vaultContent(vault, KEY_NAME)
  if (known !== undefined) return known
  // By a new key nobody who is here would be found again: each would silently get a second wallet.
  for (const prefix of NAMED) if ((await vault.names(prefix)).length > 0) throw vaultDamaged(KEY_NAME)
  const key = random.bytes(32)
  await vault.put(KEY_NAME, key)
  return key
}

/**
 * The bytes under this name; undefined if there are none.
 * @throws WardlineError `vault-damaged`: something is there, and nothing new must take its place
 */
export async function vaultContent(vault: Vault, name: string): Promise<Uint8Array | undefined> {
  const found = await vault.get(name)
  switch (found.kind) {
    case 'found':
      return found.bytes
    case 'absent':
      return undefined
    case 'damaged':
      throw vaultDamaged(name)
    default:
      return unreachable(found)
  }
}

export function vaultDamaged(name: string): WardlineError {
  return new WardlineError('vault-damaged', `${name} in the vault cannot be read; restore it from a backup`)
}
