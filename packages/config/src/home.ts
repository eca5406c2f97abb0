/** The layout of a daemon's home: the one place that knows where anything lies. */
import { join } from 'node:path'

export type HomePaths = {
  readonly home: string
  readonly config: string
  readonly passphrase: string
  readonly keys: string
  readonly chains: string
  readonly run: string
  readonly audit: string
  readonly chain: (label: string) => ChainPaths
  readonly vaults: string
  /** The folder of that chain's vault. */
  readonly vault: (label: string) => string
}

export type ChainPaths = {
  readonly folder: string
  readonly genesis: string
  /** LevelDB. */
  readonly store: string
  /** The vote journal's segments. */
  readonly votes: string
}

export type SocketPaths = { readonly admin: string; readonly ehr: string; readonly read: string }

/**
 *     HOME/wardline.yaml             settings
 *     HOME/passphrase                0600, opens the key files; made by `init`
 *     HOME/keys/identity.key         the hospital's identity
 *     HOME/keys/<label>.key          that chain's sign, vote, host and seal keys
 *     HOME/keys/<label>.vote-N.key, <label>.seal-N.key  keys that replaced its vote and seal keys
 *     HOME/keys/storage.key          the key of what is at rest
 *     HOME/keys/<label>.payload-keys.1 keys of that chain's payloads, under the storage key; never in a backup of the chain
 *     HOME/chains/<label>/genesis.json
 *     HOME/chains/<label>/db/        LevelDB
 *     HOME/chains/<label>/votes/     vote journal
 *     HOME/vault/<label>/            what the hospital keeps for that chain and shows nobody, under the storage key
 *     HOME/run/{admin,ehr,read}.sock control sockets, unless `runFolder` says otherwise
 *     HOME/audit.log                 local log of mutating and content-reading calls
 */
export function homePaths(home: string): HomePaths {
  return {
    home,
    config: join(home, 'wardline.yaml'),
    passphrase: join(home, 'passphrase'),
    keys: join(home, 'keys'),
    chains: join(home, 'chains'),
    run: join(home, 'run'),
    audit: join(home, 'audit.log'),
    chain: (label) => {
      const folder = join(home, 'chains', label)
      return {
        folder,
        genesis: join(folder, 'genesis.json'),
        store: join(folder, 'db'),
        votes: join(folder, 'votes')
      }
    },
    vaults: join(home, 'vault'),
    vault: (label) => join(home, 'vault', label)
  }
}

export function socketPaths(runFolder: string): SocketPaths {
  return {
    admin: join(runFolder, 'admin.sock'),
    ehr: join(runFolder, 'ehr.sock'),
    read: join(runFolder, 'read.sock')
  }
}
