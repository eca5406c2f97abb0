/** What a patient permits, from the command line: members by id, or by the names that the daemon has for them. */
import type { SocketClient } from '@wardline/client'
import { isHex32, limits, type MemberId, type RecordId } from '@wardline/codec'
import {
  type Expression,
  GRANT_MS_BY_DEFAULT,
  type Grantee,
  type GrantTerms,
  type Scope,
  STAFF_ROLES,
  type StaffRole
} from '@wardline/ledger'
import { usage } from '../exit.ts'
import { timeOf } from '../times.ts'
import type { ChainFacts } from './wallet.ts'

export type GrantOptions = {
  readonly to?: string
  readonly toRole?: string
  readonly toExpression?: string
  readonly purpose: readonly string[]
  readonly record: readonly string[]
  readonly anchoredFrom?: string
  readonly anchoredTo?: string
  readonly from?: string
  readonly until?: string
}

/** The terms as far as they are known without a daemon. */
export type WrittenTerms = Pick<GrantTerms, 'scope' | 'purposes'> & {
  readonly grantee: Written
  readonly from: number | undefined
  readonly to: number | undefined
}

/** @throws CommandFailure `usage` */
export function readTerms(options: GrantOptions): WrittenTerms {
  const grantee = granteeFrom(options)
  const scope = scopeFrom(options)
  if (options.purpose.length === 0) throw usage('Give at least one --purpose, such as treatment.')
  // The parser of the program has let no other purpose through.
  const purposes = [...new Set(options.purpose)].sort() as GrantTerms['purposes']
  return { grantee, scope, purposes, from: timeOf('--from', options.from), to: timeOf('--until', options.until) }
}

/** The same with the ids of members, and the times that were left out. */
export async function termsOf(
  client: SocketClient,
  { chain, headTimeMs }: ChainFacts,
  { grantee, scope, purposes, from, to }: WrittenTerms
): Promise<GrantTerms> {
  const ids = await idsOf(client, chain, namesIn(grantee))
  return {
    grantee: withIds(grantee, ids),
    scope,
    purposes,
    from: from ?? headTimeMs,
    to: to ?? Math.max(Date.now(), headTimeMs) + GRANT_MS_BY_DEFAULT,
    mayDelegate: false
  }
}

/** The member of that id or name. @throws CommandFailure `usage` for a name that fits none or several */
export async function memberCalled(client: SocketClient, chain: string, name: string): Promise<MemberId> {
  return idOf(await idsOf(client, chain, [name]), name)
}

/** With members as they were written, by id or name. */
type Written =
  | { readonly member: string }
  | { readonly role: StaffRole; readonly hospital: string }
  | { readonly expression: WrittenExpression }

type WrittenExpression =
  | { readonly attribute: string; readonly authority: string }
  | { readonly and: readonly WrittenExpression[] }
  | { readonly or: readonly WrittenExpression[] }
  | { readonly not: WrittenExpression }

function granteeFrom({ to, toRole, toExpression }: GrantOptions): Written {
  if ([to, toRole, toExpression].filter((given) => given !== undefined).length !== 1) {
    throw usage('Give exactly one of --to, --to-role and --to-expression.')
  }
  if (to !== undefined) return { member: to }
  if (toRole !== undefined) {
    const [, word, hospital] = /^([A-Za-z]+)@(.+)$/s.exec(toRole) ?? []
    const role = STAFF_ROLES.find((one) => one === word)
    if (role === undefined || hospital === undefined) {
      throw usage(`--to-role must be ROLE@HOSPITAL, such as doctor@Mercy; roles are ${STAFF_ROLES.join(', ')}.`)
    }
    return { role, hospital }
  }
  return { expression: readExpression(parseJson(toExpression ?? ''), limits.expressionDepthMax) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw badExpression()
  }
}

