/**
 * Custody's questions that have long answers, or ask of the whole chain. Each reads only rows that its answer may hold, and
 * at most `limit` of them, then says where to go on: `next`, to be given as `after`; null at the end. A page may be short, or
 * empty, before the end where a question also filters.
 */
import {
  assert,
  type Hash,
  height as heightOf,
  limits,
  type MemberId,
  name32,
  type RecordId,
  type TransactionId
} from '@wardline/codec'
import type { Delivery, DeliveryState, Holder, Moment, RecallState, Transmission } from './graph.ts'
import {
  decodeAckRow,
  decodeHeldRow,
  decodeHolderRow,
  decodePlaceRow,
  decodeRecordRow,
  decodeSendRow,
  type OpenState,
  rowKeys,
  rowRanges,
  type SendRow
} from './rows.ts'
import { deliveryOf, type Rows, recallIn } from './trace.ts'

/** One hand-off, whatever else its transmission went to. */
export type Edge = {
  readonly recordId: RecordId
  readonly transmission: Omit<Transmission, 'to'>
  readonly delivery: Delivery
}

export type PageOptions = {
  /** `next` of the page before. */
  readonly after?: string
  /** Rows that are read, from 1. */
  readonly limit: number
}

export type Page<T> = { readonly items: readonly T[]; readonly next: string | null }

/**
 * Who had come to hold a record at a moment (left out: now), in this order, each with what a recall had made of it by then. Of an
 * unknown record nobody.
 */
export async function holdersOf(
  rows: Rows,
  record: RecordId,
  { moment, ...page }: PageOptions & { readonly moment?: Moment }
): Promise<Page<Holder>> {
  const range = rowRanges.holders(record)
  const isHeightGiven = moment !== undefined && 'height' in moment
  // `:` is the character after the digits: every place of that height is below it.
  const to = isHeightGiven ? `${rowKeys.holder(record, moment.height, 0).slice(0, -5)}:` : range.to
  return pageOf(rows, { from: range.from, to }, page, (_, value) => {
    const { member, through, time, height } = decodeHolderRow(value)
    if (moment !== undefined && 'timeMs' in moment && time > moment.timeMs) return 'end'
    const recall = recallIn(rows, record, member, moment) ?? null
    return { member, through, sinceMs: time, sinceHeight: height, recall }
  })
}

/** How a record came to be with a member: the hand-offs from the origin's to its own, oldest first. */
export type CopyPath = {
  readonly hops: readonly Edge[]
  /** False where there are more than `limits.custodyPathMax`: the earliest are missing. */
  readonly complete: boolean
}

/** The path of the copy that a member holds: no hops for the origin, undefined for who holds none. */
export function pathOfCopy(rows: Pick<Rows, 'get'>, record: RecordId, member: MemberId): CopyPath | undefined {
  const held = rows.get(rowKeys.held(member, record))
  if (held === undefined) return undefined
  const hops: Edge[] = []
  let taker = member
  for (let via = decodeHeldRow(held).through; via !== null; ) {
    if (hops.length === limits.custodyPathMax) return { hops: hops.reverse(), complete: false }
    const edge = edgeOf(rows, record, sendOf(rows, via), taker)
    hops.push(edge)
    taker = edge.transmission.sender
    via = edge.transmission.via
  }
  return { hops: hops.reverse(), complete: true }
}

export type CommonAncestor = {
  /** Who held the copy from which both come: one of the two, where the other's came from it. */
  readonly member: MemberId
  /** By which transmission that copy came; null where it is the origin's. */
  readonly through: TransactionId | null
  /** The hand-offs by which the two copies went apart, oldest first. */
  readonly apart: readonly [readonly Edge[], readonly Edge[]]
}

/**
 * The last copy from which the copies of two holders both come; undefined where one of them holds none, or where a path is
 * longer than `limits.custodyPathMax`.
 */
export function commonAncestor(
  rows: Pick<Rows, 'get'>,
  record: RecordId,
  [one, other]: readonly [MemberId, MemberId]
): CommonAncestor | undefined {
  const paths = [pathOfCopy(rows, record, one), pathOfCopy(rows, record, other)] as const
  const [first, second] = paths
  if (first?.complete !== true || second?.complete !== true) return undefined
  const isSame = (a: Edge, b: Edge | undefined) =>
    a.transmission.id === b?.transmission.id && a.delivery.member === b.delivery.member
  const parted = first.hops.findIndex((hop, i) => !isSame(hop, second.hops[i]))
  const common = parted === -1 ? first.hops.length : parted
  const last = first.hops[common - 1]
  // Without a common hand-off it is the origin: the sender of any first one, or a holder that has no hops.
  const origin = [...first.hops.slice(0, 1), ...second.hops.slice(0, 1)][0]?.transmission.sender ?? one
  return {
    member: last?.delivery.member ?? origin,
    through: last?.transmission.id ?? null,
    apart: [first.hops.slice(common), second.hops.slice(common)]
  }
}

export type EdgeFilter = {
  readonly states?: readonly DeliveryState[]
  /** Only hand-offs that name no consent. */
  readonly withoutConsent?: boolean
}

