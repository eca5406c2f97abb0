/**
 * The rows of the access log of an SPV chain, all under `views/access/`, values canonical CBOR. A 32-byte name in a key is
 * 64 lower-case hex digits; in a value it is a byte string. Rows are written once and never changed.
 *
 * | key | value |
 * |---|---|
 * | `views/access/entry/<alias>/<number, 16 digits>` | one entry of the alias (`AccessEntry`, its number aside) |
 */
import {
  type Alias,
  arrayOf,
  bool,
  bytes32,
  decodeStored,
  encodeCbor,
  type Hash,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Read,
  type Reader,
  type RecordId,
  type RequestId,
  readHeight,
  type TransactionId,
  unreachable
} from '@wardline/codec'
import { ACCESS_STATUSES, DENIALS, PURPOSES } from '@wardline/ledger'
import { digits, entryFields, type KeyRange } from '../entries.ts'

export const rowKeys = {
  entry: (alias: Alias, number: number) => `views/access/entry/${alias}/${digits(number)}`
} as const

/** `0` is the character after `/`. */
export const rowRanges = {
  /** The entries of an alias below the number `before`, if that is given. */
  entries: (alias: Alias, before?: number): KeyRange => ({
    from: `views/access/entry/${alias}/`,
    to: before === undefined ? `views/access/entry/${alias}0` : rowKeys.entry(alias, before)
  })
} as const

const readOpenedRow = mapOf({ kind: oneOf('alias.open'), ...entryFields, custodial: bool })
const readAnchoredRow = mapOf({
  kind: oneOf('spv.anchor'),
  ...entryFields,
  record: bytes32<RecordId>,
  /** The content commitment. */
  content: bytes32<Hash>
})
/** The entry's `id` is the grant's; its terms are in the state. */
const readGrantedRow = mapOf({ kind: oneOf('spv.grant'), ...entryFields })
const readRevokedRow = mapOf({ kind: oneOf('spv.revoke'), ...entryFields, grant: bytes32<TransactionId> })
const readAccessedRow = mapOf({
  kind: oneOf('spv.access'),
  ...entryFields,
  request: bytes32<RequestId>,
  accessor: bytes32<MemberId>,
  purpose: oneOf(...PURPOSES),
  records: arrayOf(bytes32<RecordId>, 1, limits.accessRecordsMax),
  /** Height of the block at which the owner decided. */
  decidedAt: readHeight,
  decision: oneOf('permit', 'deny'),
  status: oneOf(...ACCESS_STATUSES),
  code: nullable(oneOf(...DENIALS)),
  /** The grant that covered it, by the chain's own evaluation. */
  grant: nullable(bytes32<TransactionId>)
})

/** What the row of an entry holds, by kind. */
export type EntryRow =
  | Read<typeof readOpenedRow>
  | Read<typeof readAnchoredRow>
  | Read<typeof readGrantedRow>
  | Read<typeof readRevokedRow>
  | Read<typeof readAccessedRow>

const readEntryRow: Reader<EntryRow> = (value) =>
  readAccessedRow(value) ??
  readAnchoredRow(value) ??
  readGrantedRow(value) ??
  readRevokedRow(value) ??
  readOpenedRow(value)

export function encodeEntryRow(row: EntryRow): Uint8Array {
  const common = { hash: nameBytes(row.hash), id: nameBytes(row.id), hospital: nameBytes(row.hospital) }
  switch (row.kind) {
    case 'alias.open':
    case 'spv.grant':
      return encodeCbor({ ...row, ...common })
    case 'spv.anchor':
      return encodeCbor({ ...row, ...common, record: nameBytes(row.record), content: nameBytes(row.content) })
    case 'spv.revoke':
      return encodeCbor({ ...row, ...common, grant: nameBytes(row.grant) })
    case 'spv.access': {
      const { request, accessor, grant } = row
      const names = { request: nameBytes(request), accessor: nameBytes(accessor), grant: grant && nameBytes(grant) }
      return encodeCbor({ ...row, ...common, ...names, records: row.records.map(nameBytes) })
    }
    default:
      return unreachable(row)
  }
}

export function decodeEntryRow(bytes: Uint8Array): EntryRow {
  return decodeStored(bytes, readEntryRow)
}
