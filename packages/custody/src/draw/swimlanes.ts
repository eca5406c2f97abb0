/**
 * A record's custody for a terminal: one lane per hospital, time runs to the right, an arrow for every hand-off, and a table
 * below. What became of a hand-off is told by line, mark and word, never by colour.
 */
import { type CustodyGraph, type DeliveryState, handOffs, holdersAt } from '../graph.ts'
import { STATE_WORDS } from './glyphs.ts'
import { drawPanels } from './panels.ts'
import { drawTable, onePurpose } from './table.ts'
import { fit, textWidth } from './text-width.ts'
import { type DrawOptions, dayOf, type View, viewOf } from './view.ts'

/** The drawing, lines separated by `\n`, no `\n` at the end, no spaces at the ends of lines. */
export function drawSwimlanes(graph: CustodyGraph, options: DrawOptions): string {
  const view = viewOf(graph, options)
  const lines = [...title(view), '', ...drawPanels(view), ...legend(view), '', ...drawTable(view)]
  return lines.map((line) => line.trimEnd()).join('\n')
}

function title(view: View): string[] {
  const { graph, glyphs, name, width } = view
  const edges = handOffs(graph)
  const counts = new Map<DeliveryState, number>()
  for (const { delivery } of edges) counts.set(delivery.state, (counts.get(delivery.state) ?? 0) + 1)
  const states = [...counts].map(([state, count]) =>
    count === edges.length ? `all ${STATE_WORDS[state]}` : `${count} ${STATE_WORDS[state]}`
  )
  const day = dayOf(graph.transmissions[0]?.timeMs ?? 0)
  const purpose = onePurpose(graph)
  const facts = [
    `${plural(edges.length, 'hand-off')}, ${states.join(', ')}`,
    `${plural(holdersAt(graph).length, 'holder')} now`,
    ...(purpose === undefined ? [] : [`for ${purpose}`]),
    view.isOneDay ? `${day}, times in UTC` : 'times in UTC'
  ]
  const lines = [
    `Record ${graph.recordId.slice(0, 16)}${glyphs.ellipsis} of ${name(graph.origin)}`,
    ...wrap(facts, ` ${glyphs.dot} `, width)
  ]
  if (!graph.complete) lines.push(`Only the first ${graph.transmissions.length} transmissions are shown.`)
  return lines.map((line) => fit(line, width, glyphs.ellipsis))
}

/** The marks that the drawing uses, each with its word. */
function legend(view: View): string[] {
  const { graph, glyphs, lanes, width, holdBefore } = view
  const columns = [...graph.transmissions.keys(), graph.transmissions.length]
  const isWaiting = lanes.some((lane) => columns.some((column) => holdBefore(lane, column) === 'waiting'))
  const states = new Set(handOffs(graph).map(({ delivery }) => delivery.state))
  const entries = [
    `${glyphs.origin} origin`,
    `${glyphs.lanes.held.repeat(3)} holds it`,
    ...(isWaiting ? [`${glyphs.lanes.waiting.repeat(3)} sent to it`] : []),
    ...[...states].map((state) => `${[...new Set(glyphs.heads[state])].join('')} ${STATE_WORDS[state]}`),
    `${glyphs.ends.held} holds it now`
  ]
  return wrap(entries, '   ', width)
}

/** The entries in as few lines as fit, separated by `gap`. */
function wrap(entries: readonly string[], gap: string, width: number): string[] {
  const lines: string[] = []
  for (const entry of entries) {
    const last = lines.at(-1)
    const longer = last === undefined ? entry : last + gap + entry
    if (last !== undefined && textWidth(longer) <= width) lines[lines.length - 1] = longer
    else lines.push(entry)
  }
  return lines
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
