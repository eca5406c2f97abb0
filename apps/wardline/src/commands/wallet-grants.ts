/** What the aliases of a wallet have granted. */
import type { SocketClient } from '@wardline/client'
import type { Alias } from '@wardline/codec'
import { type Common, emit, short } from '../output.ts'
import { type GrantRow, grantsTable } from './grant-text.ts'
import { type AliasesOptions, askEach, type NamedAlias, sayElsewhere } from './wallet-aliases.ts'

const PAGE = 1000

type OwnGrant = GrantRow & { readonly alias: Alias; readonly chain: string; readonly label: string }

export async function showGrants(common: Common, path: string, options: AliasesOptions): Promise<void> {
  const { found, elsewhere } = await askEach(common, path, options, grantsOf)
  const grants = found.flat().sort((a, b) => b.sinceMs - a.sinceMs)
  const aliases = new Map(grants.map(({ grant, label, alias }) => [grant, `${short(alias)} on ${label}`]))
  const of = ({ grant }: GrantRow) => aliases.get(grant) ?? '-'
  const text = await grantsTable(grants, { heading: 'alias', of })
  emit(common, { grants, elsewhere }, () => (grants.length === 0 ? 'no grants' : text))
  sayElsewhere(common, elsewhere)
}

async function grantsOf(client: SocketClient, { chain, label, mode, alias }: NamedAlias): Promise<readonly OwnGrant[]> {
  const grants: OwnGrant[] = []
  if (mode !== 'SPV') return grants
  let after: string | undefined
  do {
    const page = await client.call('grant.list', { chain, alias, after, limit: PAGE })
    grants.push(...page.grants.map((grant) => ({ ...grant, alias, chain, label })))
    after = page.next ?? undefined
  } while (after !== undefined)
  return grants
}
