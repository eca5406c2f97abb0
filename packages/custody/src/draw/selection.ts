/** Which hand-offs of a graph a drawing shows, and how many it leaves out and why. */
import type { MemberId } from '@wardline/codec'
import type { CustodyGraph, DeliveryState, HandOff, Transmission } from '../graph.ts'

/** What is given must all hold. */
export type Selection = {
  /** Block time, milliseconds, included. */
  readonly fromMs?: number
  /** Not included. */
  readonly toMs?: number
  /** Sent or received by one of these. */
  readonly members?: readonly MemberId[]
  readonly states?: readonly DeliveryState[]
  /** Of what the rest leaves, only so many hand-offs, the newest. */
  readonly max?: number
}

/** Hand-offs left out, each counted under the first reason. */
export type Hidden = {
  readonly time: number
  readonly hospital: number
  readonly state: number
  readonly older: number
}

export type Selected = {
  readonly graph: CustodyGraph
  /** With those receivers that are shown, at least one each. */
  readonly transmissions: readonly Transmission[]
  readonly hidden: Hidden
}

export function select(graph: CustodyGraph, selection: Selection = {}): Selected {
  const hidden = { time: 0, hospital: 0, state: 0, older: 0 }
  const kept = graph.transmissions.flatMap((transmission) => {
    const to = transmission.to.filter((delivery) => {
      const reason = reasonToHide({ transmission, delivery }, selection)
      if (reason !== undefined) hidden[reason] += 1
      return reason === undefined
    })
    return to.length === 0 ? [] : [{ ...transmission, to }]
  })
  const transmissions: Transmission[] = []
  let room = selection.max ?? Number.POSITIVE_INFINITY
  for (const transmission of kept.reverse()) {
    const to = transmission.to.slice(0, room)
    hidden.older += transmission.to.length - to.length
    room -= to.length
    if (to.length > 0) transmissions.push({ ...transmission, to })
  }
  return { graph, transmissions: transmissions.reverse(), hidden }
}

function reasonToHide(
  { transmission: { timeMs, sender }, delivery }: HandOff,
  { fromMs = 0, toMs = Number.POSITIVE_INFINITY, members, states }: Selection
): 'time' | 'hospital' | 'state' | undefined {
  if (timeMs < fromMs || timeMs >= toMs) return 'time'
  if (members !== undefined && !members.includes(sender) && !members.includes(delivery.member)) return 'hospital'
  return states === undefined || states.includes(delivery.state) ? undefined : 'state'
}

/** What must be said of what is shown: what is hidden, and that there may be more than was looked at. */
export function notesOf({ graph, hidden }: Pick<Selected, 'graph' | 'hidden'>): string[] {
  return [hiddenText(hidden), incompleteText(graph)].filter((note) => note !== undefined)
}

function incompleteText({ complete, transmissions }: CustodyGraph): string | undefined {
  return complete ? undefined : `Not complete: ${transmissions.length} transmissions were looked at; there may be more.`
}

/** `Hidden hand-offs: 12 by time, 3 in other states.`; undefined where nothing is. */
function hiddenText({ time, hospital, state, older }: Hidden): string | undefined {
  const parts = [
    [time, 'by time'],
    [hospital, 'of other hospitals'],
    [state, 'in other states'],
    [older, 'that are older']
  ] as const
  const said = parts.filter(([count]) => count > 0).map(([count, why]) => `${count} ${why}`)
  return said.length === 0 ? undefined : `Hidden hand-offs: ${said.join(', ')}.`
}
