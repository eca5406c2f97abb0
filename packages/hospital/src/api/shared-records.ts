/** Records of an alliance: publishing, amending, and reading them. */
import { type Api, ApiError, type Params, type Result } from '@wardline/api'
import { readDescriptor, readPatientRecord, readRecordVersion } from '@wardline/ledger'
import { about } from '../about.ts'
import { type Deadline, deadlineIn } from '../deadline.ts'
import { look } from '../dss/look.ts'
import { amend, type NewContent, type Published, publish } from '../dss/publish.ts'
import type { Membership, Memberships } from '../membership.ts'
import { refusal } from '../refusal.ts'
import { chainOfMode, memberNamed, nameOf } from './lookup.ts'
import { aliasNamed } from './patients.ts'
import { answerSubmission } from './submitted.ts'

type Methods = Pick<Api, 'record.publish' | 'record.amend'>

export function sharedRecordMethods(memberships: Memberships): Methods {
  return {
    async 'record.publish'(params, { role, signal }) {
      const member = chainOfMode(memberships, params.chain, 'DSS')
      const deadline = deadlineIn(member, params.timeoutMs, signal)
      const alias = await aliasNamed(member, params, role)
      return about({ alias }, async () => {
        const content = contentOf(member, params)
        const published = await publish(member, alias, content)
        return { ...(await answer(member, published, content, params, deadline, signal)), alias, version: 1 }
      })
    },

    async 'record.amend'(params, { signal }) {
      const member = chainOfMode(memberships, params.chain, 'DSS')
      const deadline = deadlineIn(member, params.timeoutMs, signal)
      const { state } = member.chain
      const record = readPatientRecord(state, params.record)
      if (record === undefined) throw new ApiError('not-found', 'the chain has no such record')
      const { alias } = record
      const supersedes = params.supersedes ?? record.latest
      const before = readRecordVersion(state, supersedes)
      if (before?.record !== params.record) throw refusal('unknown-version')
      return about({ alias }, async () => {
        const content = contentOf(member, params)
        const published = await amend(member, { alias, recordId: params.record, supersedes }, content)
        const version = before.number + 1
        return { ...(await answer(member, published, content, params, deadline, signal)), alias, version }
      })
    }
  }
}

/** `record.open` on a DSS chain. */
export async function openShared(
  member: Membership,
  params: Params<'record.open'>,
  signal: AbortSignal | undefined
): Promise<Result<'record.open'>> {
  if (params.via !== undefined) throw new ApiError('invalid-params', 'an alliance has no transmissions: give record')
  const reader = params.reader === undefined ? null : memberNamed(member, params.reader)
  const why = { reader, purpose: params.purpose }
  const deadline = deadlineIn(member, params.timeoutMs, signal)
  const { version, stored, content, access } = await look(member, params, why, deadline, signal)
  const origin = nameOf(member, version.author.member)
  return {
    chain: member.chain.id,
    record: version.body.recordId,
    transmission: version.id,
    from: origin,
    origin,
    content: Buffer.from(content.bytes).toString('base64'),
    sizeBytes: content.bytes.length,
    commitment: version.body.content,
    salt: Buffer.from(content.salt).toString('base64'),
    descriptor: readDescriptor(content.descriptor),
    descriptorBytes: Buffer.from(content.descriptor).toString('base64'),
    alias: version.body.alias,
    version: stored.number,
    access
  }
}

function contentOf(member: Membership, params: Params<'record.publish'> | Params<'record.amend'>): NewContent {
  return {
    bytes: new Uint8Array(Buffer.from(params.content, 'base64')),
    descriptor: params.descriptor ?? {},
    doctors: params.doctors.map((reference) => memberNamed(member, reference)),
    after: params.after
  }
}

async function answer(
  member: Membership,
  { submission, record, commitment }: Published,
  { doctors }: NewContent,
  params: Params<'record.publish'> | Params<'record.amend'>,
  deadline: Deadline,
  signal: AbortSignal | undefined
) {
  const wait = { ...params, timeoutMs: deadline.leftMs() }
  const submitted = await answerSubmission(member, submission, wait, signal, { record })
  return { ...submitted, record, commitment, doctors: [...new Set(doctors)].sort().map((id) => nameOf(member, id)) }
}
