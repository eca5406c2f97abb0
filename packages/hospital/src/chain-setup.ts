/** What one chain needs of the world. */
import type { ACKNOWLEDGE } from '@wardline/api'
import type { Genesis, Pin } from '@wardline/ledger'
import type { Journal, KeySet, KeyValueStore, Network, RecordKeys, Vault, VoteMarks } from '@wardline/ports'

/** The keys of one use on one chain: the first came with this hospital's card, the others replace it one after the other. */
export type KeyLine = {
  /** All of them, 32 bytes each. @throws WardlineError `keys-unreadable`, `keys-incomplete` */
  all(): Promise<readonly Uint8Array[]>
  /** Makes another one, kept durably before this resolves. @throws WardlineError `keys-failed` */
  make(): Promise<Uint8Array>
}

/**
 * What a daemon acknowledges of what it is sent, once it has looked at it. `auto`: everything but what is sealed to a key that is
 * not here. `opened`: what opens, verifies and came by a whole path; what else it finds waits for a person. `manual`: everything
 * waits for a person, but what was recalled.
 */
export type Acknowledge = (typeof ACKNOWLEDGE)[number]

/** The hospital closes them. */
export type ChainSetup = {
  readonly label: string
  readonly genesis: Genesis
  /** `sign`, `vote`, `host` and `seal`, 32 bytes each. */
  readonly keys: KeySet
  readonly voteKeys: KeyLine
  readonly sealKeys: KeyLine
  /** Kept with the keys, apart from store and journal; null where nothing is. */
  readonly voteMarks: VoteMarks | null
  readonly store: KeyValueStore
  readonly journal: Journal
  /** The folder was put back from a backup; see `ChainParts`. */
  readonly isRestored?: boolean
  /** A block that people know to be final; see `ChainParts`. */
  readonly pin?: Pin | null
  /** On an STT chain; left out: `auto`. */
  readonly acknowledge?: Acknowledge
  readonly network: Network
  readonly vault: Vault
  readonly recordKeys: RecordKeys
}

/**
 * Opens them for the chain that the settings have under this label, as the settings are now.
 * @throws WardlineError, in one sentence what is missing or wrong; then nothing of it stays open
 */
export type OpenSetup = (label: string) => Promise<ChainSetup>

/** What is closed already stays so. */
export async function closeSetup({ network, journal, store, vault, recordKeys }: ChainSetup): Promise<void> {
  await network.close()
  await journal.close()
  await store.close()
  await vault.close()
  await recordKeys.close()
}