/** The hand-offs of one record, in the order of the chain. `limit` counts transmissions; a page has at most about `EDGES_MAX` hand-offs. */
export async function edgesOf(
  rows: Rows,
  record: RecordId,
  { states, withoutConsent = false, ...page }: PageOptions & EdgeFilter
): Promise<Page<Edge>> {
  const { items, next } = await pageOf(rows, rowRanges.sends(record), page, (_, value) => decodeSendRow(value))
  const edges: Edge[] = []
  for (const [i, send] of items.entries()) {
    if (withoutConsent && send.consent !== null) continue
    for (const edge of await edgesOfSend(rows, record, send)) {
      if (states === undefined || states.includes(edge.delivery.state)) edges.push(edge)
    }
    if (edges.length < EDGES_MAX || i === items.length - 1) continue
    return {
      items: edges,
      next: rowKeys.send(record, send.height, send.place).slice(rowRanges.sends(record).from.length)
    }
  }
  return { items: edges, next }
}

/** Hand-offs after which a page ends, however many transmissions are asked for: one has up to 256. */
export const EDGES_MAX = 10_000

async function edgesOfSend(rows: Rows, record: RecordId, send: SendRow): Promise<Edge[]> {
  const range = rowRanges.acksOf(record, send.id)
  const acks = new Map<string, ReturnType<typeof decodeAckRow>>()
  for await (const [key, value] of rows.range({ ...range, limit: limits.receiversMax })) {
    acks.set(key.slice(range.from.length), decodeAckRow(value))
  }
  return send.to.map((member) => ({
    recordId: record,
    transmission: sentOf(send),
    delivery: deliveryOf(member, acks.get(member))
  }))
}

/** Only what this member sent or was sent. */
type OfMember = { readonly member?: MemberId }

function concerns({ transmission: { sender }, delivery }: Edge, member: MemberId | undefined): boolean {
  return member === undefined || sender === member || delivery.member === member
}

/** The origin of a recalled record: it has the record without a hand-off, and is to destroy it as its receivers are. */
export type RecalledOrigin = { readonly recordId: RecordId; readonly member: MemberId; readonly recall: RecallState }

/**
 * The hand-offs of all recalled records, the record that was recalled first coming first, and the origins of those records, each
 * on the page with its record's first hand-off; with `unattested` those whose receiver, or origin, has not said that it destroyed
 * what it had. `limit` counts transmissions.
 */
export async function edgesRecalled(
  rows: Rows,
  { unattested = false, member, after, limit }: PageOptions & OfMember & { readonly unattested?: boolean }
): Promise<Page<Edge> & { readonly origins: readonly RecalledOrigin[] }> {
  const recalled = rowRanges.recalled()
  const [begun, sentAt] = (after ?? '').split('/')
  const items: Edge[] = []
  const origins: RecalledOrigin[] = []
  let last = after ?? null
  let left = limit
  // Of the first record nothing may be left, and one more is needed to know that there is more.
  const range = { from: recalled.from + begun, to: recalled.to, limit: limit + 2 }
  for await (const [key, value] of rows.range(range)) {
    const at = key.slice(recalled.from.length)
    const record = decodeRecordRow(value)
    const sends = rowRanges.sends(record)
    const isGoingOn = at === begun && sentAt !== undefined
    const from = isGoingOn ? `${sends.from}${sentAt}!` : sends.from
    const isLeft = (who: MemberId) => !unattested || rows.get(rowKeys.attested(record, who)) === undefined
    let isFirst = !isGoingOn
    for await (const [sendKey, row] of rows.range({ from, to: sends.to, limit: left + 1 })) {
      if (left === 0 || items.length >= EDGES_MAX) return { items, origins, next: last }
      const send = decodeSendRow(row)
      const { sender } = send
      if (isFirst && (member === undefined || member === sender) && isLeft(sender)) {
        const recall = recallIn(rows, record, sender)
        assert(recall !== undefined, 'a recalled record has its recall')
        origins.push({ recordId: record, member: sender, recall })
      }
      isFirst = false
      const edges = await edgesOfSend(rows, record, send)
      items.push(...edges.filter((edge) => concerns(edge, member) && isLeft(edge.delivery.member)))
      left -= 1
      last = `${at}/${sendKey.slice(sends.from.length)}`
    }
  }
  return { items, origins, next: null }
}

/** The hand-offs of all records that name no consent, the oldest first. `limit` counts transmissions. */
export function edgesUnconsented(rows: Rows, page: PageOptions & OfMember): Promise<Page<Edge>> {
  return edgesAt(rows, rowRanges.unconsented(), page)
}

/** The hand-offs of all records that name this consent, the oldest first. `limit` counts transmissions. */
export function edgesOfConsent(rows: Rows, consent: Hash, page: PageOptions & OfMember): Promise<Page<Edge>> {
  return edgesAt(rows, rowRanges.consented(consent), page)
}

