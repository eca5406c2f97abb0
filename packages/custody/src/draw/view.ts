/** What every part of a drawing needs to know: names, characters, widths, and who holds the record at which column. */
import type { Height, MemberId } from '@wardline/codec'
import { type CustodyGraph, comparePositions, membersOf, type Position, recallStateOf } from '../graph.ts'
import { type Columns, columnsOf } from './columns.ts'
import { ASCII, type Glyphs, type Hold, UNICODE } from './glyphs.ts'
import { type Selected, type Selection, select } from './selection.ts'
import { printable, textWidth } from './text-width.ts'

export type DrawOptions = {
  /** A member's name; it is made safe to print. */
  readonly names: (member: MemberId) => string
  /** Which hand-offs are drawn; left out: all. */
  readonly selection?: Selection
}

export type TerminalOptions = DrawOptions & {
  /** Columns of the terminal; no line is longer. Less than 40 counts as 40. */
  readonly width: number
  /** False for terminals that show ASCII only. */
  readonly unicode: boolean
  /** The block as of which the graph is told, where that is not now: a receipt proves nothing of what came later. */
  readonly asOf?: Height
}

/** More transmissions than these are gathered by time. */
const COLUMNS_MAX = 60

export type Scene = Columns & {
  readonly graph: CustodyGraph
  /** What is drawn of it. */
  readonly selected: Selected
  readonly lanes: readonly MemberId[]
  /** All that is drawn is of one day. */
  readonly isOneDay: boolean
  /** How the lane stands before column `index` (from 0), or behind all of them for their number, before any recall. */
  readonly holdBefore: (lane: MemberId, index: number) => Hold
  readonly holdNow: (lane: MemberId) => Hold
}

export type View = Scene & {
  readonly glyphs: Glyphs
  readonly width: number
  readonly name: (member: MemberId) => string
  /** `now`, or `as of block 12`. */
  readonly when: string
}

const WIDTH_MIN = 40

/** What is to be drawn, in whatever form. */
export function sceneOf(graph: CustodyGraph, selection: Selection | undefined): Scene {
  const selected = select(graph, selection)
  const { transmissions } = selected
  const { columns, isBinned } = columnsOf(transmissions, COLUMNS_MAX)
  const lanes = membersOf({ ...graph, transmissions })
  const starts = columns.map((column) => column.transmissions[0])
  const holds = new Map(lanes.map((lane) => [lane, holdsOf(graph, lane, starts)]))
  return {
    graph,
    selected,
    columns,
    isBinned,
    lanes,
    isOneDay: new Set(transmissions.map(({ timeMs }) => dayOf(timeMs))).size <= 1,
    holdBefore: (lane, index) => holds.get(lane)?.[index] ?? 'none',
    holdNow: (lane) => recallStateOf(graph, lane) ?? holds.get(lane)?.[columns.length] ?? 'none'
  }
}

export function viewOf(graph: CustodyGraph, options: TerminalOptions): View {
  return {
    ...sceneOf(graph, options.selection),
    glyphs: options.unicode ? UNICODE : ASCII,
    width: Math.max(WIDTH_MIN, Math.floor(options.width)),
    name: (member) => printable(options.names(member), options.unicode),
    when: options.asOf === undefined ? 'now' : `as of block ${options.asOf}`
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

/** A member's hold before each of these positions and, last, behind them. */
function holdsOf(graph: CustodyGraph, member: MemberId, before: readonly Position[]): Hold[] {
  if (member === graph.origin) return [...before.map((): Hold => 'held'), 'held']
  const own = graph.transmissions.flatMap((transmission) => {
    const delivery = transmission.to.find((one) => one.member === member)
    return delivery === undefined ? [] : [{ transmission, delivery }]
  })
  const holdAt = (moment: Position | undefined): Hold => {
    const isPast = (position: Position) => moment === undefined || comparePositions(position, moment) < 0
    const sent = own.filter(({ transmission }) => isPast(transmission))
    const answered = sent.filter(({ delivery: { ack } }) => ack !== null && isPast(ack))
    if (answered.some(({ delivery }) => delivery.state === 'opened')) return 'held'
    return answered.length < sent.length ? 'waiting' : 'none'
  }
  return [...before.map(holdAt), holdAt(undefined)]
}
