/**
 * What this daemon still owes because of a block. A duty is a durable row written in the same batch as the block that makes
 * it, and removed by the block that shows it done; working a duty off twice is harmless.
 *
 * | key | value |
 * |---|---|
 * | `duties/open/<transmission id>` | `{record, sender, time, height}` of an `stt.send` to this hospital: fetch the payload, open it, verify the path, acknowledge. Removed by this hospital's own `stt.ack`, whatever its outcome. |
 * | `duties/copy/<recordId>` | `{via}`: no duty yet. The first transmission of the record to this hospital, null where it is the origin: whose copies a recall makes it destroy. Never removed. |
 * | `duties/erase/<recordId>` | `{via, time, height}` of an `stt.recall` of a record of which this hospital has copies: destroy them, attest. Removed by this hospital's own `stt.attest`. |
 *
 * The author of a transmission has no row: it keeps the envelope at least until no receiver's hand-off is `sent` any more,
 * which custody's graph tells, and nothing is removed without being asked.
 */
import {
  bytes32,
  decodeStored,
  encodeCbor,
  type Height,
  type MemberId,
  mapOf,
  name32,
  nameBytes,
  nullable,
  type RecordId,
  readHeight,
  type TransactionId,
  uint
} from '@wardline/codec'
import type { Change, Fold } from '@wardline/ledger'

/** A transmission that this hospital has not acknowledged yet. */
export type OpenDuty = {
  readonly transmission: TransactionId
  readonly record: RecordId
  readonly sender: MemberId
  /** Time and height of the block that made it. */
  readonly sinceMs: number
  readonly height: Height
}

/** A duty is overdue after this long. */
export const DUTY_DUE_MS = 24 * 60 * 60 * 1000

/** A recalled record of which this hospital has copies that it has not said to be destroyed. */
export type EraseDuty = {
  readonly record: RecordId
  /** What `stt.attest` names: a transmission to this hospital, null where it is the origin. */
  readonly via: TransactionId | null
  /** Time and height of the block that holds the recall. */
  readonly sinceMs: number
  readonly height: Height
}

const PREFIX = 'duties/open/'
const COPY_PREFIX = 'duties/copy/'
const ERASE_PREFIX = 'duties/erase/'

/** The duties of `self`. Each daemon folds its own; nobody else's depend on them. */
export function dutiesFold(self: MemberId): Fold {
  return (reader, { header, transactions }) => {
    const rows = new Map<string, Uint8Array | null>()
    const read = (key: string) => rows.get(key) ?? reader.get(key)
    const since = { time: header.time, height: header.height }
    for (const tx of transactions) {
      if (tx.kind === 'stt.send') {
        const { recordId, to, via } = tx.body
        const isReceiver = to.some(({ member }) => member === self)
        const isOrigin = tx.author.member === self && via === null
        if (!isReceiver && !isOrigin) continue
        const key = COPY_PREFIX + recordId
        if (read(key) === undefined) rows.set(key, encodeCbor(copyRow(isReceiver ? tx.id : null)))
        if (!isReceiver) continue
        const duty = { record: nameBytes(recordId), sender: nameBytes(tx.author.member) }
        rows.set(PREFIX + tx.id, encodeCbor({ ...duty, ...since }))
      } else if (tx.kind === 'stt.ack' && tx.author.member === self) {
        for (const { via } of tx.body.acks) rows.set(PREFIX + via, null)
      } else if (tx.kind === 'stt.recall') {
        const copy = decodeStored(read(COPY_PREFIX + tx.body.recordId), readCopy)
        if (copy !== undefined)
          rows.set(ERASE_PREFIX + tx.body.recordId, encodeCbor({ ...copyRow(copy.via), ...since }))
      } else if (tx.kind === 'stt.attest' && tx.author.member === self) {
        rows.set(ERASE_PREFIX + tx.body.recordId, null)
      }
    }
    return Array.from(rows, ([key, value]): Change => ({ key, value }))
  }
}

function copyRow(via: TransactionId | null) {
  return { via: via === null ? null : nameBytes(via) }
}

/** Entries with `from <= key < to`, ascending by key, at most `limit`: a key-value store's `range`. */
export type RangeRead = (options: {
  readonly from: string
  readonly to: string
  readonly limit?: number
}) => AsyncIterable<readonly [key: string, value: Uint8Array]>

/** Open duties by transmission id, at most `limit`, after the given one. */
export async function pendingDuties(
  range: RangeRead,
  page: { readonly after?: TransactionId; readonly limit: number }
): Promise<OpenDuty[]> {
  const from = page.after === undefined ? PREFIX : `${PREFIX}${page.after}0`
  const duties: OpenDuty[] = []
  for await (const [key, value] of range({ from, to: 'duties/open0', limit: page.limit })) {
    duties.push(parseDuty(key, value))
  }
  return duties
}

/** The duty of one transmission; undefined once it is acknowledged, or if it is not to this hospital. */
export function openDuty(
  reader: { get(key: string): Uint8Array | undefined },
  transmission: TransactionId
): OpenDuty | undefined {
  const key = PREFIX + transmission
  const value = reader.get(key)
  return value === undefined ? undefined : parseDuty(key, value)
}

/** Recalled records to destroy, by recordId, at most `limit`, after the given one. */
export async function pendingErasures(
  range: RangeRead,
  page: { readonly after?: RecordId; readonly limit: number }
): Promise<EraseDuty[]> {
  const from = page.after === undefined ? ERASE_PREFIX : `${ERASE_PREFIX}${page.after}0`
  const duties: EraseDuty[] = []
  for await (const [key, value] of range({ from, to: 'duties/erase0', limit: page.limit })) {
    const { via, time, height } = decodeStored(value, readErase)
    duties.push({ record: name32<RecordId>(key.slice(ERASE_PREFIX.length)), via, sinceMs: time, height })
  }
  return duties
}

/** `nowMs` by the clock or by the head's time; overdue from 24 h on. */
export function isOverdue(duty: Pick<OpenDuty, 'sinceMs'>, nowMs: number): boolean {
  return nowMs - duty.sinceMs > DUTY_DUE_MS
}

const readCopy = mapOf({ via: nullable(bytes32<TransactionId>) })
const readErase = mapOf({ via: nullable(bytes32<TransactionId>), time: uint, height: readHeight })
const readDuty = mapOf({ record: bytes32<RecordId>, sender: bytes32<MemberId>, time: uint, height: readHeight })

function parseDuty(key: string, value: Uint8Array): OpenDuty {
  const { time, ...rest } = decodeStored(value, readDuty)
  return { transmission: name32<TransactionId>(key.slice(PREFIX.length)), ...rest, sinceMs: time }
}
