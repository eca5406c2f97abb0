/**
 * `dss.amend`: a new version of a record, by the hospital that wrote it, signed by at least one of the doctors who signed
 * its first version. A doctor's later keys are as good as the first: members are compared, not keys. Older versions stay.
 */
import {
  type Alias,
  bytes32,
  type CborValue,
  type Hash,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  type Read,
  type RecordId,
  type TransactionId
} from '@wardline/codec'
import type { KindRules, Unsponsored } from '../kind.ts'
import { nullableBytes } from '../membership/member.ts'
import type { StateView } from '../overlay.ts'
import type { RefusalCode } from '../refusals.ts'
import { type Attested, doctorChecks, doctorsFault, encodeDoctor, judgeDoctors, readDoctors } from './doctor.ts'
import { enrolmentRefusal } from './enrolment.ts'
import { readPatientRecord, readRecordVersion, writeVersion } from './versions.ts'

const read = mapOf({
  alias: bytes32<Alias>,
  recordId: bytes32<RecordId>,
  /** The version that this one takes the place of: the newest one. */
  supersedes: bytes32<TransactionId>,
  content: bytes32<Hash>,
  doctors: readDoctors,
  after: nullable(bytes32<Hash>)
})

/** As `RecordBody`, with the version that is amended. */
export type AmendBody = Read<typeof read>

export function encodeAmendBody({ alias, recordId, supersedes, content, doctors, after }: AmendBody): CborValue {
  return {
    alias: nameBytes(alias),
    recordId: nameBytes(recordId),
    supersedes: nameBytes(supersedes),
    content: nameBytes(content),
    doctors: doctors.map(encodeDoctor),
    after: nullableBytes(after)
  }
}

function attested({ chain, body }: Unsponsored<AmendBody>): Attested {
  const { alias, recordId, supersedes, content } = body
  return { chain, alias, recordId, supersedes, content }
}

function judgeVersion(state: StateView, author: MemberId, body: AmendBody): RefusalCode | undefined {
  const record = readPatientRecord(state, body.recordId)
  if (record === undefined) return 'unknown-record'
  if (record.alias !== body.alias) return 'alias-mismatch'
  if (record.origin !== author) return 'not-original-hospital'
  if (!body.doctors.some(({ member, role }) => role === 'doctor' && record.doctors.includes(member))) {
    return 'not-original-signer'
  }
  if (record.latest === body.supersedes) return undefined
  return readRecordVersion(state, body.supersedes)?.record === body.recordId ? 'not-latest-version' : 'unknown-version'
}

export const amend: KindRules<AmendBody> = {
  modes: ['DSS'],
  author: 'member',
  read,
  payload: 'everyone',
  lifetime: 'bounded',
  fault: ({ body }) => doctorsFault(body.doctors),
  checks: (tx) => doctorChecks(attested(tx), tx.body.doctors),
  judge(context, { author, body }) {
    const { state, timeMs } = context
    if (context.author.role !== 'hospital') return 'author-not-hospital'
    return (
      judgeVersion(state, author.member, body) ??
      enrolmentRefusal(state, body.alias, timeMs) ??
      judgeDoctors(context, body.doctors)
    )
  },
  apply(state, tx) {
    const { doctors, after } = tx.body
    writeVersion(state, { ...attested(tx), id: tx.id, origin: tx.author.member, doctors, after })
  }
}
