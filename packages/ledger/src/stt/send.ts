/**
 * `stt.send`: one transmission of one record, sealed to its receivers. Nobody hands on what it does not hold: the author is
 * the record's origin, or a receiver that acknowledged opening it.
 */
import {
  arrayOf,
  bytes32,
  type CborValue,
  encodeCbor,
  type Hash,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  optional,
  type Read,
  type RecordId,
  type SealKey,
  type SignKey,
  type TransactionId
} from '@wardline/codec'
import { isUsableSignKey } from '@wardline/crypto'
import type { JudgeContext, KindRules, Subject } from '../kind.ts'
import { currentKey, isAscending, nullableBytes, readMember } from '../membership/member.ts'
import type { FormCode, RefusalCode } from '../refusals.ts'
import { stateKeys } from '../state-keys.ts'
import {
  encodeRecord,
  encodeTransmission,
  isHolder,
  readRecall,
  readRecord,
  readSubject,
  recordIdOf
} from './record.ts'

/** Why a record is sent; a closed list, so that no text reaches the chain. State knows them by their place: new ones come last. */
export const PURPOSES = [
  'treatment',
  'payment',
  'operations',
  'research',
  'emergency',
  'patient-request',
  'public-health',
  'legal'
] as const
export type Purpose = (typeof PURPOSES)[number]

/** More receivers than the rules allow are still read, as far as a transaction's size can hold, to be refused by name. */
const receiversReadMax = Math.floor(limits.transactionBytesMax / 64)

const read = mapOf({
  recordId: bytes32<RecordId>,
  /** The content commitment: what the receivers check what they open against. */
  content: bytes32<Hash>,
  to: arrayOf(mapOf({ member: bytes32<MemberId>, sealingKey: bytes32<SealKey> }), 0, receiversReadMax),
  via: nullable(bytes32<TransactionId>),
  purpose: oneOf(...PURPOSES),
  /** The patient's key that may recall the record; the first transmission fixes it, later ones repeat it. */
  subject: nullable(bytes32<SignKey>),
  consent: optional(nullable(bytes32<Hash>))
})

/** `via`: the transmission by which the author got the record; null iff the author is its origin. */
export type SendBody = Read<typeof read>

export type Receiver = SendBody['to'][number]

export function encodeSendBody(body: SendBody): CborValue {
  const sent = {
    recordId: nameBytes(body.recordId),
    content: nameBytes(body.content),
    to: body.to.map(({ member, sealingKey }) => ({ member: nameBytes(member), sealingKey: nameBytes(sealingKey) })),
    via: nullableBytes(body.via),
    purpose: body.purpose,
    subject: nullableBytes(body.subject)
  }
  return body.consent === undefined ? sent : { ...sent, consent: nullableBytes(body.consent) }
}

function fault({ author, body }: Subject<SendBody>): FormCode | undefined {
  const receivers = body.to.map(({ member }) => member)
  if (receivers.length === 0) return 'no-receivers'
  if (receivers.length > limits.receiversMax) return 'too-many-receivers'
  if (!isAscending(receivers)) return 'receivers-not-sorted'
  if (receivers.includes(author.member)) return 'self-receiver'
  return body.subject === null || isUsableSignKey(body.subject) ? undefined : 'key-not-acceptable'
}

function judge(context: JudgeContext, tx: Subject<SendBody>): RefusalCode | undefined {
  if (context.author.role !== 'hospital') return 'author-not-hospital'
  return judgeSender(context, tx) ?? judgeReceivers(context, tx.body)
}

function judgeSender({ state }: JudgeContext, { chain, author, nonce, body }: Subject<SendBody>) {
  const record = readRecord(state, body.recordId)
  if (record === undefined) {
    if (body.via !== null) return 'not-a-holder'
    return body.recordId === recordIdOf(chain, author.member, nonce) ? undefined : 'record-id-mismatch'
  }
  if (readRecall(state, body.recordId) !== undefined) return 'recalled'
  if (!isHolder(state, body.recordId, author.member, body.via)) return 'not-a-holder'
  if (body.content !== record.content) return 'content-mismatch'
  return body.subject === (readSubject(state, body.recordId) ?? null) ? undefined : 'subject-mismatch'
}

function judgeReceivers({ state, timeMs }: JudgeContext, { to }: SendBody): RefusalCode | undefined {
  for (const { member: id, sealingKey } of to) {
    const member = readMember(state, id)
    if (member?.role !== 'hospital') return 'not-a-hospital'
    if (member.revoked !== null || (member.until !== null && member.until <= timeMs)) return 'receiver-revoked'
    if (currentKey(member.seals, timeMs)?.key !== sealingKey) return 'stale-sealing-key'
  }
  return undefined
}

export const send: KindRules<SendBody> = {
  modes: ['STT'],
  author: 'member',
  read,
  payload: 'receivers',
  lifetime: 'bounded',
  fault,
  checks: () => [],
  judge,
  apply(state, { id, author, body }, { height, time }) {
    if (readRecord(state, body.recordId) === undefined) {
      const record = { origin: author.member, content: body.content, first: id }
      state.set(stateKeys.record(body.recordId), encodeRecord(record))
      if (body.subject !== null) state.set(stateKeys.subject(body.recordId), encodeCbor(nameBytes(body.subject)))
    }
    const to = body.to.map(({ member }) => member)
    const transmission = { record: body.recordId, author: author.member, to, height, time }
    state.set(stateKeys.transmission(id), encodeTransmission(transmission))
  }
}
