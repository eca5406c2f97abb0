import { assert } from '@wardline/codec'

/**
 * Named bytes that a hospital keeps for one chain and shows to nobody else: the keys of its staff, its patients' wallets,
 * records that only their hash left the house. What is given is encrypted before it touches the disk; names are not secret.
 *
 * Nothing that is on the disk is served unless it is, whole, what was put under that very name.
 */
export interface Vault {
  /**
   * Stores a copy of `bytes` (0 to limits.vaultBytesMax) under `name` in place of what was there, durable when resolved.
   * Before that a crash leaves the old or the new, never a part. Calls for one name take effect in their order.
   * @throws WardlineError `vault-failed` (cause inside): what was there before is still there, or the new is; a later call may
   * succeed. `vault-closed`
   */
  put(name: string, bytes: Uint8Array): Promise<void>
  /** What lies under `name`; the caller owns the bytes. @throws WardlineError `vault-unreadable | vault-closed` */
  get(name: string): Promise<VaultContent>
  /** Whether anything lies under `name`, whole or damaged; reads none of it. @throws WardlineError `vault-unreadable | vault-closed` */
  has(name: string): Promise<boolean>
  /** The names that begin with `prefix` (any string), ascending by code unit, damaged ones too. @throws WardlineError `vault-unreadable | vault-closed` */
  names(prefix: string): Promise<readonly string[]>
  /** Removes what lies under `name`, whole or damaged, durably when resolved; nothing there is no fault. @throws WardlineError `vault-failed | vault-closed` */
  remove(name: string): Promise<void>
  /** Waits for the calls under way; afterwards every call fails with `vault-closed`. Closing twice does nothing. */
  close(): Promise<void>
}

export type VaultContent =
  | { readonly kind: 'found'; readonly bytes: Uint8Array }
  | { readonly kind: 'absent' }
  /** Something lies there that is not what was put: only a backup helps, or putting anew. */
  | { readonly kind: 'damaged' }

const NAME = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/
const NAME_LENGTH_MAX = 200

/** @throws AssertionError unless `name` is 1 to 200 characters: parts of `a-z`, `0-9` and `-`, with single slashes between them */
export function assertVaultName(name: string): void {
  assert(
    name.length <= NAME_LENGTH_MAX && NAME.test(name),
    'a name in the vault is parts of a-z, 0-9 and - between slashes'
  )
}
