/**
 * The lanes. One column per transmission, in the order of the chain and evenly spaced, so that a burst and a pause are both
 * readable; the times are written above. What does not fit beside each other goes into further panels below, as the lines
 * of a score do.
 */
import type { MemberId } from '@wardline/codec'
import type { Delivery, Transmission } from '../graph.ts'
import { type Canvas, createCanvas } from './canvas.ts'
import { fit } from './text-width.ts'
import { dayOf, laneNameWidth, timeOf, type View } from './view.ts'

/** The lines of all panels, an empty line after each. */
export function drawPanels(view: View): string[] {
  const { graph, width } = view
  const count = graph.transmissions.length
  const labelWidth = Math.min(laneNameWidth(view), Math.floor(width * LABEL_SHARE))
  const room = width - labelWidth - LEAD - TAIL
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
  /** The transmissions shown: from this one up to, without, that one. */
  readonly from: number
  readonly to: number
}

/** Columns left of the first transmission's and right of the last one's share. */
const LEAD = 3
const TAIL = 2
const COLUMN_WIDTH_MAX = 16
const LABEL_SHARE = 0.34

function drawPanel(panel: Panel): string[] {
  const { view, labelWidth, columnWidth, from, to } = panel
  const { lanes, name, glyphs } = view
  const canvas = createCanvas(lanes.length * 2 - 1, LEAD + (to - from) * columnWidth + TAIL)
  for (const row of lanes.keys()) drawLane(canvas, panel, row)
  for (let column = from; column < to; column++) drawTransmission(canvas, panel, column)
  const indent = ' '.repeat(labelWidth)
  const labels = lanes.flatMap((lane) => [fit(name(lane), labelWidth, glyphs.ellipsis), indent])
  return [indent + timeRow(panel, canvas.width), ...canvas.lines().map((line, y) => (labels[y] ?? indent) + line)]
}

/** Where the arrow of a transmission stands. */
function anchorOf({ columnWidth, from }: Panel, column: number): number {
  return LEAD + (column - from) * columnWidth + Math.floor(columnWidth / 2)
}

/** The lane's line: its style changes right after the arrow that changes it. */
function drawLane(canvas: Canvas, panel: Panel, row: number): void {
  const { view, from, to } = panel
  const { glyphs, lanes, graph } = view
  const lane = lanes[row] as MemberId
  const isLast = to === graph.transmissions.length
  let x = 1
  for (let column = from; column <= to; column++) {
    const end = column === to ? canvas.width - (isLast ? 1 : 0) : anchorOf(panel, column) + 1
    const hold = view.holdBefore(lane, column)
    for (; x < end; x++) canvas.put(row * 2, x, hold === 'none' && x % 2 === 0 ? ' ' : glyphs.lanes[hold])
  }
  if (from === 0 && lane === graph.origin) canvas.put(row * 2, 1, glyphs.origin)
  if (isLast) canvas.put(row * 2, canvas.width - 1, glyphs.ends[view.holdBefore(lane, to)])
}

function drawTransmission(canvas: Canvas, panel: Panel, column: number): void {
  const { view } = panel
  const { glyphs, lanes, graph } = view
  const transmission = graph.transmissions[column] as Transmission
  const x = anchorOf(panel, column)
  const sender = lanes.indexOf(transmission.sender)
  const receivers = new Map(transmission.to.map((delivery) => [lanes.indexOf(delivery.member), delivery]))
  drawArrows(canvas, view, { x, sender, receivers, step: 1 })
  drawArrows(canvas, view, { x, sender, receivers, step: -1 })
  const number = String(column + 1)
  const left = x - Math.floor(number.length / 2)
  canvas.put(sender * 2, left - 1, glyphs.badge[0] + number + glyphs.badge[1])
}

type Arrows = {
  readonly x: number
  readonly sender: number
  readonly receivers: ReadonlyMap<number, Delivery>
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
    const delivery = receivers.get(lane)
    if (delivery === undefined) canvas.put(lane * 2, x - 1, ` ${stem} `)
    else canvas.put(lane * 2, x, glyphs.heads[delivery.state][step === 1 ? 0 : 1])
  }
}

/** Above the lanes: a time over each column that has room for it, the day where it changes. */
function timeRow(panel: Panel, width: number): string {
  const { view, from, to } = panel
  const canvas = createCanvas(1, width)
  let free = 0
  let shown = ''
  for (let column = from; column < to; column++) {
    const { timeMs } = view.graph.transmissions[column] as Transmission
    const label = view.isOneDay ? timeOf(timeMs) : dayOf(timeMs)
    const x = Math.max(0, Math.min(anchorOf(panel, column) - Math.floor(label.length / 2), width - label.length))
    if (label === shown || x < free) continue
    canvas.put(0, x, label)
    free = x + label.length + 2
    shown = label
  }
  return canvas.lines()[0] as string
}
