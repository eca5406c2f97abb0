/** What a patient permits, in words. */
import type { Params, Result } from '@wardline/api'
import { unreachable } from '@wardline/codec'
import { short, table, utc, who } from '../output.ts'

export type GrantRow = Result<'grant.list'>['grants'][number]
export type Terms = Pick<GrantRow, 'grantee' | 'members' | 'scope' | 'purposes' | 'fromMs' | 'toMs'>
type Expression = Extract<Params<'grant.create'>['grantee'], { readonly expression: unknown }>['expression']

/** As `to Mercy for treatment, from … until …, all records`. */
export function termsText(terms: Terms): string {
  const { purposes, fromMs, toMs } = terms
  const window = `from ${utc(fromMs)} until ${utc(toMs)}`
  return `to ${granteeText(terms)} for ${purposes.join(', ')}, ${window}, ${scopeText(terms)}`
}

type AccessRow = Pick<Result<'audit.patient'>['entries'][number], 'decision' | 'status' | 'code'>

/** As `permitted, covered` or `denied, no-grant`: what the owner decided, and what the chain found of it. */
export function accessText({ decision, status, code }: AccessRow): string | null {
  const decided = decision === 'permit' ? 'permitted' : null
  const parts = [decided, status, code].filter((part) => part !== null)
  return parts.length === 0 ? null : parts.join(', ')
}

/** Below a table with accesses that were permitted. */
export const PERMITTED_NOTE = `

permitted: what the owner decided; covered or late: what the chain found of that decision.
Whether the records were then taken is not on the chain: the owner’s audit log has it.`

export function custodyText(custodial: boolean): string {
  return custodial ? 'wallet kept by the hospital' : 'patient’s own wallet'
}

/** One row for each, with whole ids: the one to revoke is among them. */
export async function grantsTable(
  grants: readonly GrantRow[],
  column?: { readonly heading: string; readonly of: (grant: GrantRow) => string }
): Promise<string> {
  const more = column === undefined ? [] : [column]
  return table(
    ['grant', ...more.map(({ heading }) => heading), 'state', 'to', 'for', 'from', 'until', 'records'],
    grants.map((grant) => [
      grant.grant,
      ...more.map(({ of }) => of(grant)),
      grant.status,
      granteeText(grant),
      grant.purposes.join(', '),
      utc(grant.fromMs),
      utc(grant.toMs),
      scopeText(grant)
    ])
  )
}

function granteeText({ grantee, members }: Terms): string {
  const called = (id: string) => who(members.find(({ member }) => member === id) ?? { member: id, name: null })
  if ('member' in grantee) return called(grantee.member)
  if ('role' in grantee) return `every ${grantee.role} of ${called(grantee.hospital)}`
  return `whoever is ${expressionText(grantee.expression, called)}`
}

function expressionText(expression: Expression, called: (id: string) => string): string {
  const inner = (part: Expression) => expressionText(part, called)
  if ('attribute' in expression) return `${expression.attribute} by ${called(expression.authority)}`
  if ('not' in expression) return `not ${inner(expression.not)}`
  const [word, parts] = 'and' in expression ? ['and', expression.and] : ['or', expression.or]
  return `(${parts.map(inner).join(` ${word} `)})`
}

function scopeText({ scope }: Terms): string {
  switch (scope.kind) {
    case 'all':
      return 'all records'
    case 'records':
      return `only ${scope.records.map(short).join(', ')}`
    case 'anchored':
      return [
        'all records anchored',
        ...(scope.fromMs === 0 ? [] : [`from ${utc(scope.fromMs)}`]),
        ...(scope.toMs === Number.MAX_SAFE_INTEGER ? [] : [`before ${utc(scope.toMs)}`])
      ].join(' ')
    default:
      return unreachable(scope)
  }
}
