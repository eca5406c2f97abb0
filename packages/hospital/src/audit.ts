/**
 * The local log of who asked this daemon for what, and of what it gave to other hospitals: one line for each call that changes
 * something or reads a record's content, denied ones too, and one for each release of an anchored record that has ended, chained
 * by hashes, so that a line that was altered, moved or taken out of the middle is seen. It names records, transactions and
 * members by their ids; it holds no content, no hospital's name and no key. `actor` is what the hospital asserts, and a person's
 * name only if the hospital puts one there.
 *
 * A call has its line on disk before its answer leaves. A call that the end of the daemon cuts off has none: nobody got an
 * answer, and what it had submitted is on the chain. Lines cut off at the end are not seen from the log alone: keep a copy
 * of the last hash elsewhere.
 */
import type { Role } from '@wardline/api'
import { type ChainId, type Hash, isHex32, limits, taggedHash, WardlineError } from '@wardline/codec'
import { assertLine, type Clock, type LineLog } from '@wardline/ports'

/** What one line says. Keys are written in this order. */
export type AuditEntry = {
  /** From 1, without gaps. */
  readonly seq: number
  /** When the answer was ready, ms. */
  readonly time: number
  /** Of the socket; `peer` where another hospital asked. */
  readonly role: Role | 'peer'
  /** Who asked, as the hospital asserts it; null where it does not, and of another hospital. */
  readonly actor: string | null
  /** Of the table; a name with spaces is no call: `subscribe accesses`, and `release to hospital` for what a peer fetched. */
  readonly method: string
  /** Null where the caller named none that is here. */
  readonly chain: ChainId | null
  readonly ids: AuditIds
  /** What came from another hospital before the answer or the failure, bytes; only where something was asked for. Of a release: what was given. */
  readonly contentBytes?: number
  /**
   * `ok`, the state of what was submitted (`accepted`, `committed` …), or the code that the caller was answered. Of a release:
   * `released` to its end, `broken-off`, or the code that ended it.
   */
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
  /** Receivers, those who sign or read, whom a grant is for, or the hospital that was given a record. */
  readonly members?: readonly string[]
  /** Of which something was noted. */
  readonly consent?: string
  /** How many ids a list above lacks, of those beyond `AUDIT_IDS_MAX`. */
  readonly leftOut?: number
}

/** Ids in one list of a line: with two such lists a line has half the length that it may have. */
export const AUDIT_IDS_MAX = limits.receiversMax

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

/** The log as it is written. */
export type AuditBook = {
  /**
   * Adds a line, durably before it resolves. Lines are in the order of these calls.
   * @throws WardlineError the failure; RangeError for an entry whose line is too long, of which nothing is written
   */
  write(entry: Omit<AuditEntry, 'seq' | 'time' | 'previous'>): Promise<void>
  /** The code of the failure after which nothing is written any more. */
  failure(): string | undefined
}

/**
 * Goes on behind the last line of `log`.
 * @throws WardlineError `audit-log-unreadable` if that is none of ours: what follows could not be chained to it
 */
export function openAuditBook(log: LineLog, clock: Clock): AuditBook {
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

  return { write, failure: () => failure }
}
