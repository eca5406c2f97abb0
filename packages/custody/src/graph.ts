/**
 * The transmission-directed graph of one record, and the questions people ask of it. Transmissions point to the one through
 * which their sender got the record (`via`) and so form a DAG; the graph of holders has one edge per hand-off and may have
 * cycles and parallel edges, where a record was sent to somebody who already had it.
 */
import type { ContentKey, Hash, Height, MemberId, RecordId, TransactionId } from '@wardline/codec'
import type { Outcome, Purpose } from '@wardline/ledger'

/** `sent`: no acknowledgement is in the chain yet. The others are what the receiver acknowledged. */
export type DeliveryState = 'sent' | Outcome

/** Where a transaction stands in the chain. */
export type Position = {
  /** Time of the block, milliseconds. */
  readonly timeMs: number
  readonly height: Height
  /** Place in the block, from 0. */
  readonly place: number
}

/** What one receiver did with a transmission: one hand-off, one edge of the holder graph. */
export type Delivery = {
  readonly member: MemberId
  readonly state: DeliveryState
  /** The receiver's `stt.ack` and the block it is in; null while `sent`. */
  readonly ack: ({ readonly id: TransactionId } & Position) | null
  /** Revealed by a receiver that claims a mismatch (`verifyMismatch`); absent where none was. */
  readonly contentKey?: ContentKey
}

/** One `stt.send`. */
export type Transmission = Position & {
  readonly id: TransactionId
  /** The transmission by which the sender got the record; null iff the sender is the origin. */
  readonly via: TransactionId | null
  readonly sender: MemberId
  readonly purpose: Purpose
  readonly consent: Hash | null
  readonly content: Hash
  /** By memberId, ascending. At least one. */
  readonly to: readonly Delivery[]
}

export type CustodyGraph = {
  readonly recordId: RecordId
  readonly origin: MemberId
  /** In the order of the chain; the first is by the origin. At least one. */
  readonly transmissions: readonly Transmission[]
  /**
   * False where the record has more than `limits.traceTransmissionsMax` transmissions, or `limits.traceHandOffsMax` hand-offs:
   * the later ones are missing. False, too, of what a receipt proves: nothing in it tells whether others are missing.
   */
  readonly complete: boolean
  /** Absent where the record was not recalled, or where a receipt does not show that it was. */
  readonly recall?: Recall
}

/** A record was called back: from then on nobody sends it on, and every member of its graph is to destroy what it has of it. */
export type Recall = Position & {
  readonly id: TransactionId
  /** Who has said that it did, and where; others have not, whether or not they did. */
  readonly attested: ReadonlyMap<MemberId, Attestation>
}

/** `via`: which transmission to it the member named; null for the origin. */
export type Attestation = Position & { readonly id: TransactionId; readonly via: TransactionId | null }

/** What a recall has made of what a member had: `recalled` until the member has said that it is destroyed. */
export type RecallState = 'recalled' | 'destroyed'

/** Undefined where the record was not recalled by then. */
export function recallStateOf(
  { recall }: Pick<CustodyGraph, 'recall'>,
  member: MemberId,
  moment?: Moment
): RecallState | undefined {
  if (recall === undefined || !isBy(moment, recall)) return undefined
  const attested = recall.attested.get(member)
  return attested !== undefined && isBy(moment, attested) ? 'destroyed' : 'recalled'
}

export type Holder = {
  readonly member: MemberId
  /** The transmission that the holder opened first; null for the origin. */
  readonly through: TransactionId | null
  /** Since when: the block of the acknowledgement, or for the origin the block of the first transmission. */
  readonly sinceMs: number
  readonly sinceHeight: Height
  /** What a recall had made of it by then: who is marked came to hold the record, and is no holder any more. */
  readonly recall: RecallState | null
}

/** A moment: after the block of a height, or after all blocks up to a time (milliseconds, inclusive). Absent: now. */
export type Moment = { readonly height: Height } | { readonly timeMs: number }

/**
 * Who had come to hold the record by then: the origin and whoever had acknowledged opening it, in this order, each with what a
 * recall had made of it.
 */
