/**
 * `dss.access`: a hospital says that it reads records of a patient, before it does: its daemon gives bytes only once this is
 * final. What is refused here is therefore not read.
 *
 * While the patient is enrolled, every hospital of the alliance may read, for every purpose. Once the enrolment has ended,
 * the hospital that wrote a record goes on reading it, as its own documentation, and others read it for the purposes of
 * `PURPOSES_AFTER_END` only: they are what the law asks for whatever the patient wants, or what the patient asks for. A
 * patient that never enrolled has no records.
 */
import {
  type Alias,
  arrayOf,
  bytes32,
  type CborValue,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Read,
  type RecordId,
  type TransactionId
} from '@wardline/codec'
import { appendEntry } from '../entries.ts'
import type { JudgeContext, KindRules, Subject } from '../kind.ts'
import { isAscending, nullableBytes, readMember, standing } from '../membership/member.ts'
import type { RefusalCode } from '../refusals.ts'
import { PURPOSES, type Purpose } from '../stt/send.ts'
import { enrolmentRefusal } from './enrolment.ts'
import { readPatientRecord, readRecordVersion } from './versions.ts'

/** What records of a patient whose enrolment has ended are still read for at other hospitals than their own. */
const PURPOSES_AFTER_END: readonly Purpose[] = ['emergency', 'patient-request', 'public-health', 'legal']

const read = mapOf({
  alias: bytes32<Alias>,
  /** What is read, ascending by version, each once. */
  records: arrayOf(mapOf({ record: bytes32<RecordId>, version: bytes32<TransactionId> }), 1, limits.accessRecordsMax),
  /** The author's own staff member who reads; null where the hospital does not say. */
  reader: nullable(bytes32<MemberId>),
  purpose: oneOf(...PURPOSES)
})

export type DssAccessBody = Read<typeof read>

export function encodeAccessBody({ alias, records, reader, purpose }: DssAccessBody): CborValue {
  return {
    alias: nameBytes(alias),
    records: records.map(({ record, version }) => ({ record: nameBytes(record), version: nameBytes(version) })),
    reader: nullableBytes(reader),
    purpose
  }
}

function judgeReader({ state, timeMs }: JudgeContext, hospital: MemberId, reader: MemberId | null) {
  if (reader === null) return undefined
  const member = readMember(state, reader)
  // A reader signs nothing, so a hospital must not name those of another.
  if (member?.hospital !== hospital) return 'not-own-reader'
  return standing(state, member, timeMs) === undefined ? undefined : 'reader-revoked'
}

function judge(context: JudgeContext, { author, body }: Subject<DssAccessBody>): RefusalCode | undefined {
  const { state, timeMs } = context
  if (context.author.role !== 'hospital') return 'author-not-hospital'
  const ended = enrolmentRefusal(state, body.alias, timeMs)
  const mayRead = ended === undefined || PURPOSES_AFTER_END.includes(body.purpose)
  for (const { record: id, version } of body.records) {
    const record = readPatientRecord(state, id)
    if (record === undefined) return 'unknown-record'
    if (record.alias !== body.alias) return 'alias-mismatch'
    if (readRecordVersion(state, version)?.record !== id) return 'unknown-version'
    if (!mayRead && record.origin !== author.member) return ended
  }
  return judgeReader(context, author.member, body.reader)
}

export const access: KindRules<DssAccessBody> = {
  modes: ['DSS'],
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault: ({ body }) => (isAscending(body.records.map(({ version }) => version)) ? undefined : 'records-not-sorted'),
  checks: () => [],
  judge,
  apply(state, { chain, id, body }) {
    appendEntry(state, chain, body.alias, id)
  }
}
