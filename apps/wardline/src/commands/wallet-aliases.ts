/** Asking about all aliases of a wallet. The daemon is asked for one at a time; who they are together is known here alone. */
import type { SocketClient } from '@wardline/client'
import { type WalletAlias, walletSigner } from '@wardline/client/wallet'
import type { Alias } from '@wardline/codec'
import { type Common, say } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { loadWallet, type WalletFileOptions } from '../wallet-file.ts'

export type AliasesOptions = WalletFileOptions & { readonly chain?: string }

export type NamedAlias = WalletAlias & { readonly alias: Alias }

/**
 * What `ask` finds of each alias, on one chain or on all.
 * `elsewhere`: labels of the chains that the daemon does not have.
 */
export async function askEach<T>(
  common: Common,
  path: string,
  options: AliasesOptions,
  ask: (client: SocketClient, alias: NamedAlias) => Promise<T>
): Promise<{ readonly found: readonly T[]; readonly elsewhere: readonly string[] }> {
  const wallet = await loadWallet(path, options)
  const { chain } = options
  const wanted = wallet.aliases.filter((alias) => chain === undefined || chain === alias.label || chain === alias.chain)
  // An alias of another label is none of ours; a chain that nobody knows is a mistake of who asks.
  if (wanted.length === 0 && chain !== undefined)
    await withDaemon(common, (client) => client.call('chain.info', { chain }))
  const found: T[] = []
  const elsewhere: string[] = []
  for (const alias of wanted) {
    const named = { ...alias, alias: walletSigner(wallet, alias).alias }
    // A connection of its own for each, so that the daemon need not see that they are one patient's.
    const answer = await withDaemon(common, (client) => ask(client, named)).catch(unlessElsewhere)
    if (answer === undefined) elsewhere.push(alias.label)
    else found.push(answer)
  }
  return { found, elsewhere }
}

export function sayElsewhere(common: Common, elsewhere: readonly string[]): void {
  if (elsewhere.length === 0 || common.json) return
  say(`This daemon takes no part in ${[...new Set(elsewhere)].join(', ')}: ask another hospital.`)
}

/** Undefined where the daemon does not have the chain. */
function unlessElsewhere(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'not-found') return undefined
  throw error
}
