/** Custody's questions that read rows: the graph of one record, and what one member holds. Never a scan of the chain. */
import { assert, type Height, limits, type MemberId, name32, type RecordId, type TransactionId } from '@wardline/codec'
import {
  type Attestation,
  type CustodyGraph,
  type Delivery,
  isBy,
  type Moment,
  type Recall,
  type RecallState,
  type Transmission
} from './graph.ts'
import {
  type AckRow,
  decodeAckRow,
  decodeAttestedRow,
  decodeHeldRow,
  decodeMarkRow,
  decodeSendRow,
  rowKeys,
  rowRanges,
  type SendRow
} from './rows.ts'

/** A table of rows under the keys that the fold wrote; a chain's key-value store is one. */
export interface Rows {
  get(key: string): Uint8Array | undefined
  /** Entries with `from <= key < to`, ascending by key (or descending with `reverse`), at most `limit`. */
  range(options: {
    readonly from: string
    readonly to: string
    readonly limit?: number
    readonly reverse?: boolean
  }): AsyncIterable<readonly [key: string, value: Uint8Array]>
}

/** The graph of a record as of now; undefined if the chain has no such record. */
export async function traceRecord(rows: Rows, recordId: RecordId): Promise<CustodyGraph | undefined> {
  const sends: SendRow[] = []
  let handOffs = 0
  let complete = true
  for await (const [, value] of rows.range({ ...rowRanges.sends(recordId), limit: limits.traceTransmissionsMax + 1 })) {
    const send = decodeSendRow(value)
    handOffs += send.to.length
    complete = sends.length < limits.traceTransmissionsMax && handOffs <= limits.traceHandOffsMax
    if (!complete) break
    sends.push(send)
  }
  const [first] = sends
  if (first === undefined) return undefined
  assert(first.via === null, 'the first transmission of a record is by its origin')
  const acks = await readAcks(rows, recordId, complete ? undefined : sends)
  const transmissions = sends.map(
    ({ time, to, ...send }): Transmission => ({
      ...send,
      timeMs: time,
      to: to.map((member) => deliveryOf(member, acks.get(`${send.id}/${member}`)))
    })
  )
  const recall = await readRecall(rows, recordId)
  const graph = { recordId, origin: first.sender, transmissions, complete }
  return recall === undefined ? graph : { ...graph, recall }
}

/** The recall of a record with all attestations: a chain has fewer hospitals than a record can have hand-offs. */
export async function readRecall(rows: Rows, recordId: RecordId): Promise<Recall | undefined> {
  const value = rows.get(rowKeys.recall(recordId))
  if (value === undefined) return undefined
  const range = rowRanges.attested(recordId)
  const attested = new Map<MemberId, Attestation>()
  for await (const [key, row] of rows.range({ ...range, limit: limits.traceHandOffsMax })) {
    const { time, ...said } = decodeAttestedRow(row)
    attested.set(name32<MemberId>(key.slice(range.from.length)), { ...said, timeMs: time })
  }
  const { time, ...mark } = decodeMarkRow(value)
  return { ...mark, timeMs: time, attested }
}

/** What a recall had made of what a member had of a record; undefined where it was not recalled by then. */
export function recallIn(
  rows: Pick<Rows, 'get'>,
  record: RecordId,
  member: MemberId,
  moment?: Moment
): RecallState | undefined {
  const recall = rows.get(rowKeys.recall(record))
  if (recall === undefined || !isPast(decodeMarkRow(recall), moment)) return undefined
  const attested = rows.get(rowKeys.attested(record, member))
  return attested !== undefined && isPast(decodeAttestedRow(attested), moment) ? 'destroyed' : 'recalled'
}

function isPast({ time, height }: { readonly time: number; readonly height: Height }, moment: Moment | undefined) {
  return isBy(moment, { timeMs: time, height })
}

/** Every transmission of a record that `member` sent or was sent, in the order of the chain, however many there are. */
export async function* transmissionsOf(rows: Rows, recordId: RecordId, member: MemberId): AsyncIterable<TransactionId> {
  for await (const [, value] of rows.range(rowRanges.sends(recordId))) {
    const { id, sender, to } = decodeSendRow(value)
    if (sender === member || to.includes(member)) yield id
  }
}

/** Acknowledgements of a record by `<transmission>/<member>`; with `only` those of some of its transmissions. */
async function readAcks(
  rows: Rows,
  recordId: RecordId,
  only: readonly SendRow[] | undefined
): Promise<Map<string, AckRow>> {
  const whole = rowRanges.acks(recordId)
  // They lie by the ids of their transmissions, so those of some are spread over all.
  const ranges =
    only === undefined
      ? [{ ...whole, limit: limits.traceHandOffsMax }]
      : only.map(({ id, to }) => ({ ...rowRanges.acksOf(recordId, id), limit: to.length }))
  const acks = new Map<string, AckRow>()
  for (const range of ranges) {
    for await (const [key, value] of rows.range(range)) acks.set(key.slice(whole.from.length), decodeAckRow(value))
  }
  return acks
}

export function deliveryOf(member: MemberId, ack: AckRow | undefined): Delivery {
  if (ack === undefined) return { member, state: 'sent', ack: null }
  const { outcome, contentKey } = ack
  const delivery = contentKey === undefined ? { member, state: outcome } : { member, state: outcome, contentKey }
  return { ...delivery, ack: { id: ack.id, timeMs: ack.time, height: ack.height, place: ack.place } }
}

export type HeldRecord = {
  readonly recordId: RecordId
  /** The transmission by which the member has it: the `via` to name; null where the member is the origin. */
  readonly through: TransactionId | null
  readonly sinceMs: number
  readonly sinceHeight: Height
  /** What a recall has made of it: then the member holds it no more. */
  readonly recall: RecallState | null
}

/**
 * The records that a member came to hold: those it originated and has sent, and those it opened. By recordId, at most `limit`,
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
    held.push(heldOf(rows, member, name32<RecordId>(key.slice(range.from.length)), value))
  }
  return held
}

/** What `heldRecords` says of one record; undefined if this member never held it. */
export function heldRecord(rows: Pick<Rows, 'get'>, member: MemberId, recordId: RecordId): HeldRecord | undefined {
  const value = rows.get(rowKeys.held(member, recordId))
  return value === undefined ? undefined : heldOf(rows, member, recordId, value)
}

function heldOf(rows: Pick<Rows, 'get'>, member: MemberId, recordId: RecordId, value: Uint8Array): HeldRecord {
  const { through, time, height } = decodeHeldRow(value)
  const recall = recallIn(rows, recordId, member) ?? null
  return { recordId, through, sinceMs: time, sinceHeight: height, recall }
}
