/** The hand-offs as a table, with the numbers of the drawing. */
import { assert } from '@wardline/codec'
import type { Purpose } from '@wardline/ledger'
import { type CustodyGraph, type HandOff, recallStateOf, type Transmission } from '../graph.ts'
import { type Arrow, type Column, worstOf } from './columns.ts'
import { RECALL_WORDS, STATE_WORDS, wordsOf } from './glyphs.ts'
import { fit, textWidth } from './text-width.ts'
import { dayOf, type Scene, timeOf, type View } from './view.ts'

/** A line of the table: one arrow of the drawing; where hand-offs are gathered, all of a column. */
export type Row = { readonly column: Column; readonly arrows: readonly Arrow[]; readonly isFirst: boolean }

export type Field = {
  readonly title: string
  readonly right?: boolean
  /** Repeated for every arrow of a column, or shown for the first only. */
  readonly each?: boolean
  readonly text: (row: Row) => string
  /** What stays of it where it would be left out: it never is. */
  readonly short?: (row: Row) => string
  /** Left out where the names would otherwise have less room than this, the most yielding field first. */
  readonly yieldsBelow?: number
  /** May be cut to fit. */
  readonly flexible?: boolean
}

const GAP = '  '
/** Of each of the two fields of names. */
const NAME_WIDTH_MIN = 6

/** Header, rule and lines. */
export function drawTable(view: View): string[] {
  const rows = rowsOf(view)
  if (rows.length === 0) return []
  const mark = (state: Arrow['state']) => view.glyphs.heads[state][0]
  const fields = fitted(fieldsOf(view, view.name, mark), rows, view.width)
  const header = fields.map(({ field, width }) => align(field, field.title, width, view)).join(GAP)
  const lines = rows.map((row) =>
    fields.map(({ field, width }) => align(field, cellOf(field, row), width, view)).join(GAP)
  )
  return [header, fields.map(({ width }) => view.glyphs.rule.repeat(width)).join(GAP), ...lines]
}

export function rowsOf({ columns, isBinned }: Scene): Row[] {
  return columns.flatMap((column): Row[] =>
    isBinned
      ? [{ column, arrows: column.arrows, isFirst: true }]
      : column.arrows.map((arrow, i) => ({ column, arrows: [arrow], isFirst: i === 0 }))
  )
}

/** What the table says, of hand-offs one by one or gathered. */
export function fieldsOf(scene: Scene, name: View['name'], mark: (state: Arrow['state']) => string): Field[] {
  const { isBinned, isOneDay } = scene
  const when = (timeMs: number) => (isOneDay ? timeOf(timeMs) : `${dayOf(timeMs)} ${timeOf(timeMs)}`)
  const number: Field = { title: '#', right: true, text: ({ column }) => String(column.number) }
  const time: Field = {
    title: isOneDay ? 'time' : 'day and time',
    yieldsBelow: NAME_WIDTH_MIN,
    text: ({ column }) => when(column.transmissions[0].timeMs)
  }
  const from: Field = { title: 'from', flexible: true, text: ({ column }) => name(column.sender) }
  const to: Field = {
    title: 'to',
    each: true,
    flexible: true,
    text: ({ arrows }) => {
      const [first, ...others] = arrows
      return first === undefined || others.length > 0 ? `${arrows.length} hospitals` : name(first.to)
    }
  }
  const state: Field = {
    title: 'state',
    each: true,
    yieldsBelow: NAME_WIDTH_MIN,
    short: ({ arrows }) => {
      const worst = worstOf(arrows.map((arrow) => arrow.state))
      const [recall] = recallWords(scene.graph, arrows)
      return `${mark(worst)} ${recall ?? STATE_WORDS[worst]}`
    },
    text: ({ arrows }) => {
      const state = worstOf(arrows.map((arrow) => arrow.state))
      return `${mark(state)} ${[STATE_WORDS[state], ...recallWords(scene.graph, arrows)].join(', ')}`
    }
  }
  if (isBinned) {
    const until: Field = {
      title: 'until',
      yieldsBelow: 12,
      text: ({ column }) => when((column.transmissions.at(-1) as Transmission).timeMs)
    }
    const count: Field = {
      title: 'of all',
      right: true,
      each: true,
      yieldsBelow: NAME_WIDTH_MIN,
      text: ({ arrows }) => {
        const worst = worstOf(arrows.map((arrow) => arrow.state))
        const all = arrows.reduce((sum, arrow) => sum + arrow.count, 0)
        const inState = arrows.reduce((sum, arrow) => sum + (arrow.state === worst ? arrow.inState : 0), 0)
        return all === inState ? String(all) : `${inState}/${all}`
      }
    }
    return [number, time, until, from, to, state, count]
  }
  const stateOfOne: Field = {
    ...state,
    text: (row) => {
      const { delivery } = handOffOf(row)
      return `${mark(delivery.state)} ${wordsOf(scene.graph, delivery)}`
    }
  }
  const numbers = new Map(scene.columns.map((column) => [column.transmissions[0].id, column.number]))
  const via: Field = {
    title: 'via',
    right: true,
    yieldsBelow: 10,
    text: ({ column: { transmissions } }) => {
      const source = transmissions[0].via
      return source === null ? 'own' : String(numbers.get(source) ?? '?')
    }
  }
  const block: Field = {
    title: 'block',
    right: true,
    yieldsBelow: 14,
    text: ({ column }) => String(column.transmissions[0].height)
  }
  const purpose: Field = { title: 'purpose', yieldsBelow: 16, text: ({ column }) => column.transmissions[0].purpose }
  const after: Field = {
    title: 'after',
    right: true,
    each: true,
    yieldsBelow: 12,
    text: (row) => delay(handOffOf(row))
  }
  const named = onePurpose(scene.selected) === undefined ? [purpose] : []
  return [number, via, time, block, from, to, ...named, stateOfOne, after]
}

