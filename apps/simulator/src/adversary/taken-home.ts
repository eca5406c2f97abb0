/** The home of a hospital whose daemon is stopped, in the hands of somebody who may read it all. */
import { readFile } from 'node:fs/promises'
import { WardlineError } from '@wardline/codec'
import { homePaths, loadConfig, loadPassphrase } from '@wardline/config'
import { createFileKeys } from '@wardline/keys-files'
import { type Genesis, parseGenesis } from '@wardline/ledger'
import { createLibp2pNetwork, type Libp2pNetwork } from '@wardline/network-libp2p'
import type { Log, Random } from '@wardline/ports'
import { lockFolder } from '@wardline/store-level'

export type TakenHome = {
  readonly genesis: Genesis
  readonly keys: { readonly sign: Uint8Array; readonly vote: Uint8Array; readonly host: Uint8Array }
  readonly listen: string
  /** Folders of the chain. */
  readonly store: string
  readonly votes: string
  /** Gives the home back. */
  release(): Promise<void>
}

/**
 * Takes the home for this process, as a daemon would, so that the daemon cannot run on it at the same time.
 * @throws WardlineError `folder-locked`, or what cannot be read
 */
export async function takeHome(home: string, label: string, random: Random): Promise<TakenHome> {
  const loaded = loadConfig({ home })
  const config = loaded.kind === 'ok' ? loaded.settings.config : undefined
  const chain = config?.chains[label]
  if (config === undefined || chain === undefined) {
    throw new WardlineError('config-unreadable', `${home} has no chain ${label}`)
  }
  const parsed = parseGenesis(await readFile(chain.genesis, 'utf8'))
  if (parsed.kind === 'failed') throw new WardlineError('genesis-unacceptable', `${chain.genesis} is not a genesis`)
  const paths = homePaths(config.home)
  const passphrase = await loadPassphrase(config.passphraseFile)
  const { sign, vote, host } = (await createFileKeys({ directory: paths.keys, passphrase, random }).load(label)) ?? {}
  if (sign === undefined || vote === undefined || host === undefined) {
    throw new WardlineError('keys-incomplete', `${home} lacks keys of ${label}`)
  }
  const lock = await lockFolder(config.home)
  const { store, votes } = paths.chain(label)
  return {
    genesis: parsed.genesis,
    keys: { sign, vote, host },
    listen: chain.listen,
    store,
    votes,
    release: () => lock.release()
  }
}

/** The member's libp2p host. */
export function startHost({ keys, listen }: TakenHome, log: Log): Promise<Libp2pNetwork> {
  return createLibp2pNetwork({ secretKey: keys.host, listen: [listen], log })
}
