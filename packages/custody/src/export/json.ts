/** The graph for scripts. */
import { type Hidden, select } from '../draw/selection.ts'
import type { DrawOptions } from '../draw/view.ts'
import { type CustodyGraph, type DeliveryState, handOffs, holdersAt, membersOf, type RecallState } from '../graph.ts'

export type CustodyJson = {
  readonly recordId: string
  readonly origin: string
  readonly complete: boolean
  readonly members: readonly { readonly member: string; readonly name: string }[]
  readonly holders: readonly {
    readonly member: string
    readonly through: string | null
    readonly sinceMs: number
    readonly sinceHeight: number
    readonly recall: RecallState | null
  }[]
  /** Null unless the record was called back, and where that is not known. `missing`: who has not said that it destroyed it. */
  readonly recall: {
    readonly transaction: string
    readonly timeMs: number
    readonly height: number
    readonly attested: readonly { readonly member: string; readonly timeMs: number; readonly height: number }[]
    readonly missing: readonly string[]
  } | null
  /** How many hand-offs are left out, and why. */
  readonly hidden: Hidden
  /** One per hand-off. */
  readonly edges: readonly {
    readonly transmission: string
    readonly via: string | null
    readonly from: string
    readonly to: string
    readonly purpose: string
    readonly consent: string | null
    readonly sentMs: number
    readonly sentHeight: number
    readonly state: DeliveryState
    readonly ack: string | null
    readonly ackMs: number | null
    readonly ackHeight: number | null
    /** Revealed by a receiver that claims a mismatch. */
    readonly contentKey: string | null
    /** When the receiver said that it destroyed the recalled record. */
    readonly destroyedMs: number | null
  }[]
}

/** A plain value for `JSON.stringify`; members by id, with their names listed once. Times in milliseconds. */
export function custodyJson(graph: CustodyGraph, { names, selection }: DrawOptions): CustodyJson {
  const selected = select(graph, selection)
  return {
    recordId: graph.recordId,
    origin: graph.origin,
    complete: graph.complete,
    members: membersOf(graph).map((member) => ({ member, name: names(member) })),
    holders: holdersAt(graph),
    recall: recallJson(graph),
    hidden: selected.hidden,
    edges: handOffs(selected).map(({ transmission, delivery }) => ({
      transmission: transmission.id,
      via: transmission.via,
      from: transmission.sender,
      to: delivery.member,
      purpose: transmission.purpose,
      consent: transmission.consent,
      sentMs: transmission.timeMs,
      sentHeight: transmission.height,
      state: delivery.state,
      ack: delivery.ack?.id ?? null,
      ackMs: delivery.ack?.timeMs ?? null,
      ackHeight: delivery.ack?.height ?? null,
      contentKey: delivery.contentKey ?? null,
      destroyedMs: graph.recall?.attested.get(delivery.member)?.timeMs ?? null
    }))
  }
}

function recallJson(graph: CustodyGraph): CustodyJson['recall'] {
  const { recall } = graph
  if (recall === undefined) return null
  const { id: transaction, timeMs, height, attested } = recall
  return {
    transaction,
    timeMs,
    height,
    attested: Array.from(attested, ([member, at]) => ({ member, timeMs: at.timeMs, height: at.height })),
    missing: membersOf(graph).filter((member) => !attested.has(member))
  }
}
