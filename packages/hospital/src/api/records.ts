/** Records: sending, opening and listing them. */
import { type Api, ApiError, type Params } from '@wardline/api'
import { fromHex, type MemberId, unreachable } from '@wardline/codec'
import { heldRecord } from '@wardline/custody'
import { isRecalled, type ParsedTransaction, readAcknowledgement, readDescriptor, readRecall } from '@wardline/ledger'
import { openDuty } from '@wardline/views'
import { build, type NotSent, type SendRequest, send } from '../author.ts'
import { contentOf, envelopeOf } from '../content.ts'
import { type Deadline, deadlineIn } from '../deadline.ts'
import { broughtBy, onItsWay, transmissionOf, type Wanted, waitUntilHeld } from '../holding.ts'
import type { Membership, Memberships } from '../membership.ts'
import { refusal } from '../refusal.ts'
import type { RunningChain } from '../running-chain.ts'
import { chainThatKnows } from './chain-meant.ts'
import { checkConsent } from './consents.ts'
import { findingOf } from './finding.ts'
import { chainNamed, chainOfMode, memberNamed, nameOf, recordOf, runningOn } from './lookup.ts'
import { recordList } from './record-list.ts'
import { openShared } from './shared-records.ts'
import { openAnchored } from './spv.ts'
import { answerSubmission } from './submitted.ts'

type Methods = Pick<Api, 'record.send' | 'record.recall' | 'record.open' | 'record.envelope' | 'record.list'>
type Send = ParsedTransaction<'stt.send'>

export function recordMethods(running: () => readonly RunningChain[]): Methods {
  const memberships = () => running().map(({ member }) => member)
  return {
    async 'record.send'(params, { signal }) {
      const member = chainOfMode(memberships, params.chain, 'STT')
      const deadline = deadlineIn(member, params.timeoutMs, signal)
      const to = [...new Set(params.to.map((reference) => memberNamed(member, reference)))].sort()
      checkConsent(member, params.consent ?? null)
      const request = await requestOf(member, params, to, deadline)
      // A forward may have waited long enough for the consent to be withdrawn.
      checkConsent(member, request.consent)
      const sent = await send(member, request)
      if (sent.kind === 'not-sent') throw notSent(sent.code)
      const wait = { ...params, timeoutMs: deadline.leftMs() }
      const ids = { record: sent.record, via: request.kind === 'new' ? null : request.via }
      return {
        ...(await answerSubmission(member, sent.submission, wait, signal, ids)),
        ...ids,
        commitment: sent.commitment,
        to: to.map((id) => nameOf(member, id))
      }
    },

    async 'record.recall'(params, { signal }) {
      const member = chainOfMode(memberships, params.chain, 'STT')
      const { record, subject } = params
      const signed = subject === undefined ? null : { key: subject.key, sig: fromHex(subject.signature) }
      const bytes = build(member, 'stt.recall', { recordId: record, subject: signed })
      return { ...(await answerSubmission(member, await member.chain.submit(bytes), params, signal)), record }
    },

    async 'record.open'(params, { signal }) {
      const one = runningOn(running(), chainToOpen(memberships, params))
      const { member } = one
      const { chain } = member
      if (chain.genesis.mode === 'DSS') return openShared(member, params, signal)
      if (chain.genesis.mode === 'SPV') return openAnchored(one, params)
      const deadline = deadlineIn(member, params.timeoutMs, signal)
      const sent = await transmissionToOpen(one, params, deadline)
      await checkToOpen(one, sent, deadline)
      const content = await contentOf(member, sent, deadline)
      const record = await recordOf(member, sent.body.recordId)
      return {
        chain: chain.id,
        record: sent.body.recordId,
        transmission: sent.id,
        from: nameOf(member, sent.author.member),
        origin: nameOf(member, record.origin),
        content: Buffer.from(content.bytes).toString('base64'),
        sizeBytes: content.bytes.length,
        commitment: sent.body.content,
        salt: Buffer.from(content.salt).toString('base64'),
        descriptor: readDescriptor(content.descriptor),
        descriptorBytes: Buffer.from(content.descriptor).toString('base64'),
        alias: null,
        version: null,
        access: null
      }
    },

    async 'record.envelope'({ chain: name, via, timeoutMs }, { signal }) {
      const member = chainOfMode(memberships, name, 'STT')
      const sent = transmissionOf(member, via)
      const envelope = await envelopeOf(member, sent, deadlineIn(member, timeoutMs, signal))
      return {
        chain: member.chain.id,
        record: sent.body.recordId,
        transmission: sent.id,
        envelope: Buffer.from(envelope).toString('base64'),
        sizeBytes: envelope.length
      }
    },

    'record.list': recordList(memberships)
  }
}

