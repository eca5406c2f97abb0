/**
 * The local log of who asked this daemon for what: one line for each call that changes something or reads a record's
 * content, chained by hashes, so that a line that was altered, moved or taken out of the middle is seen. It names records,
 * transactions and members by their ids; it holds no content, no hospital's name and no key. `actor` is what the hospital
 * asserts, and a person's name only if the hospital puts one there.
 *
 * A call has its line on disk before its answer leaves. A call that the end of the daemon cuts off has none: nobody got an
 * answer, and what it had submitted is on the chain. Lines cut off at the end are not seen from the log alone: keep a copy
 * of the last hash elsewhere.
 */
import { type Api, ApiError, type CallContext, type MethodName, methods, type Role } from '@wardline/api'
import { type ChainId, type Hash, isHex32, limits, type MemberId, taggedHash, WardlineError } from '@wardline/codec'
import { assertLine, type Clock, type LineLog } from '@wardline/ports'

/** What one line says. Keys are written in this order. */
export type AuditEntry = {
  /** From 1, without gaps. */
  readonly seq: number
  /** When the answer was ready, ms. */
  readonly time: number
  /** Of the socket. */
  readonly role: Role
  /** Who asked, as the hospital asserts it. */
  readonly actor: string | null
  readonly method: string
  /** Null where the caller named none that is here. */
  readonly chain: ChainId | null
  readonly ids: AuditIds
  /** What came from another hospital before the answer or the failure, bytes; only where something was asked for. */
  readonly contentBytes?: number
  /** `ok`, the state of what was submitted (`accepted`, `committed` …), or the code that the caller was answered. */
  readonly outcome: string
  /** Hash of the line before; zeros for the first. */
  readonly previous: Hash
}

/** What a call was about, as far as it was named. */
export type AuditIds = {
  readonly record?: string
  /** Asked for at another hospital. */
  readonly records?: readonly string[]
  readonly transaction?: string
  /** The signed request to another hospital. */
  readonly request?: string
  readonly via?: string
  /** Of a patient; which one that is, is in no log. */
  readonly alias?: string
  /** Who was asked for records, and for whom. */
  readonly owner?: string
  readonly accessor?: string
  /** By the transaction that wrote it: the version of a record that was asked for, or that another one takes the place of. */
  readonly version?: string
  /** That was made or taken back, or covers what was asked for. */
  readonly grant?: string
  /** Receivers, those who sign or read, or whom a grant is for. */
  readonly members?: readonly string[]
  /** Of which something was noted. */
  readonly consent?: string
  /** How many ids a list above lacks, of those beyond `AUDIT_IDS_MAX`. */
  readonly leftOut?: number
}

/** Ids in one list of a line: with two such lists a line has half the length that it may have. */
export const AUDIT_IDS_MAX = limits.receiversMax

/** From what a caller names to ids. */
export type AuditNames = {
  /** The chain that a call is about, whether or not it names one; undefined where none here, or one of several. */
  readonly chainOf: (method: string, asked: Fields) => ChainId | undefined
  /** The only member of that id or display name, or, with undefined, this hospital. */
  readonly memberOf: (chain: ChainId, reference: string | undefined) => MemberId | undefined
}

const FIRST_PREVIOUS = '0'.repeat(64) as Hash

/** The line of an entry, without its line feed. */
export function auditLine(entry: AuditEntry): string {
  const { seq, time, role, actor, method, chain, ids, contentBytes, outcome, previous } = entry
  const { record, records, transaction, request, via, version, grant, alias, owner, accessor } = ids
  const { members, consent, leftOut } = ids
  return JSON.stringify({
    seq,
    time,
    role,
    actor,
    method,
    chain,
    ids: {
      ...{ record, records, transaction, request, via, version, grant, alias, owner, accessor },
      ...{ members, consent, leftOut }
    },
    contentBytes,
    outcome,
    previous
  })
}

/** What the next line names as `previous`. */
export function auditLineHash(line: string): Hash {
  return taggedHash('wardline/audit/1', new TextEncoder().encode(line))
}

export type AuditVerdict =
  | {
      readonly kind: 'verified'
      readonly entries: number
      /** Hash of the last line; zeros for an empty log. Compare it with one that was noted elsewhere. */
      readonly last: Hash
    }
  /** `line` counts from 1. */
  | { readonly kind: 'failed'; readonly line: number; readonly code: AuditFault }

export type AuditFault = 'malformed' | 'wrong-number' | 'wrong-previous'

