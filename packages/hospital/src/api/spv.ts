/** Records that stay in their hospital: anchoring them, asking for them, holding them against the chain, and who looked. */
import { type Api, ApiError, type Params, type Result } from '@wardline/api'
import { assert, type Hash, type MemberId } from '@wardline/codec'
import { CONTENT_SALT_BYTES, commitContent, type Signer } from '@wardline/crypto'
import { chargedTo, readAnchoredRecord, readDescriptor, readEntries, readGrant, readMember } from '@wardline/ledger'
import { type AccessEntry, accessPage, grantStatus } from '@wardline/views'
import { about } from '../about.ts'
import { deadlineIn } from '../deadline.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Membership } from '../membership.ts'
import type { RunningChain } from '../running-chain.ts'
import { termsRow } from './grant-terms.ts'
import { chainOfMode, headOf, memberNamed, nameOf, runningOn, seenBy } from './lookup.ts'
import { aliasNamed } from './patients.ts'
import { answerSubmission } from './submitted.ts'

type Methods = Pick<Api, 'record.anchor' | 'record.request' | 'record.verify' | 'audit.patient'>
type Row = Result<'audit.patient'>['entries'][number]

export function spvMethods(running: () => readonly RunningChain[]): Methods {
  const memberships = () => running().map(({ member }) => member)

  return {
    async 'record.anchor'(params, { role, signal }) {
      const member = chainOfMode(memberships, params.chain, 'SPV')
      const exchange = exchangeOf(runningOn(running(), member))
      const alias = await aliasNamed(member, params, role)
      const { submission, record, commitment, content } = await about({ alias }, () =>
        exchange.anchor(alias, bytesOf(params.content), params.descriptor ?? {})
      )
      return {
        ...(await answerSubmission(member, submission, params, signal, { alias, record })),
        alias,
        record,
        commitment,
        salt: textOf(content.salt),
        descriptorBytes: textOf(content.descriptor)
      }
    },

    async 'record.request'(params, { signal }) {
      const member = chainOfMode(memberships, params.chain, 'SPV')
      const exchange = exchangeOf(runningOn(running(), member))
      const { chain } = member
      const owner = memberNamed(member, params.owner)
      if (owner === chain.self) throw new ApiError('invalid-params', 'owner: these records are in this hospital')
      if (readMember(chain.state, owner)?.role !== 'hospital') {
        throw new ApiError('not-found', 'owner: this member is no hospital')
      }
      const ended = signal === undefined ? member.left : AbortSignal.any([signal, member.left])
      const deadline = deadlineIn(member, params.timeoutMs, signal)
      const { alias, records, purpose } = params
      const question = { owner, alias, records, purpose, accessor: await accessorOf(member, params.accessor) }
      const answer = await exchange.request(question, deadline, ended)
      const { decision } = answer.entry.body
      const { status, code, grant } = answer.row
      return {
        chain: chain.id,
        request: answer.request as string as Hash,
        entry: answer.entry.id,
        height: answer.row.height,
        decision,
        status,
        code,
        grant,
        records: answer.records.map(({ record, content }) => ({
          record,
          content: textOf(content.bytes),
          salt: textOf(content.salt),
          descriptor: readDescriptor(content.descriptor),
          descriptorBytes: textOf(content.descriptor),
          commitment: commitContent(content),
          sizeBytes: content.bytes.length
        })),
        contentBytes: answer.contentBytes
      }
    },

    async 'record.verify'(params) {
      const member = chainOfMode(memberships, params.chain, 'SPV')
      const { chain } = member
      const anchored = readAnchoredRecord(chain.state, params.record)
      const anchor = anchored && chain.query.transaction(anchored.anchor)
      if (anchored === undefined || anchor === undefined)
        throw new ApiError('not-found', 'nobody has anchored that record')
      const salt = bytesOf(params.salt)
      if (salt.length !== CONTENT_SALT_BYTES)
        throw new ApiError('invalid-params', `salt: must be ${CONTENT_SALT_BYTES} bytes`)
      const content = { salt, descriptor: bytesOf(params.descriptorBytes), bytes: bytesOf(params.content) }
      const commitment = commitContent(content)
      return {
        chain: chain.id,
        record: params.record,
        ok: commitment === anchored.content,
        commitment,
        anchored: anchored.content,
        owner: nameOf(member, chargedTo(anchor)),
        alias: anchored.alias,
        timeMs: anchored.time,
        height: anchored.height
      }
    },

    async 'audit.patient'(params, { role }) {
      const member = seenBy(role, chainOfMode(memberships, params.chain, 'SPV'))
      const { chain } = member
      const alias = await aliasNamed(member, params, role)
      const at = headOf(member)
      const entries = readEntries(chain.state, alias)
      const page = await accessPage(chain.store, alias, {
        limit: params.limit,
        ...(params.before !== undefined && { before: Number(params.before) })
      })
      return {
        ...at,
        alias,
        count: entries?.count ?? 0,
        head: entries?.head ?? null,
        entries: page.entries.map((entry) => rowOf(member, entry)),
        next: page.next === null ? null : String(page.next)
      }
    }
  }
}

