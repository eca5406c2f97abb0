/** Opens what one chain needs of this machine: genesis, keys, database, vote journal, network. */
import { readFile } from 'node:fs/promises'
import { WardlineError } from '@wardline/codec'
import { type Config, hasRun, holdsSealed, homePaths, loadPassphrase } from '@wardline/config'
import type { ChainSetup, OpenSetup } from '@wardline/hospital'
import { createFileKeys, openFileRecordKeys, sealKeysOf, storageKeyOf, voteKeysOf } from '@wardline/keys-files'
import { type Genesis, parseGenesis, verifyGenesis } from '@wardline/ledger'
import { createLibp2pNetwork } from '@wardline/network-libp2p'
import type { KeySet, Keys, Log, Network, Random } from '@wardline/ports'
import { openFileJournal, openLevelStore } from '@wardline/store-level'
import { openFileVault } from '@wardline/vault-files'

export type SetupParts = {
  /** The settings as they are now. May throw WardlineError. */
  readonly reload: () => Config
  readonly log: Log
  readonly random: Random
  /** The home was put back from a backup. */
  readonly isRestored: boolean
}

/** Opens chains, several at once too; the key of what is at rest is the same for all, and costs 0.3 s once. */
export function createOpenSetup({ reload, log, random, isRestored }: SetupParts): OpenSetup {
  let storageKey: Promise<Uint8Array> | undefined
  const loadStorageKey = (keys: Keys): Promise<Uint8Array> => {
    if (storageKey !== undefined) return storageKey
    const loading = storageKeyOf(keys, random, () => holdsSealed(reload().home))
    storageKey = loading
    // What stood in its way may be gone when the next chain is added.
    loading.catch(() => {
      storageKey = undefined
    })
    return loading
  }
  /** The chains that this start opens; one that is removed and added again later has a journal of its own since. */
  const restored = new Set(isRestored ? Object.keys(reload().chains) : [])
  return async (label) => {
    const setup = await openSetup(reload(), label, log, random, loadStorageKey)
    return { ...setup, isRestored: restored.delete(label) }
  }
}

/** @throws WardlineError, in one sentence what is missing or wrong; then nothing of it stays open */
async function openSetup(
  config: Config,
  label: string,
  log: Log,
  random: Random,
  loadStorageKey: (keys: Keys) => Promise<Uint8Array>
): Promise<ChainSetup> {
  const chain = config.chains[label]
  if (chain === undefined) {
    const remedy = `run "wardline id export --chain ${label}"`
    throw new WardlineError('chain-not-configured', `the settings have no chain ${label}; ${remedy}`)
  }
  const genesis = await readGenesis(chain.genesis, label)
  const keyFiles = await openKeys(config, random)
  const home = homePaths(config.home)
  const paths = home.chain(label)
  const keys = await loadKeys(keyFiles, label, await hasRun(config.home, label))
  const secretKey = keys['host']
  if (secretKey === undefined) {
    throw new WardlineError('keys-incomplete', `the keys of chain ${label} have no host key`)
  }
  const storageKey = await loadStorageKey(keyFiles)
  const opened: { close(): Promise<void> }[] = []
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    opened.push(part)
    return part
  }
  try {
    const store = keep(await openLevelStore(paths.store))
    const journal = keep(await openFileJournal(paths.votes))
    const vault = keep(await openFileVault({ directory: home.vault(label), label, storageKey, random }))
    const recordKeys = keep(await openFileRecordKeys({ directory: home.keys, label, storageKey, random }))
    const network = keep(await openNetwork(label, chain.listen, secretKey, log.with({ chain: label })))
    const voteKeys = voteKeysOf(keyFiles, label, random)
    const sealKeys = sealKeysOf(keyFiles, label, random)
    const parts = { store, journal, network, vault, recordKeys }
    const { pin, acknowledge } = chain
    return { label, genesis, keys, voteKeys, sealKeys, pin, acknowledge, voteMarks: keyFiles, ...parts }
  } catch (error) {
    await Promise.all(opened.map((part) => part.close()))
    throw error
  }
}

async function openNetwork(label: string, address: string, secretKey: Uint8Array, log: Log): Promise<Network> {
  try {
    return await createLibp2pNetwork({ secretKey, listen: [address], log })
  } catch (error) {
    if (!(error instanceof WardlineError)) throw error
    const { code, message } = error
    throw new WardlineError(code, `chain ${label} cannot listen on ${address}: ${message}`, { cause: error })
  }
}

async function openKeys(config: Config, random: Random): Promise<Keys> {
  const passphrase = await loadPassphrase(config.passphraseFile)
  return createFileKeys({ directory: homePaths(config.home).keys, passphrase, random })
}

/** @param isLost whether there were keys once */
async function loadKeys(keyFiles: Keys, label: string, isLost: boolean): Promise<KeySet> {
  const keys = await keyFiles.load(label)
  if (keys !== undefined) return keys
  const remedy = isLost
    ? `put ${label}.key back from the backup of the keys, for with new ones this hospital is no member of the chain`
    : `run "wardline id export --chain ${label}"`
  throw new WardlineError('keys-absent', `there are no keys for chain ${label}; ${remedy}`)
}

/** A chain starts only from a genesis that every founder signed. */
async function readGenesis(path: string, label: string): Promise<Genesis> {
  const parsed = parseGenesis(await readText(path, `the genesis of chain ${label}`))
  const problems = parsed.kind === 'failed' ? parsed.problems : verifyGenesis(parsed.genesis)
  if (parsed.kind === 'failed' || problems.length > 0) {
    const sentences = problems.map(({ message }) => message).join(' ')
    throw new WardlineError('genesis-unacceptable', `the genesis of chain ${label} cannot be used: ${sentences}`)
  }
  return parsed.genesis
}

async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new WardlineError('file-unreadable', `cannot read ${what} at ${path}: ${code}`, { cause: error })
  }
}