export function holdersAt(graph: CustodyGraph, moment?: Moment): Holder[] {
  const holders = new Map<MemberId, Holder>()
  const acquired: { readonly member: MemberId; readonly through: TransactionId | null; readonly since: Position }[] = []
  const first = graph.transmissions[0]
  if (first !== undefined) acquired.push({ member: graph.origin, through: null, since: first })
  for (const { id, to } of graph.transmissions) {
    for (const { member, state, ack } of to) {
      if (state === 'opened' && ack !== null) acquired.push({ member, through: id, since: ack })
    }
  }
  for (const { member, through, since } of acquired.sort((a, b) => comparePositions(a.since, b.since))) {
    if (holders.has(member) || !isBy(moment, since)) continue
    const recall = recallStateOf(graph, member, moment) ?? null
    holders.set(member, { member, through, sinceMs: since.timeMs, sinceHeight: since.height, recall })
  }
  return [...holders.values()]
}

/** Negative if `a` comes before `b` in the chain. */
export function comparePositions(a: Position, b: Position): number {
  return a.height - b.height || a.place - b.place
}

/** The transmissions from the origin's to the named one, along `via`; undefined if the graph does not have them all. */
export function pathOf(graph: CustodyGraph, transmission: TransactionId): Transmission[] | undefined {
  const byId = new Map(graph.transmissions.map((one) => [one.id, one]))
  const path: Transmission[] = []
  for (let next: TransactionId | null = transmission; next !== null; ) {
    const link = byId.get(next)
    if (link === undefined || path.length === graph.transmissions.length) return undefined
    path.push(link)
    next = link.via
  }
  return path.reverse()
}

/** How the record came to `member`: the path of the transmission it opened first. Empty for the origin, undefined for a non-holder. */
export function pathTo(graph: CustodyGraph, member: MemberId): Transmission[] | undefined {
  const holder = holdersAt(graph).find((one) => one.member === member)
  if (holder === undefined) return undefined
  return holder.through === null ? [] : pathOf(graph, holder.through)
}

/**
 * Everything that came from `member`, directly or through others: the transmissions that have one of the member's own on
 * their path, its own included, in the order of the chain.
 */
export function downstreamOf(graph: CustodyGraph, member: MemberId): Transmission[] {
  const reached = new Set<TransactionId>()
  return graph.transmissions.filter(({ id, sender, via }) => {
    const isReached = sender === member || (via !== null && reached.has(via))
    if (isReached) reached.add(id)
    return isReached
  })
}

/** An acknowledgement is overdue after this long. */
export const ACK_DUE_MS = 24 * 60 * 60 * 1000

export type Unacknowledged = {
  readonly transmission: TransactionId
  readonly member: MemberId
  readonly sinceMs: number
  readonly isOverdue: boolean
}

/** Hand-offs whose receiver has not answered yet, oldest first. `nowMs` is a time of the chain or of a clock. */
export function unacknowledged(graph: CustodyGraph, nowMs: number): Unacknowledged[] {
  return graph.transmissions.flatMap(({ id, timeMs, to }) =>
    to
      .filter(({ state }) => state === 'sent')
      .map(({ member }) => ({ transmission: id, member, sinceMs: timeMs, isOverdue: nowMs - timeMs > ACK_DUE_MS }))
  )
}

/** One hand-off: one edge of the holder graph. */
export type HandOff = { readonly transmission: Transmission; readonly delivery: Delivery }

/** Every hand-off, in the order of the chain. */
export function handOffs({ transmissions }: Pick<CustodyGraph, 'transmissions'>): HandOff[] {
  return transmissions.flatMap((transmission) => transmission.to.map((delivery) => ({ transmission, delivery })))
}

/** Every member of the graph in order of appearance, the origin first. */
export function membersOf(graph: CustodyGraph): MemberId[] {
  return [
    ...new Set([
      graph.origin,
      ...graph.transmissions.flatMap(({ sender, to }) => [sender, ...to.map(({ member }) => member)])
    ])
  ]
}

export function isBy(moment: Moment | undefined, { timeMs, height }: Pick<Position, 'timeMs' | 'height'>): boolean {
  if (moment === undefined) return true
  return 'height' in moment ? height <= moment.height : timeMs <= moment.timeMs
}