/**
 * `record.open` on an SPV chain: what this hospital has anchored, from its vault. It goes nowhere else, so no entry tells of it.
 * @throws ApiError `invalid-params | not-found | vault-damaged | record-not-here`
 */
export async function openAnchored(
  running: RunningChain,
  { record }: Params<'record.open'>
): Promise<Result<'record.open'>> {
  if (record === undefined) throw new ApiError('invalid-params', 'what is anchored has no versions: give record')
  const { member } = running
  const { chain } = member
  const anchored = readAnchoredRecord(chain.state, record)
  const anchor = anchored && chain.query.transaction(anchored.anchor)
  if (anchored === undefined || anchor === undefined || chargedTo(anchor) !== chain.self) {
    throw new ApiError('not-found', 'this hospital has anchored no such record; others are asked with record.request')
  }
  const { salt, descriptor, bytes } = await exchangeOf(running).own(record, anchored.content)
  const self = nameOf(member, chain.self)
  return {
    chain: chain.id,
    record,
    transmission: anchor.id,
    from: self,
    origin: self,
    content: textOf(bytes),
    sizeBytes: bytes.length,
    commitment: anchored.content,
    salt: textOf(salt),
    descriptor: readDescriptor(descriptor),
    descriptorBytes: textOf(descriptor),
    alias: anchored.alias,
    version: null,
    access: null
  }
}

function exchangeOf({ exchange }: RunningChain): Exchange {
  assert(exchange !== null, 'an SPV chain that runs has an exchange')
  return exchange
}

/** Who asks, with the key to sign. @throws ApiError `not-found | ambiguous` */
async function accessorOf(
  member: Membership,
  reference: Params<'record.request'>['accessor']
): Promise<{ member: MemberId; signer: Signer }> {
  const { chain, persons, signer: own } = member
  if (reference === undefined) return { member: chain.self, signer: own }
  const id = memberNamed(member, reference)
  const signer = id === chain.self ? own : await persons.signerOf(id)
  if (signer === undefined) throw new ApiError('not-found', 'accessor: this hospital keeps no keys of that member')
  return { member: id, signer }
}

function rowOf(member: Membership, entry: AccessEntry): Row {
  const { chain, clock } = member
  const grantId = entry.kind === 'spv.grant' ? entry.id : 'grant' in entry ? entry.grant : null
  const grant = grantId === null ? undefined : readGrant(chain.state, grantId)
  const anchored = entry.kind === 'spv.anchor' ? entry : undefined
  const access = entry.kind === 'spv.access' ? entry : undefined
  return {
    number: entry.number,
    hash: entry.hash,
    kind: entry.kind,
    transaction: entry.id,
    hospital: nameOf(member, entry.hospital),
    timeMs: entry.time,
    height: entry.height,
    record: anchored?.record ?? null,
    commitment: anchored?.content ?? null,
    grant: grantId,
    grantStatus: grant === undefined ? null : grantStatus(grant, Math.max(clock.nowMs(), chain.head().time)),
    terms: entry.kind === 'spv.grant' && grant !== undefined ? termsRow(member, grant.terms) : null,
    custodial: entry.kind === 'alias.open' ? entry.custodial : null,
    request: access === undefined ? null : (access.request as string as Hash),
    accessor: access === undefined ? null : nameOf(member, access.accessor),
    purpose: access?.purpose ?? null,
    records: access === undefined ? null : [...access.records],
    decision: access?.decision ?? null,
    status: access?.status ?? null,
    code: access?.code ?? null
  }
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