function readExpression(value: unknown, levels: number): WrittenExpression {
  if (levels === 0 || typeof value !== 'object' || value === null) throw badExpression()
  const { attribute, authority, and, or, not, ...rest } = value as Readonly<Record<string, unknown>>
  const given = [attribute ?? authority, and, or, not].filter((part) => part !== undefined)
  if (given.length !== 1 || Object.keys(rest).length > 0) throw badExpression()
  if (not !== undefined) return { not: readExpression(not, levels - 1) }
  if (Array.isArray(and)) return { and: and.map((part) => readExpression(part, levels - 1)) }
  if (Array.isArray(or)) return { or: or.map((part) => readExpression(part, levels - 1)) }
  if (typeof attribute !== 'string' || typeof authority !== 'string') throw badExpression()
  return { attribute, authority }
}

function badExpression() {
  return usage(
    '--to-expression must be JSON of {"attribute": …, "authority": …}, {"and": […]}, {"or": […]} and {"not": …}, at most 8 deep.'
  )
}

function scopeFrom({ record, anchoredFrom, anchoredTo }: GrantOptions): Scope {
  const from = timeOf('--anchored-from', anchoredFrom)
  const to = timeOf('--anchored-to', anchoredTo)
  if (record.length > 0) {
    if (from !== undefined || to !== undefined) throw usage('Give records or times of anchoring, not both.')
    if (!record.every(isHex32)) throw usage('--record must be a record id, 64 lower-case hex digits.')
    return { kind: 'records', records: [...new Set(record)].sort() as RecordId[] }
  }
  if (from === undefined && to === undefined) return { kind: 'all' }
  return { kind: 'anchored', from: from ?? 0, to: to ?? Number.MAX_SAFE_INTEGER }
}

function namesIn(grantee: Written): readonly string[] {
  if ('member' in grantee) return [grantee.member]
  return 'role' in grantee ? [grantee.hospital] : authoritiesIn(grantee.expression)
}

function authoritiesIn(expression: WrittenExpression): readonly string[] {
  if ('attribute' in expression) return [expression.authority]
  if ('not' in expression) return authoritiesIn(expression.not)
  return ('and' in expression ? expression.and : expression.or).flatMap(authoritiesIn)
}

type Ids = ReadonlyMap<string, MemberId>

/** The member behind each name. An id is taken as it is: whether it is a member the chain will say. */
async function idsOf(client: SocketClient, chain: string, names: readonly string[]): Promise<Ids> {
  const ids = new Map(names.filter(isHex32).map((id) => [id, id as string as MemberId]))
  const open = new Set(names.filter((name) => !ids.has(name)))
  if (open.size === 0) return ids
  let after: MemberId | undefined
  do {
    const page = await client.call('member.list', { chain, limit: 1000, after })
    for (const { member, name } of page.members) {
      if (name === null || !open.has(name)) continue
      if (ids.has(name)) throw usage(`Several members are called ${name}: give the id.`)
      ids.set(name, member)
    }
    after = page.next ?? undefined
  } while (after !== undefined)
  for (const name of open) if (!ids.has(name)) throw usage(`The daemon knows no member called ${name}.`)
  return ids
}

function withIds(grantee: Written, ids: Ids): Grantee {
  if ('member' in grantee) return { member: idOf(ids, grantee.member) }
  if ('expression' in grantee) return { expression: expressionOf(grantee.expression, ids) }
  return { role: grantee.role, hospital: idOf(ids, grantee.hospital) }
}

function expressionOf(expression: WrittenExpression, ids: Ids): Expression {
  if ('attribute' in expression) {
    return { kind: 'attribute', attribute: expression.attribute, authority: idOf(ids, expression.authority) }
  }
  if ('not' in expression) return { kind: 'not', of: expressionOf(expression.not, ids) }
  const [kind, parts] = 'and' in expression ? (['and', expression.and] as const) : (['or', expression.or] as const)
  return { kind, of: parts.map((part) => expressionOf(part, ids)) }
}

function idOf(ids: Ids, name: string): MemberId {
  const id = ids.get(name)
  if (id === undefined) throw usage(`The daemon knows no member called ${name}.`)
  return id
}
