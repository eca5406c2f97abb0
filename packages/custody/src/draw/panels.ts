/**
 * The lanes. Columns are evenly spaced, in the order of the chain, so that a burst and a pause are both
 * readable; the times are written above. What does not fit beside each other goes into further panels below, as the lines
 * of a score do.
 */
import type { MemberId } from '@wardline/codec'
import { type Canvas, createCanvas } from './canvas.ts'
import type { Arrow, Column } from './columns.ts'
import { fit } from './text-width.ts'
import { dayOf, laneNameWidth, timeOf, type View } from './view.ts'

/** The lines of all panels, an empty line after each. */
export function drawPanels(view: View): string[] {
  const { columns, width } = view
  const count = columns.length
  if (count === 0) return []
  const labelWidth = Math.min(laneNameWidth(view), Math.floor(width * LABEL_SHARE))
  const room = width - labelWidth - LEAD - tailOf(view, true)
  const narrowest = String(count).length + 4
  const most = Math.max(1, Math.floor(room / narrowest))
  const panelCount = Math.ceil(count / most)
  const longest = Math.ceil(count / panelCount)
  const columnWidth = Math.max(narrowest, Math.min(COLUMN_WIDTH_MAX, Math.floor(room / longest)))
  const lines: string[] = []
  for (let from = 0; from < count; from += longest) {
    const panel = { view, labelWidth, columnWidth, from, to: Math.min(count, from + longest) }
    lines.push(...drawPanel(panel), '')
  }
  return lines
}

type Panel = {
  readonly view: View
  readonly labelWidth: number
  readonly columnWidth: number
  /** The columns shown: from this one up to, without, that one. */
  readonly from: number
  readonly to: number
}

/** Characters left of the first column's and right of the last one's share. */
const LEAD = 3
const TAIL = 2
/** More on the right where the record was recalled: the mark, and how each lane goes on. */
const RECALL_TAIL = 9
const COLUMN_WIDTH_MAX = 16
const LABEL_SHARE = 0.34

/** Characters right of the last column's share. */
function tailOf({ graph }: View, isLast: boolean): number {
  return isLast && graph.recall !== undefined ? TAIL + RECALL_TAIL : TAIL
}

function drawPanel(panel: Panel): string[] {
  const { view, labelWidth, columnWidth, from, to } = panel
  const { lanes, name, glyphs } = view
  const tail = tailOf(view, to === view.columns.length)
  const canvas = createCanvas(lanes.length * 2 - 1, LEAD + (to - from) * columnWidth + tail)
  for (const row of lanes.keys()) drawLane(canvas, panel, row)
  for (let column = from; column < to; column++) drawColumn(canvas, panel, column)
  const indent = ' '.repeat(labelWidth)
  const labels = lanes.flatMap((lane) => [fit(name(lane), labelWidth, glyphs.ellipsis), indent])
  return [indent + timeRow(panel, canvas.width), ...canvas.lines().map((line, y) => (labels[y] ?? indent) + line)]
}

/** Where the arrows of a column stand. */
function anchorOf({ columnWidth, from }: Panel, column: number): number {
  return LEAD + (column - from) * columnWidth + Math.floor(columnWidth / 2)
}

/** The lane's line: its style changes right after the arrow that changes it. */
function drawLane(canvas: Canvas, panel: Panel, row: number): void {
  const { view, from, to } = panel
  const { glyphs, lanes, graph, columns } = view
  const lane = lanes[row] as MemberId
  const isLast = to === columns.length
  const recallX = isLast && graph.recall !== undefined ? canvas.width - RECALL_TAIL : undefined
  const lastX = recallX ?? canvas.width - (isLast ? 1 : 0)
  let x = 1
  for (let column = from; column <= to; column++) {
    const end = column === to ? lastX : anchorOf(panel, column) + 1
    const hold = view.holdBefore(lane, column)
    for (; x < end; x++) canvas.put(row * 2, x, hold === 'none' && x % 2 === 0 ? ' ' : glyphs.lanes[hold])
  }
  if (recallX !== undefined) {
    canvas.put(row * 2, recallX, glyphs.recall)
    for (x = recallX + 1; x < canvas.width - 1; x++) canvas.put(row * 2, x, glyphs.lanes[view.holdNow(lane)])
  }
  if (from === 0 && lane === graph.origin) canvas.put(row * 2, 1, glyphs.origin)
  if (isLast) canvas.put(row * 2, canvas.width - 1, glyphs.ends[view.holdNow(lane)])
}

function drawColumn(canvas: Canvas, panel: Panel, index: number): void {
  const { view } = panel
  const { glyphs, lanes, columns } = view
  const column = columns[index] as Column
  const x = anchorOf(panel, index)
  const sender = lanes.indexOf(column.sender)
  const receivers = new Map(column.arrows.map((arrow) => [lanes.indexOf(arrow.to), arrow]))
  drawArrows(canvas, view, { x, sender, receivers, step: 1 })
  drawArrows(canvas, view, { x, sender, receivers, step: -1 })
  const number = String(column.number)
  const left = x - Math.floor(number.length / 2)
  canvas.put(sender * 2, left - 1, glyphs.badge[0] + number + glyphs.badge[1])
}

type Arrows = {
  readonly x: number
  readonly sender: number
  readonly receivers: ReadonlyMap<number, Arrow>
  /** 1 for the receivers below the sender, -1 for those above. */
  readonly step: 1 | -1
}

/** From the sender's lane to the farthest receiver on this side, with a head at each receiver and a gap at each other lane. */
function drawArrows(canvas: Canvas, { glyphs }: View, { x, sender, receivers, step }: Arrows): void {
  const side = [...receivers.keys()].filter((lane) => (lane - sender) * step > 0)
  const farthest = side.reduce((far, lane) => Math.max(far, (lane - sender) * step), 0)
  for (let distance = 1; distance <= farthest; distance++) {
    const lane = sender + distance * step
    const beyond = side.filter((other) => (other - sender) * step >= distance)
    const isOpened = beyond.some((other) => receivers.get(other)?.state === 'opened')
    const stem = glyphs.stems[isOpened ? 'opened' : 'other']
    canvas.put(lane * 2 - step, x, stem)
    const arrow = receivers.get(lane)
    if (arrow === undefined) canvas.put(lane * 2, x - 1, ` ${stem} `)
    else canvas.put(lane * 2, x, glyphs.heads[arrow.state][step === 1 ? 0 : 1])
  }
}

const RECALL_WORD = 'recalled'

/** Above the lanes: a time over each column that has room for it, the day where it changes. */
function timeRow(panel: Panel, width: number): string {
  const { view, from, to } = panel
  const canvas = createCanvas(1, width)
  let free = 0
  let shown = ''
  for (let column = from; column < to; column++) {
    const { timeMs } = (view.columns[column] as Column).transmissions[0]
    const label = view.isOneDay ? timeOf(timeMs) : dayOf(timeMs)
    const x = Math.max(0, Math.min(anchorOf(panel, column) - Math.floor(label.length / 2), width - label.length))
    if (label === shown || x < free) continue
    canvas.put(0, x, label)
    free = x + label.length + 2
    shown = label
  }
  const recallX = width - RECALL_WORD.length
  if (to === view.columns.length && view.graph.recall !== undefined && recallX >= free)
    canvas.put(0, recallX, RECALL_WORD)
  return canvas.lines()[0] as string
}
