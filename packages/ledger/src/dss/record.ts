/**
 * `dss.record`: one record of an enrolled patient, in plain text for the members of the alliance, with the signatures of the
 * doctors who answer for it. The bytes are the payload; here is their commitment.
 */
import {
  type Alias,
  bytes32,
  type CborValue,
  type Hash,
  mapOf,
  nameBytes,
  nullable,
  type Read,
  type RecordId
} from '@wardline/codec'
import type { KindRules, Unsponsored } from '../kind.ts'
import { nullableBytes } from '../membership/member.ts'
import { recordIdOf } from '../stt/record.ts'
import { type Attested, doctorChecks, doctorsFault, encodeDoctor, judgeDoctors, readDoctors } from './doctor.ts'
import { enrolmentRefusal } from './enrolment.ts'
import { readPatientRecord, writeVersion } from './versions.ts'

const read = mapOf({
  alias: bytes32<Alias>,
  recordId: bytes32<RecordId>,
  /** The content commitment. */
  content: bytes32<Hash>,
  /** Ascending by member, each once, at least one of them a doctor. */
  doctors: readDoctors,
  /** The patient's newest record entry that the author had seen; null where it had seen none. */
  after: nullable(bytes32<Hash>)
})

export type RecordBody = Read<typeof read>

export function encodeRecordBody({ alias, recordId, content, doctors, after }: RecordBody): CborValue {
  return {
    alias: nameBytes(alias),
    recordId: nameBytes(recordId),
    content: nameBytes(content),
    doctors: doctors.map(encodeDoctor),
    after: nullableBytes(after)
  }
}

function attested({ chain, body }: Unsponsored<RecordBody>): Attested {
  return { chain, alias: body.alias, recordId: body.recordId, supersedes: null, content: body.content }
}

export const record: KindRules<RecordBody> = {
  modes: ['DSS'],
  author: 'member',
  read,
  payload: 'everyone',
  lifetime: 'bounded',
  fault: ({ body }) => doctorsFault(body.doctors),
  checks: (tx) => doctorChecks(attested(tx), tx.body.doctors),
  judge(context, { chain, author, nonce, body }) {
    const { state, timeMs } = context
    if (context.author.role !== 'hospital') return 'author-not-hospital'
    if (body.recordId !== recordIdOf(chain, author.member, nonce)) return 'record-id-mismatch'
    // The same nonce again, under another id.
    if (readPatientRecord(state, body.recordId) !== undefined) return 'record-exists'
    return enrolmentRefusal(state, body.alias, timeMs) ?? judgeDoctors(context, body.doctors)
  },
  apply(state, tx) {
    const { doctors, after } = tx.body
    writeVersion(state, { ...attested(tx), id: tx.id, origin: tx.author.member, doctors, after })
  }
}