/** The chain that is named, or else the one that knows the record: no two chains have one id. @throws ApiError `not-found | ambiguous` */
function chainToOpen(memberships: Memberships, params: Params<'record.open'>): Membership {
  const known = params.chain === undefined ? chainThatKnows(memberships, params) : undefined
  return known ?? chainNamed(memberships, params.chain)
}

async function requestOf(
  member: Membership,
  params: Params<'record.send'>,
  to: readonly MemberId[],
  deadline: Deadline
): Promise<SendRequest> {
  const { purpose, consent = null } = params
  if (params.content !== undefined) {
    const bytes = new Uint8Array(Buffer.from(params.content, 'base64'))
    return {
      kind: 'new',
      to,
      purpose,
      consent,
      bytes,
      descriptor: params.descriptor ?? {},
      recallKey: params.recallKey ?? null
    }
  }
  const { record, via, brought } = await waitUntilHeld(member, params, deadline)
  return { kind: 'held', to, purpose, consent, record, via, content: await contentOf(member, brought, deadline) }
}

function notSent(code: NotSent['code']): ApiError {
  switch (code) {
    case 'too-large':
      return new ApiError(code, 'the record does not fit one envelope of 1 MiB')
    case 'no-seal-key':
      return new ApiError('not-a-hospital', 'a receiver has no sealing key on this chain')
    case 'not-a-hospital':
    case 'self-receiver':
      return refusal(code)
    default:
      return unreachable(code)
  }
}

/** The transmission to take the content from. One on its way is waited for: its sender may be a block ahead of this daemon. */
async function transmissionToOpen(
  { member, duties }: RunningChain,
  { record, via }: Wanted,
  deadline: Deadline
): Promise<Send> {
  if (via !== undefined) return transmissionOf(member, via)
  if (record !== undefined && readRecall(member.chain.state, record) !== undefined) throw refusal('recalled')
  const held = record === undefined ? undefined : heldRecord(member.chain.store, member.chain.self, record)
  if (held !== undefined) return broughtBy(member, held)
  const coming = record && (await onItsWay(member, record))
  if (record === undefined || coming === undefined) {
    throw new ApiError('not-found', 'this hospital holds no such record')
  }
  // A person may read before saying whether it is accepted.
  if (duties.acknowledge !== 'auto') return transmissionOf(member, coming)
  return (await waitUntilHeld(member, { record }, deadline)).brought
}

/**
 * What this hospital has acknowledged as anything but opened is not given out. What it has not acknowledged yet is looked at as if
 * it were to be, path and all; opening it acknowledges nothing.
 * @throws ApiError `recalled | not-a-holder | verification-failed | payload-not-here | unavailable | timeout`
 */
async function checkToOpen({ member: { chain }, duties }: RunningChain, sent: Send, deadline: Deadline): Promise<void> {
  const isDue = await chain.atRest(() => openDuty(chain.store, sent.id) !== undefined)
  if (isRecalled(chain.state, sent)) throw refusal('recalled')
  const said = readAcknowledgement(chain.state, sent.id, chain.self)
  if (said !== undefined && said.outcome !== 'opened') throw refusal('not-a-holder')
  if (!isDue) return
  const finding = await findingOf(duties, sent, deadline)
  if (finding !== 'opened') throw new ApiError('verification-failed', `the record does not verify (${finding})`)
}
