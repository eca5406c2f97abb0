/** The hand-offs as a table, with the numbers of the drawing. */
import { type CustodyGraph, type HandOff, handOffs, type Transmission } from '../graph.ts'
import { STATE_WORDS } from './glyphs.ts'
import { fit, textWidth } from './text-width.ts'
import { dayOf, timeOf, type View } from './view.ts'

type Column = {
  readonly title: string
  readonly right?: boolean
  /** Repeated for every receiver of a transmission, or shown for the first only. */
  readonly each?: boolean
  readonly text: (handOff: HandOff) => string
  /** Left out where the names would otherwise have less room than this, the most yielding column first. */
  readonly yieldsBelow?: number
  /** May be cut to fit. */
  readonly flexible?: boolean
}

const GAP = '  '
/** Of each of the two columns of names. */
const NAME_WIDTH_MIN = 6

/** Header, rule and one line per hand-off. */
export function drawTable(view: View): string[] {
  const edges = handOffs(view.graph)
  const columns = fitted(columnsOf(view), edges, view.width)
  const header = columns.map(({ column, width }) => align(column, column.title, width, view)).join(GAP)
  const rows = edges.map((edge) =>
    columns.map(({ column, width }) => align(column, cellOf(column, edge), width, view)).join(GAP)
  )
  return [header, columns.map(({ width }) => view.glyphs.rule.repeat(width)).join(GAP), ...rows]
}

function columnsOf(view: View): Column[] {
  const numbers = new Map(view.graph.transmissions.map(({ id }, i) => [id, i + 1]))
  const number = ({ id }: Transmission) => String(numbers.get(id))
  const { glyphs, name, isOneDay } = view
  const columns: Column[] = [
    { title: '#', right: true, text: ({ transmission }) => number(transmission) },
    {
      title: 'via',
      right: true,
      yieldsBelow: 10,
      text: ({ transmission: { via } }) => (via === null ? 'own' : String(numbers.get(via) ?? '?'))
    },
    {
      title: isOneDay ? 'time' : 'day and time',
      yieldsBelow: NAME_WIDTH_MIN,
      text: ({ transmission: { timeMs } }) => (isOneDay ? timeOf(timeMs) : `${dayOf(timeMs)} ${timeOf(timeMs)}`)
    },
    { title: 'block', right: true, yieldsBelow: 14, text: ({ transmission }) => String(transmission.height) },
    { title: 'from', flexible: true, text: ({ transmission }) => name(transmission.sender) },
    { title: 'to', each: true, flexible: true, text: ({ delivery }) => name(delivery.member) },
    { title: 'purpose', yieldsBelow: 16, text: ({ transmission }) => transmission.purpose },
    {
      title: 'state',
      each: true,
      text: ({ delivery: { state } }) => `${glyphs.heads[state][0]} ${STATE_WORDS[state]}`
    },
    { title: 'after', right: true, each: true, yieldsBelow: 12, text: delay }
  ]
  return onePurpose(view.graph) === undefined ? columns : columns.filter(({ title }) => title !== 'purpose')
}

/** The purpose of every transmission, if they share one; it is then said once, above. */
export function onePurpose({ transmissions }: CustodyGraph): string | undefined {
  const purposes = new Set(transmissions.map(({ purpose }) => purpose))
  return purposes.size === 1 ? [...purposes][0] : undefined
}

/** How long after the transmission's block the receiver's answer was in a block. */
function delay({ transmission, delivery: { ack } }: HandOff): string {
  return ack === null ? '' : duration(ack.timeMs - transmission.timeMs)
}

/** `0.4 s`, `12 s`, `5 min`, `3 h`, `2 d`. */
function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 100) return `${Math.round(seconds)} s`
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

function cellOf(column: Column, edge: HandOff): string {
  const isFirst = edge.delivery === edge.transmission.to[0]
  return column.each === true || isFirst ? column.text(edge) : ''
}

function align(column: Column, text: string, width: number, { glyphs }: View): string {
  if (column.right !== true) return fit(text, width, glyphs.ellipsis)
  return ' '.repeat(Math.max(0, width - textWidth(text))) + text
}

type Sized = { readonly column: Column; readonly width: number }

/** Leaves out columns until the names have the room that the others grant them, and shares what is left among the names. */
function fitted(columns: readonly Column[], edges: readonly HandOff[], width: number): Sized[] {
  const sized = columns.map((column) => ({
    column,
    width: Math.max(textWidth(column.title), ...edges.map((edge) => textWidth(column.text(edge))))
  }))
  const names = sized.filter(({ column }) => column.flexible === true)
  const others = sized.filter(({ column }) => column.flexible !== true)
  const room = width - others.reduce((sum, other) => sum + other.width, (sized.length - 1) * GAP.length)
  const share = Math.floor(room / names.length)
  if (names.reduce((sum, name) => sum + name.width, 0) <= room) return sized
  const yielding = others
    .filter(({ column }) => column.yieldsBelow !== undefined && share < column.yieldsBelow)
    .sort((a, b) => (b.column.yieldsBelow as number) - (a.column.yieldsBelow as number))[0]
  if (yielding !== undefined)
    return fitted(
      columns.filter((column) => column !== yielding.column),
      edges,
      width
    )
  const spare = names.reduce((sum, name) => sum + Math.max(0, share - name.width), 0)
  const needy = names.filter((name) => name.width > share).length
  const most = share + Math.floor(spare / Math.max(1, needy))
  return sized.map((one) => (names.includes(one) ? { ...one, width: Math.min(one.width, most) } : one))
}
