/** Members as state: who is registered, with which keys, in which role, for how long. */
import {
  arrayOf,
  assert,
  bytes32,
  type CborValue,
  encodeCbor,
  type Height,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Reader,
  readHeight,
  type SealKey,
  type SignKey,
  taggedHash,
  uint
} from '@wardline/codec'
import { decodingOnce } from '../decode-once.ts'
import type { Overlay, StateView } from '../overlay.ts'
import type { RefusalCode } from '../refusals.ts'
import { stateKeys } from '../state-keys.ts'

/** Roles that a hospital may give to its own staff. */
export const STAFF_ROLES = ['doctor', 'nurse', 'privacyOfficer', 'researcher', 'guardian'] as const
/** Every role. `registrar` is given by the genesis alone. */
export const ROLES = ['registrar', 'hospital', 'payer', 'regulator', ...STAFF_ROLES] as const
export type StaffRole = (typeof STAFF_ROLES)[number]
export type Role = (typeof ROLES)[number]

/** What a hospital may confer on its staff; `attributes: null` means any. */
export type Grants = { readonly roles: readonly StaffRole[]; readonly attributes: readonly string[] | null }

/** A key and the block time (milliseconds) from which it is in force, until the next one of the list is. */
export type DatedKey<K> = { readonly key: K; readonly from: number }

export type Member = {
  readonly registered: Height
  /** Who registered it; null for founders and the genesis registrar. */
  readonly by: MemberId | null
  readonly role: Role
  /** Signing keys; the place in the list is the keyIndex, the first one gives the memberId. Ascending by `from`. */
  readonly keys: readonly DatedKey<SignKey>[]
  /** Sealing keys; the place in the list is the sealing epoch. Ascending by `from`. Empty: cannot receive. */
  readonly seals: readonly DatedKey<SealKey>[]
  /** The libp2p key of a hospital's daemon. */
  readonly host: SignKey | null
  /** The consensus key of a validator. */
  readonly vote: SignKey | null
  /** The hospital whose staff this is. */
  readonly hospital: MemberId | null
  readonly attributes: readonly string[]
  /** For hospitals: what they may confer. */
  readonly grants: Grants | null
  /** Block time from which the registration has ended, milliseconds; null for no end. */
  readonly until: number | null
  /** Height of the block that revoked it. */
  readonly revoked: Height | null
}

/** `SHA-256("wardline/member/1" || first sign key)`: fixed at registration, whatever keys follow. */
export function memberIdOf(firstSignKey: SignKey): MemberId {
  return taggedHash<MemberId>('wardline/member/1', nameBytes(firstSignKey))
}

/** The member's state, or undefined if it was never registered. */
export function readMember(state: StateView, id: MemberId): Member | undefined {
  const bytes = state.get(stateKeys.member(id))
  return bytes === undefined ? undefined : decodeMember(bytes)
}

export function writeMember(state: Overlay, id: MemberId, member: Member): void {
  state.set(stateKeys.member(id), encodeMember(member))
}

/** The key in force at this block time, with its place in the list; undefined only for an empty list. */
export function currentKey<K>(
  keys: readonly DatedKey<K>[],
  timeMs: number
): { readonly index: number; readonly key: K } | undefined {
  for (let index = keys.length - 1; index >= 0; index--) {
    const dated = keys[index] as DatedKey<K>
    if (dated.from <= timeMs) return { index, key: dated.key }
  }
  return undefined
}

/** Whether the last of these keys still waits for its delay to pass. */
export function hasPendingKey(member: Member, timeMs: number): boolean {
  return (member.keys.at(-1)?.from ?? 0) > timeMs || (member.seals.at(-1)?.from ?? 0) > timeMs
}

/** Why this member may not act at this block time, or undefined if it may. */
export function standing(state: StateView, member: Member, timeMs: number): RefusalCode | undefined {
  if (member.revoked !== null) return 'author-revoked'
  if (member.until !== null && member.until <= timeMs) return 'author-expired'
  if (member.hospital === null) return undefined
  const hospital = readMember(state, member.hospital)
  assert(hospital !== undefined, 'the hospital of a member is a member')
  return hospital.revoked === null ? undefined : 'author-suspended'
}

/** An attribute is a code, not a text: 1 to 32 of `a-z 0-9 -`, beginning with a letter or digit. */
export const readAttribute: Reader<string> = (value) =>
  typeof value === 'string' && /^[a-z0-9][a-z0-9-]{0,31}$/.test(value) ? value : undefined

/** Attributes in ascending order, each once. */
export const readAttributes: Reader<readonly string[]> = ascending(arrayOf(readAttribute, 0, limits.attributesMax))

export const readGrants: Reader<Grants> = mapOf({
  roles: ascending(arrayOf(oneOf(...STAFF_ROLES), 0, STAFF_ROLES.length)),
  attributes: nullable(readAttributes)
})

/** A list of texts that is in ascending order, each once. */
export function ascending<T extends string>(read: Reader<readonly T[]>): Reader<readonly T[]> {
  return (value) => {
    const list = read(value)
    return list !== undefined && isAscending(list) ? list : undefined
  }
}

export function isAscending(list: readonly string[]): boolean {
  return list.every((item, i) => i === 0 || (list[i - 1] as string) < item)
}

const readStoredMember = mapOf({
  registered: readHeight,
  by: nullable(bytes32<MemberId>),
  role: oneOf(...ROLES),
  keys: arrayOf(mapOf({ key: bytes32<SignKey>, from: uint }), 1, limits.memberKeysMax),
  seals: arrayOf(mapOf({ key: bytes32<SealKey>, from: uint }), 0, limits.memberKeysMax),
  host: nullable(bytes32<SignKey>),
  vote: nullable(bytes32<SignKey>),
  hospital: nullable(bytes32<MemberId>),
  attributes: readAttributes,
  grants: nullable(readGrants),
  until: nullable(uint),
  revoked: nullable(readHeight)
}) satisfies Reader<Member>

/** The value of a `member/` key, which nobody modifies any more. @throws AssertionError if `bytes` are none */
export const decodeMember: (bytes: Uint8Array) => Member = decodingOnce<Member>(readStoredMember)

export function encodeMember(member: Member): Uint8Array {
  return encodeCbor({
    registered: member.registered,
    by: nullableBytes(member.by),
    role: member.role,
    keys: member.keys.map(encodeDatedKey),
    seals: member.seals.map(encodeDatedKey),
    host: nullableBytes(member.host),
    vote: nullableBytes(member.vote),
    hospital: nullableBytes(member.hospital),
    attributes: member.attributes,
    grants: member.grants,
    until: member.until,
    revoked: member.revoked
  })
}

function encodeDatedKey({ key, from }: DatedKey<SignKey> | DatedKey<SealKey>): CborValue {
  return { key: nameBytes(key), from }
}

export function nullableBytes(name: string | null): Uint8Array | null {
  return name === null ? null : nameBytes(name)
}
