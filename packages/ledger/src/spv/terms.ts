/** What a grant says: to whom, for which records, for what, and when. */
import {
  arrayOf,
  bool,
  bytes32,
  type CborValue,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  oneOf,
  type Read,
  type Reader,
  type RecordId,
  uint,
  unreachable
} from '@wardline/codec'
import { ascending, isAscending, STAFF_ROLES } from '../membership/member.ts'
import type { FormCode } from '../refusals.ts'
import { PURPOSES } from '../stt/send.ts'
import { encodeExpression, readExpression } from './expression.ts'

/** How long a grant lasts where nobody says otherwise, milliseconds. */
export const GRANT_MS_BY_DEFAULT = 30 * 24 * 60 * 60 * 1000

const readGranteeMap = {
  member: mapOf({ member: bytes32<MemberId> }),
  role: mapOf({ role: oneOf(...STAFF_ROLES), hospital: bytes32<MemberId> }),
  expression: mapOf({ expression: readExpression })
}

/**
 * `{member}`: this member itself, and not those it registered. `{role, hospital}`: whoever is of this role on that
 * hospital's staff. `{expression}`: whoever has the attributes.
 */
export type Grantee = Read<(typeof readGranteeMap)[keyof typeof readGranteeMap]>

const readGrantee: Reader<Grantee> = (value) =>
  readGranteeMap.member(value) ?? readGranteeMap.role(value) ?? readGranteeMap.expression(value)

const readScopeMap = {
  all: mapOf({ kind: oneOf('all') }),
  records: mapOf({ kind: oneOf('records'), records: arrayOf(bytes32<RecordId>, 0, limits.accessRecordsMax) }),
  anchored: mapOf({ kind: oneOf('anchored'), from: uint, to: uint })
}

/**
 * Records of the alias: all of them, these, or those anchored at block times `from <= time < to` (milliseconds). The
 * records are ascending, each once.
 */
export type Scope = Read<(typeof readScopeMap)[keyof typeof readScopeMap]>

const readScope: Reader<Scope> = (value) =>
  readScopeMap.all(value) ?? readScopeMap.records(value) ?? readScopeMap.anchored(value)

/** The codes in ascending order, each once. */
const readPurposes = ascending(arrayOf(oneOf(...PURPOSES), 0, PURPOSES.length))

export const readTerms = mapOf({
  grantee: readGrantee,
  scope: readScope,
  purposes: readPurposes,
  /** The grant is good at block times `from <= time < to`, milliseconds. */
  from: uint,
  to: uint,
  /** Whether the grantee may hand the grant on; false, for this version has no delegation. */
  mayDelegate: bool
})

export type GrantTerms = Read<typeof readTerms>

export function encodeTerms({ grantee, scope, purposes, from, to, mayDelegate }: GrantTerms): {
  readonly [key: string]: CborValue
} {
  return { grantee: encodeGrantee(grantee), scope: encodeScope(scope), purposes, from, to, mayDelegate }
}

function encodeGrantee(grantee: Grantee): CborValue {
  if ('member' in grantee) return { member: nameBytes(grantee.member) }
  if ('role' in grantee) return { role: grantee.role, hospital: nameBytes(grantee.hospital) }
  return { expression: encodeExpression(grantee.expression) }
}

function encodeScope(scope: Scope): CborValue {
  switch (scope.kind) {
    case 'all':
    case 'anchored':
      return scope
    case 'records':
      return { kind: scope.kind, records: scope.records.map(nameBytes) }
    default:
      return unreachable(scope)
  }
}

/** What is wrong with the terms whatever the state is. */
export function termsFault({ scope, purposes, from, to, mayDelegate }: GrantTerms): FormCode | undefined {
  if (mayDelegate) return 'delegation-not-supported'
  if (purposes.length === 0) return 'no-purposes'
  if (from >= to || (scope.kind === 'anchored' && scope.from >= scope.to)) return 'empty-window'
  if (scope.kind !== 'records') return undefined
  if (scope.records.length === 0) return 'no-records'
  return isAscending(scope.records) ? undefined : 'records-not-sorted'
}
