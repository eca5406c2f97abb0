/** The hospital's secret keys, opened for one command. They never leave this process. */

import type { SealKey } from '@wardline/codec'
import type { Settings } from '@wardline/config'
import { homePaths, loadPassphrase } from '@wardline/config'
import { createSigner, createVoteSigner, publicSealKey, type Signer } from '@wardline/crypto'
import { createFileKeys } from '@wardline/keys-files'
import type { CardSigners } from '@wardline/ledger'
import type { KeySet, Keys } from '@wardline/ports'
import { createSystemRandom } from '@wardline/system'
import { CommandFailure, EXIT } from './exit.ts'

/** Name and use of the key that signs cards and genesis documents. */
const IDENTITY = 'identity'

/** What a chain's keys are for; each has a secret of its own. */
const CHAIN_USES = ['sign', 'vote', 'host', 'seal'] as const

const random = createSystemRandom()

export async function openKeys({ config }: Settings): Promise<Keys> {
  const passphrase = await loadPassphrase(config.passphraseFile)
  return createFileKeys({ directory: homePaths(config.home).keys, passphrase, random })
}

/** Makes the identity key unless there is one; both ways the signer. */
export async function ensureIdentity(keys: Keys): Promise<Signer> {
  const known = await keys.load(IDENTITY)
  if (known !== undefined) return identityFrom(known[IDENTITY])
  const secret = random.bytes(32)
  await keys.create(IDENTITY, { [IDENTITY]: secret })
  return createSigner(secret)
}

export async function loadIdentity(keys: Keys): Promise<Signer> {
  const known = await keys.load(IDENTITY)
  if (known === undefined) {
    throw new CommandFailure(EXIT.error, 'no-identity', 'This home has no identity key: run `wardline init` first.')
  }
  return identityFrom(known[IDENTITY])
}

function identityFrom(secret: Uint8Array | undefined): Signer {
  if (secret === undefined) {
    throw new CommandFailure(EXIT.error, 'keys-unreadable', 'The identity key file holds no identity key.')
  }
  return createSigner(secret)
}

/** The signing halves of a chain's keys, with the public sealing key. */
export type ChainSigners = Required<Omit<CardSigners, 'identity'>> & { readonly sealKey: SealKey }

export async function loadChainSigners(keys: Keys, label: string): Promise<ChainSigners | undefined> {
  const known = await keys.load(label)
  return known === undefined ? undefined : signersFrom(label, known)
}

/**
 * Makes the chain's keys unless there are some; both ways the signers.
 * @param isLost whether there were keys once: with new ones this hospital would be no member of the chain
 * @throws CommandFailure `keys-absent` if there were, and are none now
 */
export async function ensureChainSigners(keys: Keys, label: string, isLost: boolean): Promise<ChainSigners> {
  const known = await loadChainSigners(keys, label)
  if (known !== undefined) return known
  if (isLost) {
    throw new CommandFailure(
      EXIT.error,
      'keys-absent',
      `The keys of ${label} are gone, and its daemon has run here: put ${label}.key back from the backup of the keys. With new ones this hospital would be no member of the chain.`
    )
  }
  const secrets = Object.fromEntries(CHAIN_USES.map((use) => [use, random.bytes(32)]))
  await keys.create(label, secrets)
  return signersFrom(label, secrets)
}

function signersFrom(label: string, secrets: KeySet): ChainSigners {
  const [sign, vote, host, seal] = CHAIN_USES.map((use) => secrets[use])
  if (sign === undefined || vote === undefined || host === undefined || seal === undefined) {
    throw new CommandFailure(EXIT.error, 'keys-unreadable', `The keys of ${label} are not complete.`)
  }
  return {
    sign: createSigner(sign),
    vote: createVoteSigner(vote),
    host: createSigner(host),
    sealKey: publicSealKey(seal)
  }
}
