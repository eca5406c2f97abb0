/**
 * The rows that custody derives from a chain, all under `views/custody/`, values canonical CBOR. A 32-byte name in a key is
 * 64 lower-case hex digits; in a value it is a byte string. A position is a height (16 digits) and the place in the block (5
 * digits). Rows are written once and never changed, but that a hand-off leaves `state/sent` when it is acknowledged.
 *
 * | key | value |
 * |---|---|
 * | `views/custody/send/<recordId>/<position>` | the transmission (`SendRow`) |
 * | `views/custody/ack/<recordId>/<transmission id>/<memberId>` | that receiver's acknowledgement (`AckRow`) |
 * | `views/custody/held/<memberId>/<recordId>` | since when and through which transmission the member holds the record (`HeldRow`) |
 * | `views/custody/holder/<recordId>/<position>` | who came to hold the record by the transaction there, and how (`HolderRow`) |
 * | `views/custody/at/<transmission id>` | where the transmission's row is (`PlaceRow`) |
 * | `views/custody/between/<sender>/<receiver>/<block time, 16 digits><place>` | where the transmission's row is (`PlaceRow`) |
 * | `views/custody/recall/<recordId>` | the recall of the record (`MarkRow`) |
 * | `views/custody/attested/<recordId>/<memberId>` | the member's word that it destroyed what it had of the record (`AttestedRow`) |
 * | `views/custody/recalled/<position of the recall>` | recordId |
 * | `views/custody/unconsented/<position>` | recordId, for every transmission that names no consent |
 * | `views/custody/consented/<consent>/<position>` | recordId, for every transmission that names this one |
 * | `views/custody/state/<state>/<position of the transmission>/<receiver>` | recordId, for every hand-off that is not `opened` |
 */
import {
  arrayOf,
  bytes32,
  type ContentKey,
  decodeStored,
  encodeCbor,
  type Hash,
  type Height,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  optional,
  type Read,
  type RecordId,
  readHeight,
  type TransactionId,
  uint
} from '@wardline/codec'
import { OUTCOMES, PURPOSES } from '@wardline/ledger'
import type { DeliveryState } from './graph.ts'

export type KeyRange = { readonly from: string; readonly to: string }

/** A hand-off's state other than that all is well: these are listed for the whole chain. */
export type OpenState = Exclude<DeliveryState, 'opened'>

export const rowKeys = {
  send: (record: RecordId, at: Height, place: number) => `views/custody/send/${record}/${ordered(at, place)}`,
  ack: (record: RecordId, transmission: TransactionId, member: MemberId) =>
    `views/custody/ack/${record}/${transmission}/${member}`,
  held: (member: MemberId, record: RecordId) => `views/custody/held/${member}/${record}`,
  holder: (record: RecordId, at: Height, place: number) => `views/custody/holder/${record}/${ordered(at, place)}`,
  at: (transmission: TransactionId) => `views/custody/at/${transmission}`,
  between: (sender: MemberId, receiver: MemberId, timeMs: number, place: number) =>
    `views/custody/between/${sender}/${receiver}/${ordered(timeMs, place)}`,
  recall: (record: RecordId) => `views/custody/recall/${record}`,
  attested: (record: RecordId, member: MemberId) => `views/custody/attested/${record}/${member}`,
  recalled: (at: Height, place: number) => `views/custody/recalled/${ordered(at, place)}`,
  unconsented: (at: Height, place: number) => `views/custody/unconsented/${ordered(at, place)}`,
  consented: (consent: Hash, at: Height, place: number) => `views/custody/consented/${consent}/${ordered(at, place)}`,
  state: (state: OpenState, at: Height, place: number, receiver: MemberId) =>
    `views/custody/state/${state}/${ordered(at, place)}/${receiver}`
} as const

/** A height or a time, and a place, so that keys sort as the chain does: 2^53 - 1 has 16 digits. */
export function ordered(at: number, place: number): string {
  return String(at).padStart(16, '0') + String(place).padStart(5, '0')
}

export const rowRanges = {
  sends: (record: RecordId) => under(`views/custody/send/${record}/`),
  acks: (record: RecordId) => under(`views/custody/ack/${record}/`),
  acksOf: (record: RecordId, transmission: TransactionId) => under(`views/custody/ack/${record}/${transmission}/`),
  held: (member: MemberId) => under(`views/custody/held/${member}/`),
  holders: (record: RecordId) => under(`views/custody/holder/${record}/`),
  between: (sender: MemberId, receiver: MemberId) => under(`views/custody/between/${sender}/${receiver}/`),
  senders: () => under('views/custody/between/'),
  receivers: (sender: MemberId) => under(`views/custody/between/${sender}/`),
  attested: (record: RecordId) => under(`views/custody/attested/${record}/`),
  recalled: () => under('views/custody/recalled/'),
  unconsented: () => under('views/custody/unconsented/'),
  consented: (consent: Hash) => under(`views/custody/consented/${consent}/`),
  states: (state: OpenState) => under(`views/custody/state/${state}/`)
} as const

