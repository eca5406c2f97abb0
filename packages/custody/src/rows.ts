/**
 * The rows that custody derives from a chain, all under `views/custody/`, values canonical CBOR. A 32-byte name in a key is
 * 64 lower-case hex digits; in a value it is a byte string. Rows are written once and never changed.
 *
 * | key | value |
 * |---|---|
 * | `views/custody/send/<recordId>/<height, 16 digits><place in the block, 5 digits>` | the transmission (`SendRow`) |
 * | `views/custody/ack/<recordId>/<transmission id>/<memberId>` | that receiver's acknowledgement (`AckRow`) |
 * | `views/custody/held/<memberId>/<recordId>` | since when and through which transmission the member holds the record (`HeldRow`) |
 */
import {
  arrayOf,
  assert,
  bytes32,
  decodeCbor,
  encodeCbor,
  type Hash,
  type Height,
  height,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Read,
  type Reader,
  type RecordId,
  type TransactionId,
  uint
} from '@wardline/codec'
import { OUTCOMES, PURPOSES } from '@wardline/ledger'

type KeyRange = { readonly from: string; readonly to: string }

export const rowKeys = {
  send: (record: RecordId, at: Height, place: number) =>
    `views/custody/send/${record}/${String(at).padStart(16, '0')}${String(place).padStart(5, '0')}`,
  ack: (record: RecordId, transmission: TransactionId, member: MemberId) =>
    `views/custody/ack/${record}/${transmission}/${member}`,
  held: (member: MemberId, record: RecordId) => `views/custody/held/${member}/${record}`
} as const

/** `0` is the character after `/`. */
export const rowRanges = {
  sends: (record: RecordId): KeyRange => ({
    from: `views/custody/send/${record}/`,
    to: `views/custody/send/${record}0`
  }),
  acks: (record: RecordId): KeyRange => ({ from: `views/custody/ack/${record}/`, to: `views/custody/ack/${record}0` }),
  held: (member: MemberId): KeyRange => ({ from: `views/custody/held/${member}/`, to: `views/custody/held/${member}0` })
} as const

const readHeight: Reader<Height> = (value) => {
  const number = uint(value)
  return number === undefined ? undefined : height(number)
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
  time: uint,
  height: readHeight,
  place: uint
})
export type AckRow = Read<typeof readAckRow>

const readHeldRow = mapOf({ through: nullable(bytes32<TransactionId>), time: uint, height: readHeight })
export type HeldRow = Read<typeof readHeldRow>

export function encodeSendRow(row: SendRow): Uint8Array {
  return encodeCbor({
    ...row,
    id: nameBytes(row.id),
    via: nullableName(row.via),
    sender: nameBytes(row.sender),
    consent: nullableName(row.consent),
    content: nameBytes(row.content),
    to: row.to.map(nameBytes)
  })
}

export function encodeAckRow(row: AckRow): Uint8Array {
  return encodeCbor({ ...row, id: nameBytes(row.id) })
}

export function encodeHeldRow(row: HeldRow): Uint8Array {
  return encodeCbor({ ...row, through: nullableName(row.through) })
}

export const decodeSendRow = (bytes: Uint8Array): SendRow => decodeRow(bytes, readSendRow)
export const decodeAckRow = (bytes: Uint8Array): AckRow => decodeRow(bytes, readAckRow)
export const decodeHeldRow = (bytes: Uint8Array): HeldRow => decodeRow(bytes, readHeldRow)

function decodeRow<T>(bytes: Uint8Array, read: Reader<T>): T {
  const row = read(decodeCbor(bytes))
  assert(row !== undefined, 'a custody row is well formed')
  return row
}

function nullableName(name: string | null): Uint8Array | null {
  return name === null ? null : nameBytes(name)
}
