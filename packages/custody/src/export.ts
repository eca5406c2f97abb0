/** The graph for other programs: JSON for scripts, DOT for Graphviz. */
import type { MemberId } from '@wardline/codec'
import { STATE_WORDS } from './draw/glyphs.ts'
import { type CustodyGraph, type DeliveryState, handOffs, holdersAt, membersOf } from './graph.ts'

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
  }[]
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
  }[]
}

/** A plain value for `JSON.stringify`; members by id, with their names listed once. Times in milliseconds. */
export function custodyJson(graph: CustodyGraph, names: (member: MemberId) => string): CustodyJson {
  return {
    recordId: graph.recordId,
    origin: graph.origin,
    complete: graph.complete,
    members: membersOf(graph).map((member) => ({ member, name: names(member) })),
    holders: holdersAt(graph),
    edges: handOffs(graph).map(({ transmission, delivery }) => ({
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
      ackHeight: delivery.ack?.height ?? null
    }))
  }
}

/** The graph of holders in Graphviz's language: a node for each hospital, an edge for each hand-off. */
export function custodyDot(graph: CustodyGraph, names: (member: MemberId) => string): string {
  const nodes = membersOf(graph).map((member) => {
    const shape = member === graph.origin ? 'shape=box, peripheries=2' : 'shape=box'
    return `  ${quoted(member)} [label=${quoted(names(member))}, ${shape}];`
  })
  const edges = graph.transmissions.flatMap(({ sender, purpose, to }, i) =>
    to.map(({ member, state }) => {
      const label = quoted(`${i + 1} ${purpose}, ${STATE_WORDS[state]}`)
      return `  ${quoted(sender)} -> ${quoted(member)} [label=${label}, style=${state === 'opened' ? 'solid' : 'dashed'}];`
    })
  )
  return ['digraph custody {', '  rankdir=LR;', ...nodes, ...edges, '}'].join('\n')
}

function quoted(text: string): string {
  return `"${text.replace(/[\p{Cc}]/gu, ' ').replace(/["\\]/g, '\\$&')}"`
}
