/**
 * What one member sent or was sent, as a list: each record of its own once, at its first transmission, and each transmission to
 * it, whatever became of that. The order is that of the transmissions, which nothing moves: neither an acknowledgement nor a
 * recall takes an item away, and new ones come at the newer end alone.
 */
import { assert, type MemberId, name32, type RecordId } from '@wardline/codec'
import type { DeliveryState } from './graph.ts'
import { type Edge, edgeOf, type Page, sentOf } from './queries.ts'
import {
  decodePlaceRow,
  decodeSendRow,
  type KeyRange,
  ordered,
  type PlaceRow,
  rowKeys,
  rowRanges,
  type SendRow
} from './rows.ts'
import type { Rows } from './trace.ts'

export type Item = {
  readonly recordId: RecordId
  readonly transmission: Edge['transmission']
  /** Of what was sent to the member, what it acknowledged. */
  readonly state: 'own' | DeliveryState
}

export type ItemsOptions = {
  readonly which: 'all' | 'own' | 'received'
  /** Block time, milliseconds: the rows of all blocks up to it are there. Later ones are no part of the answer. */
  readonly headMs: number
  /** `next` of the page before. */
  readonly before?: string
  /** From 1. */
  readonly limit: number
}

/** Of a 32-byte name in a key. */
const NAME_DIGITS = 64

/** The newest first. Reads about `limit` rows for each hospital that ever sent the member something; for each that was sent something by
 * it, as many as it takes to find so many records of its own among them. */
export async function itemsOf(
  rows: Rows,
  member: MemberId,
  { which, headMs, before, limit }: ItemsOptions
): Promise<Page<Item>> {
  // Without a bound, a block that is written meanwhile could show in what is read last, and never in what was read first.
  const head = ordered(headMs + 1, 0)
  const to = before === undefined || before > head ? head : before
  const found = new Map<string, Item>()
  const take = async (pair: readonly [MemberId, MemberId], itemAt: (row: PlaceRow) => Item | undefined) => {
    let left = limit + 1
    for await (const [at, row] of newestBetween(rows, pair, to)) {
      const item = itemAt(row)
      if (item === undefined) continue
      found.set(at, item)
      left -= 1
      if (left === 0) break
    }
  }
  if (which !== 'own') {
    const received = (row: PlaceRow) => receivedAt(rows, member, row)
    for await (const sender of namesIn(rows, rowRanges.senders())) await take([sender, member], received)
  }
  if (which !== 'received') {
    const own = (row: PlaceRow) => ownAt(rows, row)
    for await (const receiver of namesIn(rows, rowRanges.receivers(member))) await take([member, receiver], own)
  }
  const places = [...found.keys()].sort().reverse()
  return {
    items: places.slice(0, limit).map((at) => found.get(at) as Item),
    next: places.length > limit ? (places[limit - 1] as string) : null
  }
}

function receivedAt(rows: Rows, member: MemberId, { record, height, place }: PlaceRow): Item {
  const { transmission, delivery } = edgeOf(rows, record, sendAt(rows, { record, height, place }), member)
  return { recordId: record, transmission, state: delivery.state }
}

/** Undefined where the transmission there is not the first of its record: that one alone makes its sender a holder. */
function ownAt(rows: Rows, { record, height, place }: PlaceRow): Item | undefined {
  if (rows.get(rowKeys.holder(record, height, place)) === undefined) return undefined
  return { recordId: record, transmission: sentOf(sendAt(rows, { record, height, place })), state: 'own' }
}

function sendAt(rows: Rows, { record, height, place }: PlaceRow): SendRow {
  const row = rows.get(rowKeys.send(record, height, place))
  assert(row !== undefined, 'a hand-off has its transmission')
  return decodeSendRow(row)
}

/** The hand-offs of a pair before a place (block time, place in the block), the newest first. */
async function* newestBetween(
  rows: Rows,
  [sender, receiver]: readonly [MemberId, MemberId],
  before: string
): AsyncIterable<readonly [at: string, row: PlaceRow]> {
  const { from } = rowRanges.between(sender, receiver)
  for await (const [key, value] of rows.range({ from, to: from + before, reverse: true })) {
    yield [key.slice(from.length), decodePlaceRow(value)]
  }
}

/** The members whose names come next in the keys of a range, ascending; reads a row for each. */
async function* namesIn(rows: Rows, { from: prefix, to }: KeyRange): AsyncIterable<MemberId> {
  let from = prefix
  for (;;) {
    let name: MemberId | undefined
    for await (const [key] of rows.range({ from, to, limit: 1 }))
      name = name32<MemberId>(key.slice(prefix.length).slice(0, NAME_DIGITS))
    if (name === undefined) return
    yield name
    from = `${prefix}${name}0`
  }
}
