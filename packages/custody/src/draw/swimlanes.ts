/**
 * A record's custody for a terminal: one lane per hospital, time runs to the right, an arrow for every hand-off, and a table
 * below. What became of a hand-off is told by line, mark and word, never by colour.
 */
import { type CustodyGraph, handOffs, holdersAt, membersOf } from '../graph.ts'
import { STATE_WORDS } from './glyphs.ts'
import { drawPanels } from './panels.ts'
import { notesOf } from './selection.ts'
import { drawTable, onePurpose } from './table.ts'
import { fit, textWidth } from './text-width.ts'
import { dayOf, type Scene, type TerminalOptions, timeOf, type View, viewOf } from './view.ts'

/** The drawing, lines separated by `\n`, no `\n` at the end, no spaces at the ends of lines. */
export function drawSwimlanes(graph: CustodyGraph, options: TerminalOptions): string {
  const view = viewOf(graph, options)
  const lines = [...title(view), '', ...drawPanels(view), ...legend(view), '', ...drawTable(view)]
  return lines.map((line) => line.trimEnd()).join('\n')
}

function title(view: View): string[] {
  const { graph, glyphs, name, width, selected, isBinned } = view
  const lines = [
    `Record ${graph.recordId.slice(0, 16)}${glyphs.ellipsis} of ${name(graph.origin)}`,
    ...wrap(factsOf(view, view.when), ` ${glyphs.dot} `, width),
    ...notesOf(selected),
    ...(isBinned ? [BINNED] : [])
  ]
  return lines.map((line) => fit(line, width, glyphs.ellipsis))
}

/** Said of a drawing that gathers hand-offs. */
export const BINNED = 'A column gathers what one hospital sent in a while.'

/** What a drawing says first: how many hand-offs it shows and how they stand, who holds the record, what for and when. */
export function factsOf({ graph, selected, isOneDay }: Scene, when = 'now'): string[] {
  const edges = handOffs(selected)
  const counts = new Map<string, number>()
  for (const { delivery } of edges) {
    const word = STATE_WORDS[delivery.state]
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  const states = [...counts].map(([word, count]) => (count === edges.length ? `all ${word}` : `${count} ${word}`))
  const day = dayOf(selected.transmissions[0]?.timeMs ?? 0)
  const purpose = onePurpose(selected)
  return [
    [plural(edges.length, 'hand-off'), ...states].join(', '),
    recallFact(graph, when) ?? `${atLeast(graph)}${plural(holdersAt(graph).length, 'holder')} ${when}`,
    ...(purpose === undefined ? [] : [`for ${purpose}`]),
    isOneDay && edges.length > 0 ? `${day}, times in UTC` : 'times in UTC'
  ]
}

/** Said before a number that more hand-offs can only raise. */
function atLeast({ complete }: CustodyGraph): string {
  return complete ? '' : 'at least '
}

/** `recalled 2026-11-21 08:00:00, destroyed by 2 of 4`, of the members of the graph: after it nobody is a holder. */
function recallFact(graph: CustodyGraph, when: string): string | undefined {
  const { recall } = graph
  if (recall === undefined) return undefined
  const members = membersOf(graph)
  const destroyed = members.filter((member) => recall.attested.has(member)).length
  const known = when === 'now' ? '' : ` ${when}`
  return `recalled ${dayOf(recall.timeMs)} ${timeOf(recall.timeMs)}, destroyed by ${destroyed} of ${atLeast(graph)}${members.length}${known}`
}

/** The marks that the drawing uses, each with its word. */
function legend(view: View): string[] {
  const { glyphs, width, when } = view
  const states = new Set(view.columns.flatMap(({ arrows }) => arrows.map(({ state }) => state)))
  const entries = [
    `${glyphs.origin} origin`,
    `${glyphs.lanes.held.repeat(3)} holds it`,
    ...(isWaitingShown(view) ? [`${glyphs.lanes.waiting.repeat(3)} sent to it`] : []),
    ...[...states].map((state) => `${[...new Set(glyphs.heads[state])].join('')} ${STATE_WORDS[state]}`),
    ...(view.graph.recall === undefined ? [`${glyphs.ends.held} holds it ${when}`] : recallLegend(view))
  ]
  return wrap(entries, '   ', width)
}

function recallLegend({ glyphs, lanes, holdNow }: View): string[] {
  const now = new Set(lanes.map(holdNow))
  return [
    `${glyphs.recall} recalled`,
    ...(now.has('recalled') ? [`${glyphs.lanes.recalled.repeat(3)}${glyphs.ends.recalled} to destroy`] : []),
    ...(now.has('destroyed') ? [`${glyphs.ends.destroyed} destroyed`] : [])
  ]
}

/** Whether any lane waits anywhere. */
export function isWaitingShown({ columns, lanes, holdBefore }: Scene): boolean {
  const places = [...columns.keys(), columns.length]
  return lanes.some((lane) => places.some((index) => holdBefore(lane, index) === 'waiting'))
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
