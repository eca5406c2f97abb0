/** What an SPV chain remembers: aliases, anchored records, grants, and the requests that were answered. */
import {
  type Alias,
  arrayOf,
  assert,
  bool,
  bytes32,
  type CborValue,
  encodeCbor,
  type Hash,
  type Height,
  height,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Read,
  type Reader,
  type RecordId,
  type RequestId,
  readHeight,
  type TransactionId,
  uint,
  unreachable
} from '@wardline/codec'
import { decodingOnce } from '../decode-once.ts'
import { nullableBytes } from '../membership/member.ts'
import type { Overlay, StateView } from '../overlay.ts'
import { stateKeys } from '../state-keys.ts'
import { PURPOSES, type Purpose } from '../stt/send.ts'
import { countAtoms, type Expression, encodeExpression, readExpression } from './expression.ts'
import { encodeTerms, type Grantee, type GrantTerms, readTerms, type Scope } from './terms.ts'

/** Height and time (milliseconds) of the block that wrote a row. */
const written = { height: readHeight, time: uint }

const readAlias = mapOf({
  /** The hospital at which it was opened: its sponsor then, and the owner of its records. */
  hospital: bytes32<MemberId>,
  custodial: bool,
  ...written
})
export type OpenedAlias = Read<typeof readAlias>

const readAnchored = mapOf({
  alias: bytes32<Alias>,
  content: bytes32<Hash>,
  anchor: bytes32<TransactionId>,
  ...written
})
/** `content`: the content commitment. `anchor`: the transaction. */
export type AnchoredRecord = Read<typeof readAnchored>

const readEnd = mapOf({ id: bytes32<TransactionId>, ...written })

const readGrantRow = mapOf({ alias: bytes32<Alias>, terms: readTerms, ...written, revoked: nullable(readEnd) })
/** `revoked`: the `spv.revoke`, and its block. */
export type Grant = Read<typeof readGrantRow>

/** Listed records and atoms of an expression up to which a summary says them itself. */
const SUMMARY_RECORDS_MAX = 4
const SUMMARY_ATOMS_MAX = 3

/**
 * Of a grant what almost every decision needs, kept with the others of its bucket, so that a decision reads few rows. A
 * bucket is read whole, so each is a list on the disk: id, height, time, from, to, purposes, scope, end, expression.
 * `purposes` is a set of bits, bit i for PURPOSES[i]. What is long is left out, and stands in the grant's own row.
 */
export type GrantSummary = {
  readonly id: TransactionId
  readonly height: Height
  readonly time: number
  readonly from: number
  readonly to: number
  readonly purposes: number
  /**
   * As on the disk, for most decisions never come to it; `scopeOf` reads it. 0 for all records, the two block times, the listed
   * records; 1 if these are many.
   */
  readonly scope: CborValue
  /** Of the block that revoked it. */
  readonly revoked: { readonly height: Height; readonly time: number } | null
  /** As on the disk; `expressionOf` reads it. Null if the grant is for a member or a role, or if the expression is long. */
  readonly expression: CborValue
}

const readSummary: Reader<GrantSummary> = (value) => {
  if (!Array.isArray(value) || value.length !== 9) return undefined
  const [idBytes, atValue, timeValue, fromValue, toValue, purposesValue, scope, end, expression] =
    value as readonly CborValue[]
  const id = bytes32<TransactionId>(idBytes)
  const at = uint(atValue)
  const time = uint(timeValue)
  const from = uint(fromValue)
  const to = uint(toValue)
  const purposes = uint(purposesValue)
  const revoked = end === null ? null : readPair(end)
  if (id === undefined || at === undefined || time === undefined || from === undefined) return undefined
  if (to === undefined || purposes === undefined || revoked === undefined) return undefined
  if (scope === undefined || expression === undefined) return undefined
  const ended = revoked && { height: height(revoked[0]), time: revoked[1] }
  return { id, height: height(at), time, from, to, purposes, scope, revoked: ended, expression }
}

const readListed = arrayOf(bytes32<RecordId>, 1, SUMMARY_RECORDS_MAX)

function summaryScope(scope: Scope): CborValue {
  switch (scope.kind) {
    case 'all':
      return 0
    case 'anchored':
      return [scope.from, scope.to]
    case 'records':
      return scope.records.length > SUMMARY_RECORDS_MAX ? 1 : scope.records.map(nameBytes)
    default:
      return unreachable(scope)
  }
}

function summaryExpression(grantee: Grantee): CborValue {
  if (!('expression' in grantee)) return null
  const isShort = countAtoms(grantee.expression, SUMMARY_ATOMS_MAX) <= SUMMARY_ATOMS_MAX
  return isShort ? encodeExpression(grantee.expression) : null
}

function readPair(value: CborValue | undefined): readonly [number, number] | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined
  const [first, second] = [uint(value[0]), uint(value[1])]
  return first === undefined || second === undefined ? undefined : [first, second]
}

const readBucketList = arrayOf(readSummary, 1, limits.grantsPerBucketMax)

/** The bits of these purposes. */
export function purposeBits(purposes: readonly Purpose[]): number {
  return purposes.reduce((bits, purpose) => bits | (1 << PURPOSES.indexOf(purpose)), 0)
}

/** Why an access is denied, in the order in which a grant comes nearer to permitting it. */
export const DENIALS = [
  'accessor-not-in-standing',
  'no-grant',
  'grant-revoked',
  'grant-expired',
  'grant-not-yet',
  'wrong-purpose',
  'not-in-scope'
] as const
export type Denial = (typeof DENIALS)[number]

/** What the chain found of an access: see `spv/access.ts`. */
export const ACCESS_STATUSES = ['covered', 'violation', 'late', 'denied'] as const
export type AccessStatus = (typeof ACCESS_STATUSES)[number]

