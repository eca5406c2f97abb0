/**
 * Every key of a chain's state, with its value. A 32-byte name in a key is 64 lower-case hex digits; all values are
 * canonical CBOR, in which it is a byte string. All but `seen/` go into the changes root and so into `appHash`.
 *
 * | key | value |
 * |---|---|
 * | `chain/parameters` | the genesis parameters (`Parameters` of parameters.ts) |
 * | `chain/registrar` | memberId of the registrar |
 * | `chain/validators` | `{epoch, members}`: the epoch of the next block, and memberIds of its validators, ascending |
 * | `chain/mode` | the mode of the chain, `DSS`, `STT` or `SPV` |
 * | `chain/fence` | what a DSS chain may hold and why (`Fence` of fence.ts); no other chain has it |
 * | `chain/block/<height, 12 digits>` | on an SPV chain `{digest, time}` of every block below the last one, the genesis included |
 * | `entry/<alias>` | how many entries the alias has, and the hash that links them (`Entries` of entries.ts) |
 * | `chain/hosts` | how many members have a libp2p key |
 * | `host/<libp2p key>` | memberId of the one member with this libp2p key; removed when it is revoked |
 * | `evidence/<memberId>` | what was reported of a validator (`Offence[]` of evidence.ts), oldest first; never removed |
 * | `member/<memberId>` | the member (`Member` of membership/member.ts); never removed |
 * | `stt/record/<recordId>` | the record (`StoredRecord` of stt/record.ts); never removed |
 * | `stt/transmission/<transaction id>` | the transmission (`Transmission` of stt/record.ts); never removed |
 * | `stt/ack/<transaction id>/<memberId>` | that receiver's acknowledgement (`Acknowledgement` of stt/record.ts); never removed |
 * | `stt/subject/<recordId>` | the patient's key that may recall the record, where its first transmission named one; never removed |
 * | `stt/recall/<recordId>` | the recall (`Mark` of stt/record.ts); never removed |
 * | `stt/attested/<recordId>/<memberId>` | that member's attestation (`Mark` of stt/record.ts); never removed |
 * | `dss/enrolment/<alias>` | the newest enrolment of the alias (`Enrolment` of dss/enrolment.ts); never removed |
 * | `dss/head/<alias>` | hash of the alias's newest entry that is a record or an amendment |
 * | `dss/record/<recordId>` | the record (`PatientRecord` of dss/versions.ts); never removed |
 * | `dss/version/<transaction id>` | one version of a record (`RecordVersion` of dss/versions.ts); never removed |
 * | `spv/alias/<alias>` | the alias and its hospital (`OpenedAlias` of spv/rows.ts); never removed |
 * | `spv/record/<recordId>` | the anchored record (`AnchoredRecord` of spv/rows.ts); never removed |
 * | `spv/grant/<transaction id>` | the grant, and its end (`Grant` of spv/rows.ts); never removed |
 * | `spv/grants/<alias>/m/<memberId>` | the alias's grants to that member (`GrantSummary[]` of spv/rows.ts), oldest first |
 * | `spv/grants/<alias>/r/<memberId>/<role>` | those to a role at that hospital |
 * | `spv/grants/<alias>/x` | those by expressions over attributes |
 * | `spv/request/<requestId>` | the one access that answers the request (`AnsweredRequest` of spv/rows.ts); never removed |
 * | `seen/<expires, 16 digits>/<transaction id>` | height of the block that holds the transaction; removable once the applied block's time has reached `expires` |
 */
import type { Alias, Height, MemberId, RecordId, RequestId, SignKey, TransactionId } from '@wardline/codec'

export const stateKeys = {
  parameters: 'chain/parameters',
  registrar: 'chain/registrar',
  mode: 'chain/mode',
  fence: 'chain/fence',
  block: (height: Height) => `chain/block/${String(height).padStart(12, '0')}`,
  entries: (alias: Alias) => `entry/${alias}`,
  validators: 'chain/validators',
  hosts: 'chain/hosts',
  host: (key: SignKey) => `host/${key}`,
  member: (id: MemberId) => `member/${id}`,
  offences: (id: MemberId) => `evidence/${id}`,
  record: (id: RecordId) => `stt/record/${id}`,
  transmission: (id: TransactionId) => `stt/transmission/${id}`,
  acknowledgement: (via: TransactionId, receiver: MemberId) => `stt/ack/${via}/${receiver}`,
  subject: (id: RecordId) => `stt/subject/${id}`,
  recall: (id: RecordId) => `stt/recall/${id}`,
  attestation: (id: RecordId, member: MemberId) => `stt/attested/${id}/${member}`,
  enrolment: (alias: Alias) => `dss/enrolment/${alias}`,
  recordHead: (alias: Alias) => `dss/head/${alias}`,
  patientRecord: (id: RecordId) => `dss/record/${id}`,
  recordVersion: (id: TransactionId) => `dss/version/${id}`,
  alias: (alias: Alias) => `spv/alias/${alias}`,
  anchored: (id: RecordId) => `spv/record/${id}`,
  grant: (id: TransactionId) => `spv/grant/${id}`,
  grantsTo: (alias: Alias, member: MemberId) => `spv/grants/${alias}/m/${member}`,
  grantsToRole: (alias: Alias, hospital: MemberId, role: string) => `spv/grants/${alias}/r/${hospital}/${role}`,
  grantsByExpression: (alias: Alias) => `spv/grants/${alias}/x`,
  request: (id: RequestId) => `spv/request/${id}`,
  seen: (expires: number, id: TransactionId) => `seen/${timeDigits(expires)}/${id}`
} as const

/** A range of keys, `from <= key < to`. */
export type KeyRange = { readonly from: string; readonly to: string }

/** All members. */
export const memberRange: KeyRange = { from: 'member/', to: 'member0' }
/** All members with a libp2p key, by that key: whom to connect. */
export const hostRange: KeyRange = { from: 'host/', to: 'host0' }

/** All validators of which something was reported. */
export const offenceRange: KeyRange = { from: 'evidence/', to: 'evidence0' }

/** All transmissions' acknowledgements of one transmission. */
export function acknowledgementRange(via: TransactionId): KeyRange {
  return { from: `stt/ack/${via}/`, to: `stt/ack/${via}0` }
}

/** The buckets of an alias's grants. */
export function grantsRange(alias: Alias): KeyRange {
  return { from: `spv/grants/${alias}/`, to: `spv/grants/${alias}0` }
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