/** Of gathered hand-offs: one that is still to be destroyed is what needs attention. */
function recallWords(graph: CustodyGraph, arrows: readonly Arrow[]): string[] {
  const states = arrows.map(({ to }) => recallStateOf(graph, to))
  if (states.includes('recalled')) return [RECALL_WORDS.recalled]
  return states.includes('destroyed') ? [RECALL_WORDS.destroyed] : []
}

/** The one hand-off that an arrow of a column of one transmission is. */
function handOffOf({ column, arrows }: Row): HandOff {
  const [transmission] = column.transmissions
  const delivery = transmission.to.find(({ member }) => member === arrows[0]?.to)
  assert(delivery !== undefined, 'an arrow goes to a receiver')
  return { transmission, delivery }
}

/** The purpose of every transmission, if they share one; it is then said once, above. */
export function onePurpose({ transmissions }: Scene['selected']): Purpose | undefined {
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

export function cellOf(field: Field, row: Row): string {
  return field.each === true || row.isFirst ? field.text(row) : ''
}

function align(field: Field, text: string, width: number, { glyphs }: View): string {
  if (field.right !== true) return fit(text, width, glyphs.ellipsis)
  return ' '.repeat(Math.max(0, width - textWidth(text))) + text
}

/** What is left of a field that yields. */
function shortened({ short, yieldsBelow: _, ...field }: Field): readonly Field[] {
  return short === undefined ? [] : [{ ...field, text: short }]
}

type Sized = { readonly field: Field; readonly width: number }

/** Leaves out fields until the names have the room that the others grant them, and shares what is left among the names. */
function fitted(fields: readonly Field[], rows: readonly Row[], width: number): Sized[] {
  const sized = fields.map((field) => ({
    field,
    width: rows.reduce((widest, row) => Math.max(widest, textWidth(field.text(row))), textWidth(field.title))
  }))
  const names = sized.filter(({ field }) => field.flexible === true)
  const others = sized.filter(({ field }) => field.flexible !== true)
  const room = width - others.reduce((sum, other) => sum + other.width, (sized.length - 1) * GAP.length)
  const share = Math.floor(room / names.length)
  if (names.reduce((sum, name) => sum + name.width, 0) <= room) return sized
  const yielding = others
    .filter(({ field }) => field.yieldsBelow !== undefined && share < field.yieldsBelow)
    .sort((a, b) => (b.field.yieldsBelow as number) - (a.field.yieldsBelow as number))[0]
  if (yielding !== undefined)
    return fitted(
      fields.flatMap((field) => (field === yielding.field ? shortened(field) : [field])),
      rows,
      width
    )
  const spare = names.reduce((sum, name) => sum + Math.max(0, share - name.width), 0)
  const needy = names.filter((name) => name.width > share).length
  const most = share + Math.floor(spare / Math.max(1, needy))
  return sized.map((one) => (names.includes(one) ? { ...one, width: Math.min(one.width, most) } : one))
}
