/**
 * Every key of a chain's state, with its value. A 32-byte name in a key is 64 lower-case hex digits; all values are
 * canonical CBOR, in which it is a byte string. All but `seen/` go into the changes root and so into `appHash`.
 *
 * | key | value |
 * |---|---|
 * | `chain/parameters` | the genesis parameters (`Parameters` of parameters.ts) |
 * | `chain/registrar` | memberId of the registrar |
 * | `chain/validators` | `{epoch, members}`: epoch and memberIds of the validators, ascending |
 * | `chain/hosts` | how many members have a libp2p key |
 * | `host/<libp2p key>` | memberId of the one member with this libp2p key; removed when it is revoked |
 * | `member/<memberId>` | the member (`Member` of membership/member.ts); never removed |
 * | `stt/record/<recordId>` | the record (`StoredRecord` of stt/record.ts); never removed |
 * | `stt/transmission/<transaction id>` | the transmission (`Transmission` of stt/record.ts); never removed |
 * | `stt/ack/<transaction id>/<memberId>` | that receiver's acknowledgement (`Acknowledgement` of stt/record.ts); never removed |
 * | `seen/<expires, 16 digits>/<transaction id>` | height of the block that holds the transaction; removable once the applied block's time has reached `expires` |
 */
import type { MemberId, RecordId, SignKey, TransactionId } from '@wardline/codec'

export const stateKeys = {
  parameters: 'chain/parameters',
  registrar: 'chain/registrar',
  validators: 'chain/validators',
  hosts: 'chain/hosts',
  host: (key: SignKey) => `host/${key}`,
  member: (id: MemberId) => `member/${id}`,
  record: (id: RecordId) => `stt/record/${id}`,
  transmission: (id: TransactionId) => `stt/transmission/${id}`,
  acknowledgement: (via: TransactionId, receiver: MemberId) => `stt/ack/${via}/${receiver}`,
  seen: (expires: number, id: TransactionId) => `seen/${timeDigits(expires)}/${id}`
} as const

/** A range of keys, `from <= key < to`. */
export type KeyRange = { readonly from: string; readonly to: string }

/** All members. */
export const memberRange: KeyRange = { from: 'member/', to: 'member0' }
/** All members with a libp2p key, by that key: whom to connect. */
export const hostRange: KeyRange = { from: 'host/', to: 'host0' }

/** All transmissions' acknowledgements of one transmission. */
export function acknowledgementRange(via: TransactionId): KeyRange {
  return { from: `stt/ack/${via}/`, to: `stt/ack/${via}0` }
}

/**
 * The seen ids that no rule can read any more once a block of this time (milliseconds) is applied. Removing them is
 * housekeeping by applied block time, never by the clock, and is no part of the changes root.
 */
export function expiredSeenRange(blockTimeMs: number): KeyRange {
  return { from: 'seen/', to: `seen/${timeDigits(blockTimeMs + 1)}` }
}

/** Fixed width, so that keys sort as times do; 2^53 - 1 has 16 digits. */
function timeDigits(timeMs: number): string {
  return String(timeMs).padStart(16, '0')
}