/** The hand-offs of the transmissions of a range whose keys end in their positions and whose values are their records. */
async function edgesAt(
  rows: Rows,
  range: ReturnType<typeof rowRanges.unconsented>,
  { member, ...page }: PageOptions & OfMember
): Promise<Page<Edge>> {
  const { items, next } = await pageOf(rows, range, page, (key, value) => {
    const at = key.slice(range.from.length)
    return { at, record: decodeRecordRow(value) }
  })
  const edges: Edge[] = []
  for (const { at, record } of items) {
    const row = rows.get(rowKeys.send(record, heightOf(Number(at.slice(0, 16))), Number(at.slice(16))))
    assert(row !== undefined, 'a transmission has its row')
    edges.push(...(await edgesOfSend(rows, record, decodeSendRow(row))).filter((edge) => concerns(edge, member)))
    if (edges.length >= EDGES_MAX && at !== items.at(-1)?.at) return { items: edges, next: at }
  }
  return { items: edges, next }
}

/** The hand-offs of all records that are in this state, the oldest first; with `member` those that it sent or was sent. */
export function edgesIn(
  rows: Rows,
  state: OpenState,
  { member, ...page }: PageOptions & OfMember
): Promise<Page<Edge>> {
  const range = rowRanges.states(state)
  return pageOf(rows, range, page, (key, value) => {
    const rest = key.slice(range.from.length)
    const receiver = name32<MemberId>(rest.slice(POSITION_DIGITS + 1))
    const record = decodeRecordRow(value)
    const row = rows.get(rowKeys.send(record, heightOf(Number(rest.slice(0, 16))), Number(rest.slice(16, 21))))
    assert(row !== undefined, 'a hand-off has its transmission')
    const send = decodeSendRow(row)
    if (member !== undefined && member !== receiver && member !== send.sender) return 'other'
    const edge = edgeOf(rows, record, send, receiver)
    // It may have been acknowledged since the page was begun.
    return edge.delivery.state === state ? edge : 'other'
  })
}

/** The hand-offs of all records from one hospital to another, the oldest first; `fromMs` included, `toMs` not, by block time. */
export function edgesBetween(
  rows: Rows,
  [sender, receiver]: readonly [MemberId, MemberId],
  {
    fromMs = 0,
    toMs = Number.MAX_SAFE_INTEGER,
    ...page
  }: PageOptions & { readonly fromMs?: number; readonly toMs?: number }
): Promise<Page<Edge>> {
  const range = {
    from: rowKeys.between(sender, receiver, fromMs, 0),
    to: rowKeys.between(sender, receiver, Math.max(fromMs, toMs), 0)
  }
  return pageOf(rows, range, page, (_, value) => {
    const { record, height, place } = decodePlaceRow(value)
    const row = rows.get(rowKeys.send(record, height, place))
    assert(row !== undefined, 'a hand-off has its transmission')
    return edgeOf(rows, record, decodeSendRow(row), receiver)
  })
}

const POSITION_DIGITS = 21

/** A cursor is the end of a key, after the range's prefix: digits, lower-case hex and `/`, as the api's schema says too. */
const CURSOR = /^[0-9a-f/]{1,128}$/

async function pageOf<T>(
  rows: Rows,
  range: { readonly from: string; readonly to: string },
  { after, limit }: PageOptions,
  read: (key: string, value: Uint8Array) => T | 'other' | 'end'
): Promise<Page<T>> {
  assert(limit >= 1 && (after === undefined || CURSOR.test(after)), 'pages have a row, and go on where one ended')
  const prefix = range.from.slice(0, range.from.lastIndexOf('/') + 1)
  const next = after === undefined ? range.from : `${prefix}${after}!`
  // A cursor of another question may lie before this range; behind it there is nothing.
  const isBefore = next < range.from
  const from = isBefore ? range.from : next
  const items: T[] = []
  let last: string | undefined
  let count = 0
  for await (const [key, value] of rows.range({ from, to: range.to, limit: limit + 1 })) {
    if (count === limit) return { items, next: (last as string).slice(prefix.length) }
    const item = read(key, value)
    if (item === 'end') break
    if (item !== 'other') items.push(item)
    last = key
    count += 1
  }
  return { items, next: null }
}

export function sendOf(rows: Pick<Rows, 'get'>, transmission: TransactionId): SendRow {
  const there = rows.get(rowKeys.at(transmission))
  assert(there !== undefined, 'a source is in the chain')
  const { record, height, place } = decodePlaceRow(there)
  const row = rows.get(rowKeys.send(record, height, place))
  assert(row !== undefined, 'a transmission has its row')
  return decodeSendRow(row)
}

export function edgeOf(rows: Pick<Rows, 'get'>, record: RecordId, send: SendRow, member: MemberId): Edge {
  const ack = rows.get(rowKeys.ack(record, send.id, member))
  return {
    recordId: record,
    transmission: sentOf(send),
    delivery: deliveryOf(member, ack === undefined ? undefined : decodeAckRow(ack))
  }
}

export function sentOf({ time, to: _, ...send }: SendRow): Edge['transmission'] {
  return { ...send, timeMs: time }
}
