/** Writes records of patients for an alliance: has doctors sign, builds, signs, submits. Retrying is the caller's. */
import { ApiError } from '@wardline/api'
import type { Alias, Hash, MemberId, RecordId, TransactionId } from '@wardline/codec'
import { limits } from '@wardline/codec'
import { CONTENT_SALT_BYTES, commitContent, encodeContent } from '@wardline/crypto'
import {
  type Attested,
  CLINICAL_ROLES,
  type ClinicalRole,
  type Descriptor,
  type DoctorSignature,
  doctorStatement,
  encodeDescriptor,
  NONCE_BYTES,
  payloadCommitment,
  type Role,
  readMember,
  readRecordHead,
  recordIdOf
} from '@wardline/ledger'
import type { Submission } from '@wardline/node'
import { build } from '../author.ts'
import type { Membership } from '../membership.ts'
import { refusal } from '../refusal.ts'

export type NewContent = {
  readonly bytes: Uint8Array
  readonly descriptor: Descriptor
  /** Members of staff who sign, in any order. */
  readonly doctors: readonly MemberId[]
  /** The newest record entry that they have seen; undefined for the newest one that is final here. */
  readonly after: Hash | undefined
}

export type Published = {
  readonly submission: Submission
  readonly record: RecordId
  readonly commitment: Hash
}

/** Writes the first version of a record. @throws ApiError `quarantined | too-large | doctor-key-not-here`, or a refusal */
export async function publish(member: Membership, alias: Alias, content: NewContent): Promise<Published> {
  const { chain, random } = member
  const nonce = random.bytes(NONCE_BYTES)
  const recordId = recordIdOf(chain.id, chain.self, nonce)
  const version = await versionOf(member, { alias, recordId, supersedes: null }, content)
  const { bytes, payload } = version
  const built = build(member, 'dss.record', { alias, recordId, ...version.body }, { nonce, payload })
  return { submission: await chain.submit(built, bytes), record: recordId, commitment: version.body.content }
}

/** Writes another version of a record of this hospital. @throws as `publish` */
export async function amend(
  member: Membership,
  of: { readonly alias: Alias; readonly recordId: RecordId; readonly supersedes: TransactionId },
  content: NewContent
): Promise<Published> {
  const { body, bytes, payload } = await versionOf(member, of, content)
  const built = build(member, 'dss.amend', { ...of, ...body }, { payload })
  return { submission: await member.chain.submit(built, bytes), record: of.recordId, commitment: body.content }
}

/** The content under a fresh salt, its commitments, and the signatures over them. */
async function versionOf(
  member: Membership,
  of: Pick<Attested, 'alias' | 'recordId' | 'supersedes'>,
  { bytes, descriptor, doctors: signers, after }: NewContent
) {
  const { chain, random } = member
  member.quarantine.check(of.alias)
  const content = { salt: random.bytes(CONTENT_SALT_BYTES), descriptor: encodeDescriptor(descriptor), bytes }
  const encoded = encodeContent(content)
  if (encoded.length > limits.payloadBytesMax) throw new ApiError('too-large', 'the record does not fit 1 MiB')
  const commitment = commitContent(content)
  const doctors = await signaturesOf(member, { ...of, chain: chain.id, content: commitment }, signers)
  return {
    body: { content: commitment, doctors, after: after ?? readRecordHead(chain.state, of.alias) },
    bytes: encoded,
    payload: { commitment: payloadCommitment(encoded), size: encoded.length }
  }
}

/** The signatures, each once, in the order the rules ask for. */
async function signaturesOf(
  { chain, persons }: Membership,
  attested: Attested,
  signers: readonly MemberId[]
): Promise<DoctorSignature[]> {
  const signatures: DoctorSignature[] = []
  for (const id of [...new Set(signers)].sort()) {
    const doctor = readMember(chain.state, id)
    if (doctor === undefined) throw refusal('unknown-doctor')
    const { role } = doctor
    if (!isClinical(role)) throw refusal('not-a-doctor')
    const signer = await persons.signerOf(id)
    if (signer === undefined) {
      throw new ApiError('doctor-key-not-here', 'the key of a doctor who is to sign is not kept at this hospital')
    }
    const keyIndex = doctor.keys.findIndex(({ key }) => key === signer.publicKey)
    if (keyIndex === -1) throw refusal('stale-doctor-key')
    const sig = signer.sign('wardline/doctor/1', doctorStatement(attested, role))
    signatures.push({ member: id, keyIndex, key: signer.publicKey, role, sig })
  }
  return signatures
}

function isClinical(role: Role): role is ClinicalRole {
  return (CLINICAL_ROLES as readonly Role[]).includes(role)
}
