/**
 * What the chain remembers of records on the move. Holdership is read off it: a member holds a record if it is the origin,
 * or if it acknowledged `opened` on a transmission of it, as long as the record is not recalled.
 */

import {
  arrayOf,
  assert,
  bytes32,
  type ChainId,
  decodeStored,
  encodeCbor,
  type Hash,
  type Height,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  oneOf,
  type Reader,
  type RecordId,
  readHeight,
  type SignKey,
  type TransactionId,
  taggedHash,
  uint
} from '@wardline/codec'
import { NONCE_BYTES } from '../kind.ts'
import type { StateView } from '../overlay.ts'
import { stateKeys } from '../state-keys.ts'

/** How a receiver's attempt to take a transmission ended. */
export const OUTCOMES = ['opened', 'mismatch', 'broken-path', 'refused', 'lost-key'] as const
export type Outcome = (typeof OUTCOMES)[number]

export type StoredRecord = {
  readonly origin: MemberId
  /** The content commitment that the first transmission fixed. */
  readonly content: Hash
  /** The first transmission. */
  readonly first: TransactionId
}

/** One `stt.send`, named by its transaction id. */
export type Transmission = {
  readonly record: RecordId
  readonly author: MemberId
  /** Ascending. */
  readonly to: readonly MemberId[]
  readonly height: Height
  /** Block time, milliseconds. */
  readonly time: number
}

/** One receiver's `stt.ack` of one transmission. */
export type Acknowledgement = {
  readonly outcome: Outcome
  /** The acknowledging transaction. */
  readonly id: TransactionId
  readonly height: Height
  readonly time: number
}

/** Where a transaction that happens once to a record is: its recall, or one member's attestation. `time` is the block's, ms. */
export type Mark = { readonly id: TransactionId; readonly height: Height; readonly time: number }

/**
 * `SHA-256("wardline/record/1" || chain || origin || nonce)` with the nonce (16 bytes) of the transaction that creates the
 * record: only its author can bring the id onto the chain.
 */
export function recordIdOf(chain: ChainId, origin: MemberId, nonce: Uint8Array): RecordId {
  assert(nonce.length === NONCE_BYTES, 'a nonce has 16 bytes')
  return taggedHash<RecordId>('wardline/record/1', nameBytes(chain), nameBytes(origin), nonce)
}

/** What `payload.commitment` of an `stt.send` must be for these payload bytes. */
export function envelopeCommitment(envelope: Uint8Array): Hash {
  return taggedHash('wardline/envelope/1', envelope)
}

export function readRecord(state: StateView, id: RecordId): StoredRecord | undefined {
  return decodeStored(state.get(stateKeys.record(id)), readStoredRecord)
}

export function readTransmission(state: StateView, id: TransactionId): Transmission | undefined {
  return decodeStored(state.get(stateKeys.transmission(id)), readStoredTransmission)
}

export function readAcknowledgement(
  state: StateView,
  via: TransactionId,
  receiver: MemberId
): Acknowledgement | undefined {
  return decodeStored(state.get(stateKeys.acknowledgement(via, receiver)), readStoredAcknowledgement)
}

/** The patient's key that may recall the record; undefined where its first transmission named none. */
export function readSubject(state: StateView, id: RecordId): SignKey | undefined {
  return decodeStored(state.get(stateKeys.subject(id)), bytes32<SignKey>)
}

/** The recall of a record, if it was recalled. */
export function readRecall(state: StateView, id: RecordId): Mark | undefined {
  return decodeStored(state.get(stateKeys.recall(id)), readMark)
}

/** A member's word that it destroyed a recalled record, if it gave it. */
export function readAttestation(state: StateView, id: RecordId, member: MemberId): Mark | undefined {
  return decodeStored(state.get(stateKeys.attestation(id, member)), readMark)
}

/**
 * Whether `member` may hand `record` on as something it got by `via`, or as its origin if `via` is null: the one rule of
 * holdership. False where the record is not on the chain, or recalled.
 */
export function isHolder(state: StateView, record: RecordId, member: MemberId, via: TransactionId | null): boolean {
  if (readRecall(state, record) !== undefined) return false
  if (via === null) return readRecord(state, record)?.origin === member
  if (readTransmission(state, via)?.record !== record) return false
  return readAcknowledgement(state, via, member)?.outcome === 'opened'
}

const readStoredRecord: Reader<StoredRecord> = mapOf({
  origin: bytes32<MemberId>,
  content: bytes32<Hash>,
  first: bytes32<TransactionId>
})

const readStoredTransmission: Reader<Transmission> = mapOf({
  record: bytes32<RecordId>,
  author: bytes32<MemberId>,
  to: arrayOf(bytes32<MemberId>, 1, limits.receiversMax),
  height: readHeight,
  time: uint
})

const readStoredAcknowledgement: Reader<Acknowledgement> = mapOf({
  outcome: oneOf(...OUTCOMES),
  id: bytes32<TransactionId>,
  height: readHeight,
  time: uint
})

const readMark: Reader<Mark> = mapOf({ id: bytes32<TransactionId>, height: readHeight, time: uint })

export function encodeMark({ id, height: at, time }: Mark): Uint8Array {
  return encodeCbor({ id: nameBytes(id), height: at, time })
}

export function encodeRecord(record: StoredRecord): Uint8Array {
  const { origin, content, first } = record
  return encodeCbor({ origin: nameBytes(origin), content: nameBytes(content), first: nameBytes(first) })
}

export function encodeTransmission(transmission: Transmission): Uint8Array {
  const { record, author, to, height: at, time } = transmission
  return encodeCbor({ record: nameBytes(record), author: nameBytes(author), to: to.map(nameBytes), height: at, time })
}

export function encodeAcknowledgement(acknowledgement: Acknowledgement): Uint8Array {
  const { outcome, id, height: at, time } = acknowledgement
  return encodeCbor({ outcome, id: nameBytes(id), height: at, time })
}