const readAnswered = mapOf({
  /** The `spv.access`. */
  access: bytes32<TransactionId>,
  status: oneOf(...ACCESS_STATUSES),
  /** Why the chain's own evaluation denies it; for `denied` the owner's reason. */
  code: nullable(oneOf(...DENIALS)),
  /** The grant that covers it by the chain's own evaluation. */
  grant: nullable(bytes32<TransactionId>),
  ...written
})
/** A request that an access entry has answered; there is no second one. */
export type AnsweredRequest = Read<typeof readAnswered>

const openedAlias = decoderOf<OpenedAlias>(readAlias)
const anchoredRecord = decoderOf<AnchoredRecord>(readAnchored)
const storedGrant = decoderOf<Grant>(readGrantRow)
const storedBucket = decoderOf<readonly GrantSummary[]>(readBucketList)
const answeredRequest = decoderOf<AnsweredRequest>(readAnswered)

export function readOpenedAlias(state: StateView, alias: Alias): OpenedAlias | undefined {
  return openedAlias(state.get(stateKeys.alias(alias)))
}

export function writeOpenedAlias(state: Overlay, alias: Alias, row: OpenedAlias): void {
  state.set(stateKeys.alias(alias), encodeCbor({ ...row, hospital: nameBytes(row.hospital) }))
}

export function readAnchoredRecord(state: StateView, record: RecordId): AnchoredRecord | undefined {
  return anchoredRecord(state.get(stateKeys.anchored(record)))
}

export function writeAnchoredRecord(state: Overlay, record: RecordId, row: AnchoredRecord): void {
  const names = { alias: nameBytes(row.alias), content: nameBytes(row.content), anchor: nameBytes(row.anchor) }
  state.set(stateKeys.anchored(record), encodeCbor({ ...row, ...names }))
}

export function readGrant(state: StateView, id: TransactionId): Grant | undefined {
  return storedGrant(state.get(stateKeys.grant(id)))
}

/** What the grant is for, from its own row where its summary leaves it out. */
export function scopeOf(state: StateView, { id, scope }: GrantSummary): Scope {
  if (scope === 0) return { kind: 'all' }
  if (scope === 1) return termsOf(state, id).scope
  const records = readListed(scope)
  if (records !== undefined) return { kind: 'records', records }
  const pair = readPair(scope)
  assert(pair !== undefined, 'a bucket has a scope for each grant')
  return { kind: 'anchored', from: pair[0], to: pair[1] }
}

/** Whom a grant by expression is for, from its own row where its summary leaves it out. */
export function expressionOf(state: StateView, summary: GrantSummary): Expression {
  if (summary.expression === null) {
    const { grantee } = termsOf(state, summary.id)
    assert('expression' in grantee, 'a grant among those by expression has one')
    return grantee.expression
  }
  const expression = readExpression(summary.expression)
  assert(expression !== undefined, 'a bucket by expression has one for each grant')
  return expression
}

function termsOf(state: StateView, id: TransactionId): GrantTerms {
  const grant = readGrant(state, id)
  assert(grant !== undefined, 'a grant in a bucket is in the state')
  return grant.terms
}

/** Whether all the records are among the listed ones. */
export function listsAll(listed: readonly RecordId[], records: readonly RecordId[]): boolean {
  const set = new Set(listed)
  return records.every((record) => set.has(record))
}

export function writeGrant(state: Overlay, id: TransactionId, { alias, terms, revoked, ...at }: Grant): void {
  const end = revoked && { ...revoked, id: nameBytes(revoked.id) }
  state.set(
    stateKeys.grant(id),
    encodeCbor({ alias: nameBytes(alias), terms: encodeTerms(terms), ...at, revoked: end })
  )
}

export function readAnsweredRequest(state: StateView, id: RequestId): AnsweredRequest | undefined {
  return answeredRequest(state.get(stateKeys.request(id)))
}

export function writeAnsweredRequest(state: Overlay, id: RequestId, row: AnsweredRequest): void {
  const names = { access: nameBytes(row.access), grant: nullableBytes(row.grant) }
  state.set(stateKeys.request(id), encodeCbor({ ...row, ...names }))
}

/** The grants under a key of `stateKeys.grants`, in the order in which they were made. */
export function readBucket(state: StateView, key: string): readonly GrantSummary[] {
  return storedBucket(state.get(key)) ?? []
}

export function writeBucket(state: Overlay, key: string, bucket: readonly GrantSummary[]): void {
  const lists = bucket.map(({ id, height: at, time, from, to, purposes, scope, revoked, expression }) => {
    const end = revoked && [revoked.height, revoked.time]
    return [nameBytes(id), at, time, from, to, purposes, scope, end, expression]
  })
  state.set(key, encodeCbor(lists))
}

/** The key of the bucket in which grants with these terms lie. */
export function bucketOf(alias: Alias, { grantee }: Pick<GrantTerms, 'grantee'>): string {
  if ('member' in grantee) return stateKeys.grantsTo(alias, grantee.member)
  if ('role' in grantee) return stateKeys.grantsToRole(alias, grantee.hospital, grantee.role)
  return stateKeys.grantsByExpression(alias)
}

export function summaryOf(id: TransactionId, { terms, height: at, time, revoked }: Grant): GrantSummary {
  const { scope, purposes, from, to, grantee } = terms
  return {
    id,
    height: at,
    time,
    from,
    to,
    purposes: purposeBits(purposes),
    scope: summaryScope(scope),
    revoked: revoked && { height: revoked.height, time: revoked.time },
    expression: summaryExpression(grantee)
  }
}

function decoderOf<T extends object>(read: Reader<T>): (row: Uint8Array | undefined) => T | undefined {
  const decode = decodingOnce(read)
  return (row) => row && decode(row)
}
