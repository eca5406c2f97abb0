/** Custody's questions that read rows: the graph of one record, and what one member holds. Never a scan of the chain. */
import { assert, type Height, limits, type MemberId, name32, type RecordId, type TransactionId } from '@wardline/codec'
import type { CustodyGraph, Delivery, Transmission } from './graph.ts'
import { type AckRow, decodeAckRow, decodeHeldRow, decodeSendRow, rowKeys, rowRanges } from './rows.ts'

/** A table of rows under the keys that the fold wrote; a chain's key-value store is one. */
export interface Rows {
  get(key: string): Uint8Array | undefined
  /** Entries with `from <= key < to`, ascending by key, at most `limit`. */
  range(options: {
    readonly from: string
    readonly to: string
    readonly limit?: number
  }): AsyncIterable<readonly [key: string, value: Uint8Array]>
}

/** The graph of a record as of now; undefined if the chain has no such record. */
export async function traceRecord(rows: Rows, recordId: RecordId): Promise<CustodyGraph | undefined> {
  const sends = []
  for await (const [, value] of rows.range({ ...rowRanges.sends(recordId), limit: limits.traceTransmissionsMax + 1 })) {
    sends.push(decodeSendRow(value))
  }
  const [first] = sends
  if (first === undefined) return undefined
  assert(first.via === null, 'the first transmission of a record is by its origin')
  const kept = sends.slice(0, limits.traceTransmissionsMax)
  const acks = await readAcks(rows, recordId, kept.length)
  const transmissions = kept.map(
    ({ time, to, ...send }): Transmission => ({
      ...send,
      timeMs: time,
      to: to.map((member) => deliveryOf(member, acks.get(`${send.id}/${member}`)))
    })
  )
  return { recordId, origin: first.sender, transmissions, complete: kept.length === sends.length }
}

/** Acknowledgements by `<transmission>/<member>`. */
async function readAcks(rows: Rows, recordId: RecordId, transmissions: number): Promise<Map<string, AckRow>> {
  const { from, to } = rowRanges.acks(recordId)
  const acks = new Map<string, AckRow>()
  for await (const [key, value] of rows.range({ from, to, limit: transmissions * limits.receiversMax })) {
    acks.set(key.slice(from.length), decodeAckRow(value))
  }
  return acks
}

function deliveryOf(member: MemberId, ack: AckRow | undefined): Delivery {
  if (ack === undefined) return { member, state: 'sent', ack: null }
  return { member, state: ack.outcome, ack: { id: ack.id, timeMs: ack.time, height: ack.height, place: ack.place } }
}

export type HeldRecord = {
  readonly recordId: RecordId
  /** The transmission by which the member may send it on: the `via` to name; null where the member is the origin. */
  readonly through: TransactionId | null
  readonly sinceMs: number
  readonly sinceHeight: Height
}

/**
 * The records that a member holds: those it originated and has sent, and those it opened. By recordId, at most `limit`,
 * after the given one. Records that a hospital has never sent are not on the chain and so not here.
 */
export async function heldRecords(
  rows: Rows,
  member: MemberId,
  page: { readonly after?: RecordId; readonly limit: number }
): Promise<HeldRecord[]> {
  const range = rowRanges.held(member)
  const from = page.after === undefined ? range.from : `${range.from}${page.after}0`
  const held: HeldRecord[] = []
  for await (const [key, value] of rows.range({ from, to: range.to, limit: page.limit })) {
    held.push(heldOf(name32<RecordId>(key.slice(range.from.length)), value))
  }
  return held
}

/** What `heldRecords` says of one record: how this member may send it on; undefined if it may not. */
export function heldRecord(rows: Pick<Rows, 'get'>, member: MemberId, recordId: RecordId): HeldRecord | undefined {
  const value = rows.get(rowKeys.held(member, recordId))
  return value === undefined ? undefined : heldOf(recordId, value)
}

function heldOf(recordId: RecordId, value: Uint8Array): HeldRecord {
  const { through, time, height } = decodeHeldRow(value)
  return { recordId, through, sinceMs: time, sinceHeight: height }
}
