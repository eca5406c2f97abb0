import type { ChainId, SignKey } from '@wardline/codec'

/** Where secret keys live. What is loaded stays in this process; nothing here can send a secret anywhere. */
export interface Keys extends VoteMarks {
  /**
   * The secrets stored under `name` (`identity`, or a chain's label), by use, 32 bytes each; undefined if there are none.
   * @throws WardlineError `keys-unreadable | keys-passphrase`
   */
  load(name: string): Promise<KeySet | undefined>
  /** Stores new secrets, durably, before resolving. @throws WardlineError `keys-exist` rather than overwrite, `keys-failed` */
  create(name: string, secrets: KeySet): Promise<void>
}

/**
 * Which keys have voted on which chain, remembered apart from the chain's own folder: when that is lost, what was voted is
 * forgotten with it, and the key must not vote again.
 */
export interface VoteMarks {
  /** Whether this key was marked for this chain. @throws WardlineError `keys-unreadable` */
  hasVoted(chain: ChainId, key: SignKey): Promise<boolean>
  /** Marks it, durably before resolving; call before the first vote. Twice does nothing more. @throws WardlineError `keys-failed` */
  markVoted(chain: ChainId, key: SignKey): Promise<void>
}

export type KeySet = Readonly<Record<string, Uint8Array>>
