/**
 * What this daemon still owes because of a block. A duty is a durable row written in the same batch as the block that makes
 * it, and removed by the block that shows it done; working a duty off twice is harmless.
 *
 * | key | value |
 * |---|---|
 * | `duties/open/<transmission id>` | `{record, sender, time, height}` of an `stt.send` to this hospital: fetch the payload, open it, verify the path, acknowledge. Removed by this hospital's own `stt.ack`, whatever its outcome. |
 *
 * The author of a transmission has no row: it keeps the envelope at least until no receiver's hand-off is `sent` any more,
 * which custody's graph tells, and nothing is removed without being asked.
 */
import {
  assert,
  bytes32,
  decodeCbor,
  encodeCbor,
  type Height,
  height,
  type MemberId,
  mapOf,
  name32,
  nameBytes,
  type Reader,
  type RecordId,
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

const PREFIX = 'duties/open/'

/** All open duties. */
export const openDutyRange = { from: PREFIX, to: 'duties/open0' } as const

/** The duties of `self`. Each daemon folds its own; nobody else's depend on them. */
export function dutiesFold(self: MemberId): Fold {
  return (_reader, { header, transactions }) => {
    const rows = new Map<string, Uint8Array | null>()
    for (const tx of transactions) {
      if (tx.kind === 'stt.send' && tx.body.to.some(({ member }) => member === self)) {
        const duty = { record: nameBytes(tx.body.recordId), sender: nameBytes(tx.author.member) }
        rows.set(PREFIX + tx.id, encodeCbor({ ...duty, time: header.time, height: header.height }))
      } else if (tx.kind === 'stt.ack' && tx.author.member === self) {
        rows.set(PREFIX + tx.body.via, null)
      }
    }
    return Array.from(rows, ([key, value]): Change => ({ key, value }))
  }
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
  for await (const [key, value] of range({ from, to: openDutyRange.to, limit: page.limit })) {
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

/** `nowMs` by the clock or by the head's time; overdue from 24 h on. */
export function isOverdue(duty: OpenDuty, nowMs: number): boolean {
  return nowMs - duty.sinceMs > DUTY_DUE_MS
}

/** The transmission that a change of rows made or closed: for a daemon that starts work at once when a block is committed. */
export function dutyOfChange(
  change: Change
): { readonly transmission: TransactionId; readonly isOpen: boolean } | undefined {
  if (!change.key.startsWith(PREFIX)) return undefined
  return { transmission: name32<TransactionId>(change.key.slice(PREFIX.length)), isOpen: change.value !== null }
}

const readHeight: Reader<Height> = (value) => {
  const number = uint(value)
  return number === undefined ? undefined : height(number)
}

const readDuty = mapOf({ record: bytes32<RecordId>, sender: bytes32<MemberId>, time: uint, height: readHeight })

function parseDuty(key: string, value: Uint8Array): OpenDuty {
  const duty = readDuty(decodeCbor(value))
  assert(duty !== undefined, 'a duty row is well formed')
  const { time, ...rest } = duty
  return { transmission: name32<TransactionId>(key.slice(PREFIX.length)), ...rest, sinceMs: time }
}
