/** What every part of a drawing needs to know: names, characters, widths, and who holds the record at which column. */
import type { MemberId } from '@wardline/codec'
import { type CustodyGraph, comparePositions, membersOf, type Position } from '../graph.ts'
import { ASCII, type Glyphs, type Hold, UNICODE } from './glyphs.ts'
import { printable, textWidth } from './text-width.ts'

export type DrawOptions = {
  /** A member's name; it is made safe to print. */
  readonly names: (member: MemberId) => string
  /** Columns of the terminal; no line is longer. Less than 40 counts as 40. */
  readonly width: number
  /** False for terminals that show ASCII only. */
  readonly unicode: boolean
}

export type View = {
  readonly graph: CustodyGraph
  readonly glyphs: Glyphs
  readonly width: number
  readonly lanes: readonly MemberId[]
  readonly name: (member: MemberId) => string
  /** All transmissions are of one day. */
  readonly isOneDay: boolean
  /** How the lane stands before transmission `column` (from 0), or now for the number of transmissions. */
  readonly holdBefore: (lane: MemberId, column: number) => Hold
}

const WIDTH_MIN = 40

export function viewOf(graph: CustodyGraph, options: DrawOptions): View {
  const lanes = membersOf(graph)
  const holds = new Map(lanes.map((lane) => [lane, holdsOf(graph, lane)]))
  return {
    graph,
    glyphs: options.unicode ? UNICODE : ASCII,
    width: Math.max(WIDTH_MIN, Math.floor(options.width)),
    lanes,
    name: (member) => printable(options.names(member), options.unicode),
    isOneDay: new Set(graph.transmissions.map(({ timeMs }) => dayOf(timeMs))).size === 1,
    holdBefore: (lane, column) => holds.get(lane)?.[column] ?? 'none'
  }
}

export function laneNameWidth({ lanes, name }: View): number {
  return Math.max(...lanes.map((lane) => textWidth(name(lane))))
}

/** `2026-11-20`, in UTC. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10)
}

/** `10:41:05`, in UTC. */
export function timeOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(11, 19)
}

/** A member's hold before each transmission and, last, now. */
function holdsOf({ origin, transmissions }: CustodyGraph, member: MemberId): Hold[] {
  const count = transmissions.length
  const holds: Hold[] = new Array<Hold>(count + 1).fill(member === origin ? 'held' : 'none')
  const set = (from: number, to: number, hold: Hold) => {
    for (let column = from; column < to; column++) if (holds[column] !== 'held') holds[column] = hold
  }
  transmissions.forEach(({ to }, index) => {
    const delivery = to.find((one) => one.member === member)
    if (delivery === undefined) return
    const { ack, state } = delivery
    const answered = ack === null ? count + 1 : firstColumnAfter(transmissions, index + 1, ack)
    set(index + 1, answered, 'waiting')
    if (state === 'opened') set(answered, count + 1, 'held')
  })
  return holds
}

/** The first transmission from `start` on that comes after `ack` in the chain; the number of them if there is none. */
function firstColumnAfter(transmissions: CustodyGraph['transmissions'], start: number, ack: Position): number {
  let column = start
  for (
    let next = transmissions[column];
    next !== undefined && comparePositions(next, ack) < 0;
    next = transmissions[column]
  ) {
    column += 1
  }
  return column
}
