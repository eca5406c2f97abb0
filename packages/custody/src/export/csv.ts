/** The hand-offs as a table for spreadsheets: RFC 4180, every field quoted, UTF-8, lines ended by CR LF. */
import { select } from '../draw/selection.ts'
import { printable } from '../draw/text-width.ts'
import type { DrawOptions } from '../draw/view.ts'
import { type CustodyGraph, handOffs } from '../graph.ts'

const FIELDS = [
  'record',
  'transmission',
  'via',
  'from',
  'from name',
  'to',
  'to name',
  'purpose',
  'consent',
  'sent',
  'sent height',
  'state',
  'acknowledgement',
  'acknowledged',
  'acknowledged height',
  'content key',
  'recalled',
  'destroyed'
] as const

/**
 * One line for each hand-off below the headings; what is absent is empty, times are in UTC. What a selection hides it cannot
 * say: `custodyNotes` does.
 */
export function custodyCsv(graph: CustodyGraph, { names, selection }: DrawOptions): string {
  const lines = handOffs(select(graph, selection)).map(
    ({ transmission, delivery: { member, state, ack, contentKey } }) => [
      graph.recordId,
      transmission.id,
      transmission.via,
      transmission.sender,
      printable(names(transmission.sender), true),
      member,
      printable(names(member), true),
      transmission.purpose,
      transmission.consent,
      new Date(transmission.timeMs).toISOString(),
      transmission.height,
      state,
      ack?.id,
      timeOf(ack),
      ack?.height,
      contentKey,
      timeOf(graph.recall),
      timeOf(graph.recall?.attested.get(member))
    ]
  )
  return [FIELDS, ...lines].map((line) => `${line.map(quoted).join(',')}\r\n`).join('')
}

function timeOf(position: { readonly timeMs: number } | null | undefined): string | undefined {
  return position ? new Date(position.timeMs).toISOString() : undefined
}

/** A spreadsheet takes text that begins with one of these for a formula: an apostrophe before it says that it is none. */
const FORMULA = /^\s*[=+\-@]/

function quoted(field: string | number | null | undefined): string {
  const text = field === null || field === undefined ? '' : String(field)
  return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`
}
