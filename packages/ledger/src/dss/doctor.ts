/**
 * The doctors who answer for a record. Each signs what the record is, of whom, in which place and in which role, so that a
 * signature given for one content, patient, version or chain is none for any other. As the record's id is made of its author
 * and nonce, it is none for another hospital's record either.
 *
 * A doctor may be of another hospital than the author: a committee signs together. A nurse may sign beside a doctor, never
 * alone.
 */
import {
  type Alias,
  arrayOf,
  bytes32,
  bytesOf,
  type CborValue,
  type ChainId,
  encodeCbor,
  type Hash,
  integerFrom,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  oneOf,
  type Read,
  type RecordId,
  type SignKey,
  type TransactionId
} from '@wardline/codec'
import type { SignatureCheck } from '@wardline/consensus'
import { statementMessage } from '@wardline/crypto'
import type { JudgeContext } from '../kind.ts'
import { currentKey, isAscending, nullableBytes, readMember, standing } from '../membership/member.ts'
import type { FormCode, RefusalCode } from '../refusals.ts'

/** The roles in which a member may sign a record. */
export const CLINICAL_ROLES = ['doctor', 'nurse'] as const
export type ClinicalRole = (typeof CLINICAL_ROLES)[number]

const readDoctor = mapOf({
  member: bytes32<MemberId>,
  keyIndex: integerFrom(0, limits.memberKeysMax - 1),
  /** The member's public key of that number: its current one at the time of the block. */
  key: bytes32<SignKey>,
  /** The role in which the member signs: the one it is registered with. */
  role: oneOf(...CLINICAL_ROLES),
  /** Over `doctorStatement`, under `wardline/doctor/1`. */
  sig: bytesOf(64)
})

/** One signature on a record. */
export type DoctorSignature = Read<typeof readDoctor>

/** None is read too, to be refused by name. */
export const readDoctors = arrayOf(readDoctor, 0, limits.recordDoctorsMax)

export function encodeDoctor({ member, keyIndex, key, role, sig }: DoctorSignature): CborValue {
  return { member: nameBytes(member), keyIndex, key: nameBytes(key), role, sig }
}

/** What a doctor answers for. */
export type Attested = {
  readonly chain: ChainId
  readonly alias: Alias
  readonly recordId: RecordId
  /** The version that this one takes the place of; null for a record's first. */
  readonly supersedes: TransactionId | null
  /** The content commitment. */
  readonly content: Hash
}

/** What a doctor signs, under `wardline/doctor/1`. */
export function doctorStatement(attested: Attested, role: ClinicalRole): Uint8Array {
  return encodeCbor({
    chain: nameBytes(attested.chain),
    alias: nameBytes(attested.alias),
    recordId: nameBytes(attested.recordId),
    supersedes: nullableBytes(attested.supersedes),
    content: nameBytes(attested.content),
    role
  })
}

/** At least one doctor; all in ascending order of member id, each once. */
export function doctorsFault(doctors: readonly DoctorSignature[]): FormCode | undefined {
  if (!doctors.some(({ role }) => role === 'doctor')) return 'no-doctors'
  return isAscending(doctors.map(({ member }) => member)) ? undefined : 'doctors-not-sorted'
}

export function doctorChecks(attested: Attested, doctors: readonly DoctorSignature[]): readonly SignatureCheck[] {
  return doctors.map(({ key, role, sig }) => ({
    key,
    message: statementMessage('wardline/doctor/1', doctorStatement(attested, role)),
    signature: sig
  }))
}

/** Whether all who sign are who they say they are, in standing at the time of the block, each with its current key. */
export function judgeDoctors(
  { state, timeMs }: JudgeContext,
  doctors: readonly DoctorSignature[]
): RefusalCode | undefined {
  for (const { member: id, keyIndex, key, role } of doctors) {
    const member = readMember(state, id)
    if (member === undefined) return 'unknown-doctor'
    if (member.role !== role) return 'not-a-doctor'
    if (standing(state, member, timeMs) !== undefined) return 'doctor-revoked'
    const current = currentKey(member.keys, timeMs)
    if (current?.index !== keyIndex || current.key !== key) return 'stale-doctor-key'
  }
  return undefined
}
