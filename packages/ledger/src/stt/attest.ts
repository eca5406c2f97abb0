/**
 * `stt.attest`: a hospital says, once, that it has destroyed what it had of a recalled record. Its word, under its signature:
 * no rule can look, and who never says it stays on the list of those who have not.
 */
import {
  bytes32,
  type CborValue,
  mapOf,
  nameBytes,
  nullable,
  type Read,
  type RecordId,
  type TransactionId
} from '@wardline/codec'
import type { KindRules } from '../kind.ts'
import { nullableBytes } from '../membership/member.ts'
import { stateKeys } from '../state-keys.ts'
import { encodeMark, readAttestation, readRecall, readRecord, readTransmission } from './record.ts'

const read = mapOf({ recordId: bytes32<RecordId>, via: nullable(bytes32<TransactionId>) })

/** `via`: one transmission by which the author was sent the record; null where it is the origin. */
export type AttestBody = Read<typeof read>

export function encodeAttestBody({ recordId, via }: AttestBody): CborValue {
  return { recordId: nameBytes(recordId), via: nullableBytes(via) }
}

export const attest: KindRules<AttestBody> = {
  modes: ['STT'],
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault: () => undefined,
  checks: () => [],
  judge({ state, author }, { author: { member }, body: { recordId, via } }) {
    if (author.role !== 'hospital') return 'author-not-hospital'
    const record = readRecord(state, recordId)
    if (record === undefined) return 'unknown-record'
    if (readRecall(state, recordId) === undefined) return 'not-recalled'
    const transmission = via === null ? undefined : readTransmission(state, via)
    const wasSent = transmission?.record === recordId && transmission.to.includes(member)
    if (via === null ? record.origin !== member : !wasSent) return 'not-a-receiver'
    return readAttestation(state, recordId, member) === undefined ? undefined : 'already-attested'
  },
  apply(state, { id, author, body }, { height, time }) {
    state.set(stateKeys.attestation(body.recordId, author.member), encodeMark({ id, height, time }))
  }
}