/** Whether each line is canonical, follows the one before and counts one up from it, from the first on. */
export async function verifyAuditLog(lines: Iterable<string> | AsyncIterable<string>): Promise<AuditVerdict> {
  let entries = 0
  let previous = FIRST_PREVIOUS
  for await (const line of lines) {
    const entry = parseAuditLine(line)
    const fault = entry === undefined ? 'malformed' : faultAfter(entry, entries, previous)
    entries += 1
    if (fault !== undefined) return { kind: 'failed', line: entries, code: fault }
    previous = auditLineHash(line)
  }
  return { kind: 'verified', entries, last: previous }
}

function faultAfter({ seq, previous }: AuditEntry, entries: number, expected: Hash): AuditFault | undefined {
  if (seq !== entries + 1) return 'wrong-number'
  return previous === expected ? undefined : 'wrong-previous'
}

/** @returns undefined unless the line is exactly what `auditLine` writes */
export function parseAuditLine(line: string): AuditEntry | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('ids' in value)) return undefined
  const { ids } = value
  if (typeof ids !== 'object' || ids === null || !isEntry(value as Partial<AuditEntry>)) return undefined
  return auditLine(value as AuditEntry) === line ? (value as AuditEntry) : undefined
}

function isEntry(entry: Partial<AuditEntry>): boolean {
  const { seq, time, role, actor, method, chain, contentBytes, outcome, previous } = entry
  return (
    Number.isSafeInteger(seq) &&
    Number.isSafeInteger(time) &&
    typeof role === 'string' &&
    (actor === null || typeof actor === 'string') &&
    typeof method === 'string' &&
    (chain === null || isHex32(chain as string)) &&
    (contentBytes === undefined || Number.isSafeInteger(contentBytes)) &&
    typeof outcome === 'string' &&
    typeof previous === 'string' &&
    isHex32(previous)
  )
}

type Call<P, R> = (params: P, context: CallContext) => Promise<R>

export type Audit = {
  /** The table with every audited method logged. */
  readonly api: Api
  /** `call` as an audited method of that name. */
  logged<P, R>(method: string, call: Call<P, R>): Call<P, R>
  /** The code of the failure after which nothing is logged, and no audited call answered, any more. */
  failure(): string | undefined
}

/**
 * Logs the audited methods of `api`.
 * @throws WardlineError `audit-log-unreadable` if the last line is none of ours: what follows could not be chained to it
 */
export function auditApi(api: Api, log: LineLog, clock: Clock, { chainOf, memberOf }: AuditNames): Audit {
  const last = log.last === undefined ? undefined : parseAuditLine(log.last)
  if (log.last !== undefined && last === undefined) {
    throw new WardlineError(
      'audit-log-unreadable',
      'the last line of the audit log is not one that this program wrote; move the log away to begin a new one'
    )
  }
  let seq = last?.seq ?? 0
  let previous = log.last === undefined ? FIRST_PREVIOUS : auditLineHash(log.last)
  let failure: string | undefined

  /** The chain grows in the order of these calls, which is the order of the lines. */
  async function write(entry: Omit<AuditEntry, 'seq' | 'time' | 'previous'>): Promise<void> {
    if (failure !== undefined) throw new WardlineError(failure, 'the audit log cannot be written')
    const line = auditLine({ ...entry, seq: seq + 1, time: clock.nowMs(), previous })
    // A line that the log does not take fails its own call and no other: nothing has been written of it.
    assertLine(line)
    seq += 1
    previous = auditLineHash(line)
    try {
      await log.append(line)
    } catch (error) {
      failure = error instanceof WardlineError ? error.code : 'bug'
      throw error
    }
  }

  function logged<P, R>(method: string, call: Call<P, R>): Call<P, R> {
    return async (params, context) => {
      if (failure !== undefined) throw new WardlineError(failure, 'the audit log cannot be written')
      const { role, actor = null } = context
      const asked = params as Fields
      const meant = chainOf(method, asked)
      const [ended] = await Promise.allSettled([call(params, context)])
      const { outcome, facts } = ended.status === 'fulfilled' ? successOf(ended.value) : failureOf(ended.reason)
      const chain = chainIn(facts) ?? meant ?? null
      const idOf = (reference: unknown) => memberIn(reference, (name) => chain && memberOf(chain, name))
      const { contentBytes } = facts
      const ids = idsOf(method, asked, facts, idOf)
      await write({
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

  const audited = Object.entries(methods).flatMap(([name, row]) =>
    // The table pairs each name with the types of its own implementation.
    row.audited ? [[name, logged(name, api[name as MethodName] as Call<unknown, unknown>)] as const] : []
  )
  return { api: { ...api, ...(Object.fromEntries(audited) as Partial<Api>) }, logged, failure: () => failure }
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
    consent: method === 'consent.note' ? first(asked['consent']) : undefined,
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