/** Every key under the prefix: `0` is the character after `/`. */
function under(prefix: `${string}/`): KeyRange {
  return { from: prefix, to: `${prefix.slice(0, -1)}0` }
}

const readSendRow = mapOf({
  id: bytes32<TransactionId>,
  via: nullable(bytes32<TransactionId>),
  sender: bytes32<MemberId>,
  time: uint,
  height: readHeight,
  place: uint,
  purpose: oneOf(...PURPOSES),
  consent: nullable(bytes32<Hash>),
  content: bytes32<Hash>,
  to: arrayOf(bytes32<MemberId>, 1, limits.receiversMax)
})
/** `time` is the block's, milliseconds; `place` the transaction's place in it, from 0. */
export type SendRow = Read<typeof readSendRow>

const readAckRow = mapOf({
  id: bytes32<TransactionId>,
  outcome: oneOf(...OUTCOMES),
  contentKey: optional(bytes32<ContentKey>),
  time: uint,
  height: readHeight,
  place: uint
})
export type AckRow = Read<typeof readAckRow>

const readHeldRow = mapOf({ through: nullable(bytes32<TransactionId>), time: uint, height: readHeight })
export type HeldRow = Read<typeof readHeldRow>

const readHolderRow = mapOf({
  member: bytes32<MemberId>,
  through: nullable(bytes32<TransactionId>),
  time: uint,
  height: readHeight,
  place: uint
})
/** `through` is null for the origin, which holds the record from its first transmission on. */
export type HolderRow = Read<typeof readHolderRow>

const readMarkRow = mapOf({ id: bytes32<TransactionId>, time: uint, height: readHeight, place: uint })
/** Where the transaction is that says something once. */
export type MarkRow = Read<typeof readMarkRow>

const readAttestedRow = mapOf({
  id: bytes32<TransactionId>,
  via: nullable(bytes32<TransactionId>),
  time: uint,
  height: readHeight,
  place: uint
})
/** `via` is null where the member is the origin. */
export type AttestedRow = Read<typeof readAttestedRow>

const readPlaceRow = mapOf({ record: bytes32<RecordId>, height: readHeight, place: uint })
export type PlaceRow = Read<typeof readPlaceRow>

// Names in canonical order, which saves the encoder sorting them: a fold writes seven rows for each hand-off.
export function encodeSendRow(row: SendRow): Uint8Array {
  return encodeCbor({
    id: nameBytes(row.id),
    to: row.to.map(nameBytes),
    via: nullableName(row.via),
    time: row.time,
    place: row.place,
    height: row.height,
    sender: nameBytes(row.sender),
    consent: nullableName(row.consent),
    content: nameBytes(row.content),
    purpose: row.purpose
  })
}

export function encodeAckRow({ id, time, place, height, outcome, contentKey }: AckRow): Uint8Array {
  const row = { id: nameBytes(id), time, place, height, outcome }
  return encodeCbor(contentKey === undefined ? row : { ...row, contentKey: nameBytes(contentKey) })
}

export function encodeHeldRow({ time, height, through }: HeldRow): Uint8Array {
  return encodeCbor({ time, height, through: nullableName(through) })
}

export function encodeHolderRow({ time, place, height, member, through }: HolderRow): Uint8Array {
  return encodeCbor({ time, place, height, member: nameBytes(member), through: nullableName(through) })
}

export function encodePlaceRow({ place, height, record }: PlaceRow): Uint8Array {
  return encodeCbor({ place, height, record: nameBytes(record) })
}

export function encodeMarkRow({ id, time, place, height }: MarkRow): Uint8Array {
  return encodeCbor({ id: nameBytes(id), time, place, height })
}

export function encodeAttestedRow({ id, via, time, place, height }: AttestedRow): Uint8Array {
  return encodeCbor({ id: nameBytes(id), via: nullableName(via), time, place, height })
}

export function encodeRecordRow(record: RecordId): Uint8Array {
  return encodeCbor(nameBytes(record))
}

export const decodeSendRow = (bytes: Uint8Array): SendRow => decodeStored(bytes, readSendRow)
export const decodeAckRow = (bytes: Uint8Array): AckRow => decodeStored(bytes, readAckRow)
export const decodeHeldRow = (bytes: Uint8Array): HeldRow => decodeStored(bytes, readHeldRow)
export const decodeHolderRow = (bytes: Uint8Array): HolderRow => decodeStored(bytes, readHolderRow)
export const decodePlaceRow = (bytes: Uint8Array): PlaceRow => decodeStored(bytes, readPlaceRow)
export const decodeMarkRow = (bytes: Uint8Array): MarkRow => decodeStored(bytes, readMarkRow)
export const decodeAttestedRow = (bytes: Uint8Array): AttestedRow => decodeStored(bytes, readAttestedRow)
export const decodeRecordRow = (bytes: Uint8Array): RecordId => decodeStored(bytes, bytes32<RecordId>)

function nullableName(name: string | null): Uint8Array | null {
  return name === null ? null : nameBytes(name)
}
