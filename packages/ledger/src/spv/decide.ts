/**
 * The one decision on an access: by the owner's daemon before it releases records, and by every daemon when the entry about
 * it is applied. It is made at a height and a block time, which may lie behind the state that is read: grants and members
 * say since when and until when they count.
 */
import { type Alias, type Height, type MemberId, type RecordId, type TransactionId, unreachable } from '@wardline/codec'
import { type Member, readMember, STAFF_ROLES } from '../membership/member.ts'
import type { StateView } from '../overlay.ts'
import { stateKeys } from '../state-keys.ts'
import type { Purpose } from '../stt/send.ts'
import { type Atom, holds } from './expression.ts'
import {
  type AnchoredRecord,
  DENIALS,
  type Denial,
  expressionOf,
  type GrantSummary,
  listsAll,
  purposeBits,
  readAnchoredRecord,
  readBucket,
  scopeOf
} from './rows.ts'

export type AccessQuestion = {
  readonly alias: Alias
  /** One grant must cover all of them. */
  readonly records: readonly RecordId[]
  readonly purpose: Purpose
  /** Who asks, with the number of the key that signed. */
  readonly accessor: { readonly member: MemberId; readonly keyIndex: number }
}

export type AccessDecision =
  | { readonly kind: 'permit'; readonly grant: TransactionId }
  /** The reason of the grant that came nearest to permitting it, in the order of `DENIALS`. */
  | { readonly kind: 'deny'; readonly code: Denial }

/**
 * Whether the patient's grants permit the access at this height and block time (milliseconds). A grant counts if it was
 * made at this height or below and not revoked there or below. The oldest grant that permits is the basis. The work is
 * bounded by the buckets that can hold grants to this accessor, however many the chain has.
 */
export function decideAccess(
  state: StateView,
  question: AccessQuestion,
  atHeight: Height,
  atTimeMs: number
): AccessDecision {
  const { alias, purpose, records } = question
  const accessor = readMember(state, question.accessor.member)
  if (accessor === undefined || !stood(state, accessor, atHeight, atTimeMs)) return deny('accessor-not-in-standing')
  if (!hadKey(accessor, question.accessor.keyIndex, atTimeMs)) return deny('accessor-not-in-standing')

  const anchored = anchoredRecords(state, question, atHeight)
  const has = attributesOf(state, accessor, atHeight, atTimeMs)
  const wanted = purposeBits([purpose])
  let nearest: Denial = 'no-grant'
  let basis: GrantSummary | undefined
  for (const { key, byExpression } of bucketsOf(alias, question.accessor.member, accessor)) {
    for (const grant of readBucket(state, key)) {
      if (grant.height > atHeight || (basis !== undefined && !isBefore(grant, basis))) continue
      const denial = denialOf(grant)
      // What an expression says matters only where the grant would change the answer.
      if (denial !== undefined && DENIALS.indexOf(denial) <= DENIALS.indexOf(nearest)) continue
      if (byExpression && !holds(expressionOf(state, grant), has)) continue
      if (denial === undefined) basis = grant
      else nearest = denial
    }
  }
  return basis === undefined ? deny(nearest) : { kind: 'permit', grant: basis.id }

  function denialOf(grant: GrantSummary): Denial | undefined {
    if (grant.revoked !== null && grant.revoked.height <= atHeight) return 'grant-revoked'
    if (grant.to <= atTimeMs) return 'grant-expired'
    if (atTimeMs < grant.from) return 'grant-not-yet'
    if ((grant.purposes & wanted) === 0) return 'wrong-purpose'
    return anchored !== undefined && isInScope(grant, anchored) ? undefined : 'not-in-scope'
  }

  function isInScope(grant: GrantSummary, rows: readonly AnchoredRecord[]): boolean {
    const scope = scopeOf(state, grant)
    switch (scope.kind) {
      case 'all':
        return true
      case 'anchored':
        return rows.every(({ time }) => scope.from <= time && time < scope.to)
      case 'records':
        return listsAll(scope.records, records)
      default:
        return unreachable(scope)
    }
  }
}

function deny(code: Denial): AccessDecision {
  return { kind: 'deny', code }
}

/** In the order of the chain; within a block by id, for a bucket alone has the order of its own grants. */
function isBefore(a: GrantSummary, b: GrantSummary): boolean {
  return a.height < b.height || (a.height === b.height && a.id < b.id)
}

/** The rows of the asked records; undefined unless all were anchored for this alias by then. */
function anchoredRecords(
  state: StateView,
  { alias, records }: AccessQuestion,
  atHeight: Height
): readonly AnchoredRecord[] | undefined {
  const rows: AnchoredRecord[] = []
  for (const record of records) {
    const row = readAnchoredRecord(state, record)
    if (row?.alias !== alias || row.height > atHeight) return undefined
    rows.push(row)
  }
  return rows
}

/** Where grants to this accessor can lie. */
function bucketsOf(alias: Alias, id: MemberId, { hospital, role }: Member) {
  const buckets = [
    { key: stateKeys.grantsTo(alias, id), byExpression: false },
    { key: stateKeys.grantsByExpression(alias), byExpression: true }
  ]
  if (hospital !== null && STAFF_ROLES.some((staff) => staff === role)) {
    buckets.push({ key: stateKeys.grantsToRole(alias, hospital, role), byExpression: false })
  }
  return buckets
}

/** Whether the member was one, at this height and block time; as `standing`, for the past too. */
function stood(state: StateView, member: Member, atHeight: Height, atTimeMs: number): boolean {
  if (!wasRegistered(member, atHeight) || (member.until !== null && member.until <= atTimeMs)) return false
  if (member.hospital === null) return true
  const hospital = readMember(state, member.hospital)
  return hospital !== undefined && wasRegistered(hospital, atHeight)
}

function wasRegistered({ registered, revoked }: Member, atHeight: Height): boolean {
  return registered <= atHeight && (revoked === null || revoked > atHeight)
}

/** Whether this was the key in force at that block time. */
function hadKey({ keys }: Member, index: number, atTimeMs: number): boolean {
  const key = keys[index]
  const next = keys[index + 1]
  return key !== undefined && key.from <= atTimeMs && (next === undefined || next.from > atTimeMs)
}

/** Which atoms hold for the accessor: those of what it was registered with, if who registered it stood then. */
function attributesOf(state: StateView, { by, attributes }: Member, atHeight: Height, atTimeMs: number) {
  let isGood: boolean | undefined
  const isAuthorityGood = (authority: MemberId): boolean => {
    const member = readMember(state, authority)
    return member !== undefined && stood(state, member, atHeight, atTimeMs)
  }
  return ({ attribute, authority }: Atom): boolean => {
    if (authority !== by || !attributes.includes(attribute)) return false
    isGood ??= isAuthorityGood(authority)
    return isGood
  }
}
