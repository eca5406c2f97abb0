/**
 * The rows of timelines in an alliance, all under `views/timeline/`, values canonical CBOR. A 32-byte name in a key is 64
 * lower-case hex digits; in a value it is a byte string. Rows are written once and never changed.
 *
 * | key | value |
 * |---|---|
 * | `views/timeline/entry/<alias>/<number, 16 digits>` | one entry of the patient (`TimelineEntry`, its number aside) |
 * | `views/timeline/version/<recordId>/<version, 16 digits>` | `{alias, number}` of the entry that wrote this version |
 */
import {
  type Alias,
  arrayOf,
  bool,
  bytes32,
  type CborValue,
  decodeStored,
  encodeCbor,
  type Hash,
  integerFrom,
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
  uint,
  unreachable
} from '@wardline/codec'
import { BASES, CLINICAL_ROLES, PURPOSES } from '@wardline/ledger'
import { digits, entryFields, type KeyRange } from '../entries.ts'

export const rowKeys = {
  entry: (alias: Alias, number: number) => `views/timeline/entry/${alias}/${digits(number)}`,
  version: (record: RecordId, version: number) => `views/timeline/version/${record}/${digits(version)}`
} as const

/** `0` is the character after `/`. */
export const rowRanges = {
  /** The entries of an alias below `before`, if that is given. */
  entries: (alias: Alias, before?: number): KeyRange => ({
    from: `views/timeline/entry/${alias}/`,
    to: before === undefined ? `views/timeline/entry/${alias}0` : rowKeys.entry(alias, before)
  }),
  versions: (record: RecordId): KeyRange => ({
    from: `views/timeline/version/${record}/`,
    to: `views/timeline/version/${record}0`
  })
} as const

const version = {
  record: bytes32<RecordId>,
  /** Number of the version, from 1. */
  version: uint,
  supersedes: nullable(bytes32<TransactionId>),
  /** The content commitment. */
  content: bytes32<Hash>,
  doctors: arrayOf(mapOf({ member: bytes32<MemberId>, role: oneOf(...CLINICAL_ROLES) }), 1, limits.recordDoctorsMax),
  /** Whether its author had not seen the newest record before it. */
  concurrent: bool,
  /** Of the payload, bytes. */
  size: uint
}

const readEnrolRow = mapOf({ kind: oneOf('dss.enrol'), ...entryFields, until: uint, basis: oneOf(...BASES) })
const readWithdrawRow = mapOf({ kind: oneOf('dss.withdraw'), ...entryFields })
const readVersionRow = mapOf({ kind: oneOf('dss.record', 'dss.amend'), ...entryFields, ...version })
const readAccessRow = mapOf({
  kind: oneOf('dss.access'),
  ...entryFields,
  records: arrayOf(mapOf({ record: bytes32<RecordId>, version: bytes32<TransactionId> }), 1, limits.accessRecordsMax),
  reader: nullable(bytes32<MemberId>),
  purpose: oneOf(...PURPOSES)
})

export type VersionRow = Read<typeof readVersionRow>

/** What the row of an entry holds, by kind. */
export type EntryRow =
  | Read<typeof readEnrolRow>
  | Read<typeof readWithdrawRow>
  | VersionRow
  | Read<typeof readAccessRow>

/** The kinds that are entries of a timeline. */
export type TimelineKind = EntryRow['kind']

const readEntryRow: Reader<EntryRow> = (value) =>
  readVersionRow(value) ?? readAccessRow(value) ?? readEnrolRow(value) ?? readWithdrawRow(value)

export function encodeEntryRow(row: EntryRow): Uint8Array {
  const { hash, id, hospital } = row
  const names = { hash: nameBytes(hash), id: nameBytes(id), hospital: nameBytes(hospital) }
  return encodeCbor({ ...row, ...names, ...namesOf(row) })
}

/** The names in what only this kind has, as bytes. */
function namesOf(row: EntryRow): Readonly<Record<string, CborValue>> {
  switch (row.kind) {
    case 'dss.enrol':
    case 'dss.withdraw':
      return {}
    case 'dss.record':
    case 'dss.amend':
      return {
        record: nameBytes(row.record),
        supersedes: nullableName(row.supersedes),
        content: nameBytes(row.content),
        doctors: row.doctors.map(({ member, role }) => ({ member: nameBytes(member), role }))
      }
    case 'dss.access':
      return {
        records: row.records.map((one) => ({ record: nameBytes(one.record), version: nameBytes(one.version) })),
        reader: nullableName(row.reader)
      }
    default:
      return unreachable(row)
  }
}

export function decodeEntryRow(bytes: Uint8Array): EntryRow {
  return decodeStored(bytes, readEntryRow)
}

const readVersionPlace = mapOf({ alias: bytes32<Alias>, number: integerFrom(1, Number.MAX_SAFE_INTEGER) })
export type VersionPlace = Read<typeof readVersionPlace>

export function encodeVersionPlace({ alias, number }: VersionPlace): Uint8Array {
  return encodeCbor({ alias: nameBytes(alias), number })
}

export function decodeVersionPlace(bytes: Uint8Array): VersionPlace {
  return decodeStored(bytes, readVersionPlace)
}

function nullableName(name: string | null): Uint8Array | null {
  return name === null ? null : nameBytes(name)
}
