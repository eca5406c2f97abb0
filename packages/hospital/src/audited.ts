/** The methods of the table that belong into the audit log, each with its line. */
import { type Api, ApiError, type CallContext, type Denied, type MethodName, methods } from '@wardline/api'
import { type ChainId, isHex32, limits, type MemberId, WardlineError } from '@wardline/codec'
import { createAllowance } from '@wardline/node'
import type { Clock } from '@wardline/ports'
import { AUDIT_IDS_MAX, type AuditBook, type AuditIds } from './audit.ts'

export type AuditParts = {
  readonly book: AuditBook
  readonly clock: Clock
  /** The chain that a call is about, whether or not it names one; undefined where none here, or one of several. */
  readonly chainOf: (method: string, asked: Fields) => ChainId | undefined
  /** The only member of that id or display name, or, with undefined, this hospital. */
  readonly memberOf: (chain: ChainId, reference: string | undefined) => MemberId | undefined
}

type Call<P, R> = (params: P, context: CallContext) => Promise<R>

export type Audit = {
  /** The table with every audited method logged. */
  readonly api: Api
  /** `call` as an audited method of that name. */
  logged<P, R>(method: string, call: Call<P, R>): Call<P, R>
  /** Writes down who asked for what its socket may not do, and nothing of the parameters: nobody has looked at them. */
  readonly denied: Denied
}

/** Logs the audited methods of `api`. The callers of each socket share what they may ask for, and hear `busy` above it. */
export function auditApi(api: Api, { book, clock, chainOf, memberOf }: AuditParts): Audit {
  const reads = createAllowance({ clock, burst: limits.auditedReadsBurst, perSecond: limits.auditedReadsPerSecond })
  const writes = createAllowance({ clock, burst: limits.auditedWritesBurst, perSecond: limits.auditedWritesPerSecond })

  /** Before anything is done that could not be written down. @throws WardlineError the log's failure; ApiError `busy` */
  function admit({ role }: CallContext): void {
    const failure = book.failure()
    if (failure !== undefined) throw new WardlineError(failure, 'the audit log cannot be written')
    if ((role === 'read' ? reads : writes).take(role, 1)) return
    throw new ApiError('busy', 'more calls that are logged come on this socket than are answered; try again later')
  }

  function logged<P, R>(method: string, call: Call<P, R>): Call<P, R> {
    return async (params, context) => {
      admit(context)
      const { role, actor = null } = context
      const asked = params as Fields
      const meant = chainOf(method, asked)
      const [ended] = await Promise.allSettled([call(params, context)])
      const { outcome, facts } = ended.status === 'fulfilled' ? successOf(ended.value) : failureOf(ended.reason)
      const chain = chainIn(facts) ?? meant ?? null
      const idOf = (reference: unknown) => memberIn(reference, (name) => chain && memberOf(chain, name))
      const { contentBytes } = facts
      const ids = idsOf(method, asked, facts, idOf)
      await book.write({
        role,
        actor,
        method,
        chain,
        ids,
        ...(typeof contentBytes === 'number' && { contentBytes }),
        outcome
      })
      if (ended.status === 'rejected') throw ended.reason
      return ended.value
    }
  }

  async function denied(method: MethodName, context: CallContext): Promise<void> {
    admit(context)
    const { role, actor = null } = context
    await book.write({ role, actor, method, chain: null, ids: {}, outcome: 'not-permitted' })
  }

  const audited = Object.entries(methods).flatMap(([name, row]) =>
    // The table pairs each name with the types of its own implementation.
    row.audited ? [[name, logged(name, api[name as MethodName] as Call<unknown, unknown>)] as const] : []
  )
  return { api: { ...api, ...(Object.fromEntries(audited) as Partial<Api>) }, logged, denied }
}

/** Parameters, which the table has checked, or what was answered. */
type Fields = Readonly<Record<string, unknown>>
type Ended = { readonly outcome: string; readonly facts: Fields }

function successOf(result: unknown): Ended {
  const answer = result as Fields
  // Of an alias that was opened: the transaction that did.
  const facts = { ...(answer['opening'] as Fields | null | undefined), ...answer }
  const { state } = facts as Fields
  return { outcome: typeof state === 'string' ? state : 'ok', facts }
}

function failureOf(error: unknown): Ended {
  if (error instanceof ApiError) return { outcome: error.code, facts: error.data ?? {} }
  return { outcome: error instanceof WardlineError ? 'unavailable' : 'internal-error', facts: {} }
}

/** The chain that an answer names: the caller may have left it to the daemon which one is meant. */
function chainIn({ chain }: Fields): ChainId | undefined {
  return typeof chain === 'string' && isHex32(chain) ? (chain as ChainId) : undefined
}

type IdOf = (reference: unknown) => MemberId | undefined

/** Ids of the answer before those of the question, which may be a name. */
function idsOf(method: string, asked: Fields, answered: Fields, idOf: IdOf): AuditIds {
  const first = (...values: readonly unknown[]) => values.find((value) => typeof value === 'string' && isHex32(value))
  const isRequest = method === 'record.request'
  const records = isRequest ? [asked['records']].flat() : []
  const members = membersOf(asked, answered)
  const found = {
    record: first(answered['record'], asked['record']),
    records: records.slice(0, AUDIT_IDS_MAX),
    // Of a look at a record: the entry on the chain that it made.
    transaction: first(answered['id'], answered['access'], answered['entry'], answered['transmission']),
    request: first(answered['request']),
    via: first(answered['via'], asked['via']),
    version: method.startsWith('record.') ? first(asked['transaction'], asked['supersedes']) : undefined,
    grant: first(answered['grant'], asked['grant']),
    alias: first(answered['alias'], asked['alias']),
    owner: isRequest ? idOf(asked['owner']) : undefined,
    accessor: isRequest ? idOf(asked['accessor']) : undefined,
    members: members.slice(0, AUDIT_IDS_MAX).flatMap((one) => idOf(one) ?? []),
    consent: method.startsWith('consent.') ? first(asked['consent']) : undefined,
    leftOut: [records, members].reduce((sum, { length }) => sum + Math.max(0, length - AUDIT_IDS_MAX), 0) || undefined
  }
  return Object.fromEntries(
    Object.entries(found).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
  )
}

function membersOf(asked: Fields, answered: Fields): readonly unknown[] {
  const given = ['to', 'member', 'doctors', 'reader'].map((name) => answered[name] ?? asked[name])
  const members = [given.find((one) => one !== undefined && one !== null) ?? granteesOf(asked['grantee'])].flat()
  return [...new Set(members)]
}

/** Whom a grant is for: a member, the hospital of a role, or the authorities of an expression. */
function granteesOf(grantee: unknown): readonly unknown[] {
  if (typeof grantee !== 'object' || grantee === null) return []
  return Object.entries(grantee).flatMap(([name, value]) =>
    ['member', 'hospital', 'authority'].includes(name) ? [value] : [value].flat().flatMap(granteesOf)
  )
}

/** A member by id, by what answers call one, or by what `memberOf` makes of a name or of nothing. */
function memberIn(
  reference: unknown,
  memberOf: (name: string | undefined) => MemberId | null | undefined
): MemberId | undefined {
  const one =
    typeof reference === 'object' && reference !== null && 'member' in reference ? reference.member : reference
  if (typeof one === 'string' && isHex32(one)) return one as MemberId
  return typeof one === 'string' || one === undefined ? (memberOf(one) ?? undefined) : undefined
}
