/** What the chain remembers of records in an alliance: whose they are, who wrote and signed them, and every version. */
import {
  type Alias,
  arrayOf,
  bool,
  bytes32,
  decodeStored,
  encodeCbor,
  type Hash,
  integerFrom,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  type Reader,
  type RecordId,
  type TransactionId
} from '@wardline/codec'
import { appendEntry, readEntries } from '../entries.ts'
import { nullableBytes } from '../membership/member.ts'
import type { Overlay, StateView } from '../overlay.ts'
import { stateKeys } from '../state-keys.ts'
import type { Attested, DoctorSignature } from './doctor.ts'

export type PatientRecord = {
  readonly alias: Alias
  /** The hospital that wrote it, and alone amends it. */
  readonly origin: MemberId
  /** The doctors of the first version (no nurses), ascending: one of them signs every amendment. */
  readonly doctors: readonly MemberId[]
  /** The newest version: its transaction. */
  readonly latest: TransactionId
}

/** One version of a record, named by its transaction. */
export type RecordVersion = {
  readonly record: RecordId
  /** 1 for the first one. */
  readonly number: number
  readonly supersedes: TransactionId | null
  /** The content commitment. */
  readonly content: Hash
  /** Whether the author had not seen the newest record entry of the patient when it wrote. */
  readonly concurrent: boolean
}

export function readPatientRecord(state: StateView, id: RecordId): PatientRecord | undefined {
  return decodeStored(state.get(stateKeys.patientRecord(id)), readStoredRecord)
}

export function readRecordVersion(state: StateView, id: TransactionId): RecordVersion | undefined {
  return decodeStored(state.get(stateKeys.recordVersion(id)), readStoredVersion)
}

/** The hash of the patient's newest entry that is a record or an amendment: what `after` of the next one should say. */
export function readRecordHead(state: StateView, alias: Alias): Hash | null {
  return decodeStored(state.get(stateKeys.recordHead(alias)), bytes32<Hash>) ?? null
}

type NewVersion = Attested & {
  readonly id: TransactionId
  readonly origin: MemberId
  readonly doctors: readonly DoctorSignature[]
  readonly after: Hash | null
}

/**
 * Writes a version and makes it the newest, and the patient's newest entry. It is concurrent unless `after` is the head of
 * the patient's entries, or the newest record among them: reading and enrolling in between do no harm.
 */
export function writeVersion(state: Overlay, version: NewVersion): void {
  const { chain, alias, recordId, supersedes, content, id, origin, doctors, after } = version
  const record = readPatientRecord(state, recordId)
  const before = supersedes === null ? undefined : readRecordVersion(state, supersedes)
  const recordHead = readRecordHead(state, alias)
  const concurrent = after !== recordHead && after !== (readEntries(state, alias)?.head ?? null)
  const { head } = appendEntry(state, chain, alias, id)
  const number = (before?.number ?? 0) + 1
  state.set(stateKeys.recordHead(alias), encodeCbor(nameBytes(head)))
  state.set(
    stateKeys.recordVersion(id),
    encodeCbor({
      record: nameBytes(recordId),
      number,
      supersedes: nullableBytes(supersedes),
      content: nameBytes(content),
      concurrent
    })
  )
  const signers = doctors.filter(({ role }) => role === 'doctor').map(({ member }) => member)
  state.set(
    stateKeys.patientRecord(recordId),
    encodeCbor({
      alias: nameBytes(alias),
      origin: nameBytes(record?.origin ?? origin),
      doctors: (record?.doctors ?? signers).map(nameBytes),
      latest: nameBytes(id)
    })
  )
}

const readStoredRecord: Reader<PatientRecord> = mapOf({
  alias: bytes32<Alias>,
  origin: bytes32<MemberId>,
  doctors: arrayOf(bytes32<MemberId>, 1, limits.recordDoctorsMax),
  latest: bytes32<TransactionId>
})

const readStoredVersion: Reader<RecordVersion> = mapOf({
  record: bytes32<RecordId>,
  number: integerFrom(1, Number.MAX_SAFE_INTEGER),
  supersedes: nullable(bytes32<TransactionId>),
  content: bytes32<Hash>,
  concurrent: bool
})
