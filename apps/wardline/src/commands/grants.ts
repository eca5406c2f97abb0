/** What patients permit whose wallet this hospital keeps, and what any alias has permitted. */
import type { ParamsInput, Result } from '@wardline/api'
import { isHex32, type TransactionId, unreachable } from '@wardline/codec'
import type { Scope } from '@wardline/ledger'
import { ifUnsure, usage } from '../exit.ts'
import { type Common, emit, say, short } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { type GrantOptions, readTerms } from './grant-terms.ts'
import { grantsTable } from './grant-text.ts'
import { type PatientOptions, patientParams } from './shared-record.ts'
import { keepReceipt, lookFirst, onChain, stateText, type WaitOptions, waitParams } from './waiting.ts'

export async function createGrant(common: Common, options: WaitOptions & PatientOptions & GrantOptions): Promise<void> {
  const patient = patientParams(options)
  const { grantee, scope, purposes, from, to } = readTerms(options)
  const params = {
    ...(await waitParams(options)),
    ...patient,
    grantee: grantee as ParamsInput<'grant.create'>['grantee'],
    scope: scopeParam(scope),
    purposes: [...purposes],
    fromMs: from,
    toMs: to
  }
  const list = onChain('wardline grant list', options.chain)
  // A message gets into logs: it does not say who the patient is. An alias is on the chain.
  const who = options.alias === undefined ? '--patient …' : `--alias ${options.alias}`
  const result = await withDaemon(common, (client) => client.call('grant.create', params)).catch((error: unknown) => {
    throw ifUnsure(error, undefined, lookFirst(`${list} ${who}`))
  })
  await tell(common, options, result)
}

export async function revokeGrant(common: Common, id: string, options: WaitOptions): Promise<void> {
  if (!isHex32(id)) throw usage('A grant is named by the id of its transaction, 64 lower-case hex digits.')
  const params = { ...(await waitParams(options)), grant: id as TransactionId }
  await tell(common, options, await withDaemon(common, (client) => client.call('grant.revoke', params)))
}

export type ListOptions = PatientOptions & {
  readonly chain?: string
  readonly limit?: number
  readonly after?: string
  readonly actor?: string
}

export async function listGrants(common: Common, options: ListOptions): Promise<void> {
  const { chain, limit, after, actor } = options
  const params = { ...patientParams(options), chain, limit, after, actor }
  const result = await withDaemon(common, (client) => client.call('grant.list', params))
  const rows = await grantsTable(result.grants)
  emit(common, result, () => `patient ${short(result.alias)}\n\n${result.grants.length === 0 ? 'no grants' : rows}`)
  if (result.next !== null && !common.json) say(`More: --after ${result.next}`)
}

function scopeParam(scope: Scope): ParamsInput<'grant.create'>['scope'] {
  switch (scope.kind) {
    case 'all':
      return scope
    case 'records':
      return { kind: 'records', records: [...scope.records] }
    case 'anchored':
      return { kind: 'anchored', fromMs: scope.from, toMs: scope.to }
    default:
      return unreachable(scope)
  }
}

async function tell(common: Common, options: WaitOptions, result: Result<'grant.create'>): Promise<void> {
  emit(common, result, () =>
    [
      `grant        ${result.grant}`,
      `patient      ${result.alias}`,
      `transaction  ${result.id}`,
      `state        ${stateText(result)}`
    ].join('\n')
  )
  await keepReceipt(common, options, result)
}
