/**
 * A record's custody as one SVG file: the lanes of the terminal's drawing, and the same table below. It holds text as text,
 * says what it shows in `title` and `desc`, and has neither scripts, styles nor anything that is loaded from elsewhere. What
 * became of a hand-off is told by line, mark and word; colour only helps.
 */
import type { MemberId } from '@wardline/codec'
import { escapeXml } from '../export/escape.ts'
import { type CustodyGraph, type DeliveryState, holdersAt, membersOf } from '../graph.ts'
import type { Arrow, Column } from './columns.ts'
import { type Hold, RECALL_WORDS, STATE_WORDS } from './glyphs.ts'
import { notesOf } from './selection.ts'
import { BINNED, factsOf, isWaitingShown } from './swimlanes.ts'
import { cellOf, type Field, fieldsOf, rowsOf } from './table.ts'
import { fit, printable, textWidth } from './text-width.ts'
import { type DrawOptions, dayOf, type Scene, sceneOf, timeOf } from './view.ts'

/** Lengths are in user units, which a browser shows as CSS pixels. */
const MARGIN = 28
const LANE_HEIGHT = 46
const COLUMN_WIDTH_MIN = 26
/** Where arrows have numbers beside them. */
const BINNED_COLUMN_WIDTH_MIN = 36
const COLUMN_WIDTH_MAX = 110
/** What the columns share while there are few. */
const LANES_WIDTH = 1080
const LEAD = 26
const END_WIDTH = 148
/** Behind the last column where the record was recalled: a line for the recall, and how each lane goes on. */
const RECALL_WIDTH = 96
const WIDTH_MIN = 900
const AXIS_HEIGHT = 34
const LINE_HEIGHT = 20
const ROW_HEIGHT = 21
const NAME_LENGTH_MAX = 34
const FONT_SIZE = 13
/** Of one character of average width at that size; names are cut long before this is wrong by much. */
const CHARACTER_WIDTH = 7.1

const INK = '#17212b'
const QUIET = '#5b6772'
const FAINT = '#c9d0d6'
const STRIPE = '#f4f6f8'
const HELD = '#0b6273'
const ALARM = '#a1222b'
const COLOURS: Readonly<Record<DeliveryState, string>> = {
  sent: '#8a5a00',
  opened: HELD,
  mismatch: ALARM,
  'broken-path': ALARM,
  refused: ALARM,
  'lost-key': ALARM
}
/** In the circle at the arrow's end, where a triangle is not enough. */
const SYMBOLS: Readonly<Record<DeliveryState, string>> = {
  sent: '',
  opened: '',
  mismatch: '≠',
  'broken-path': '×',
  refused: '!',
  'lost-key': '?'
}

type Sheet = Scene & {
  readonly name: (member: MemberId) => string
  /** The left end of the lanes, and where the right ends' words begin. */
  readonly left: number
  readonly right: number
  /** Where the line of the recall is; `right` where there is none. */
  readonly recallX: number
  readonly top: number
  readonly columnWidth: number
}

/** The whole file, with a line end. */
export function drawSvg(graph: CustodyGraph, options: DrawOptions): string {
  const name = (member: MemberId) => fit(printable(options.names(member), true), NAME_LENGTH_MAX, '…').trimEnd()
  const scene = sceneOf(graph, options.selection)
  const { lanes, columns } = scene
  const facts = factsOf(scene).join(' · ')
  const notes = linesBelow(scene)
  const left = MARGIN + Math.max(...lanes.map((lane) => widthOf(name(lane)))) + 24
  const share = LANES_WIDTH / Math.max(1, columns.length)
  const columnWidth = Math.min(
    COLUMN_WIDTH_MAX,
    Math.max(scene.isBinned ? BINNED_COLUMN_WIDTH_MIN : COLUMN_WIDTH_MIN, share)
  )
  const recallX = left + LEAD + columns.length * columnWidth + 10
  const right = recallX + (graph.recall === undefined ? 0 : RECALL_WIDTH)
  const top = MARGIN + 24 + (1 + notes.length) * LINE_HEIGHT + AXIS_HEIGHT
  const sheet: Sheet = { ...scene, name, left, right, recallX, top, columnWidth }
  const legendTop = top + lanes.length * LANE_HEIGHT + 30
  const legend = drawLegend(sheet, legendTop)
  const tableTop = legendTop + legend.height + 20
  const table = drawTable(sheet, tableTop)
  const said = Math.max(...[facts, ...notes].map(widthOf))
  const widest = Math.max(said, legend.width, table.width)
  const width = Math.ceil(Math.max(WIDTH_MIN, right + END_WIDTH, MARGIN + widest) + MARGIN)
  const height = Math.ceil(tableTop + table.height + MARGIN)
  const title = `Custody of record ${graph.recordId.slice(0, 16)}… of ${name(graph.origin)}`
  const desc = `${facts}. ${descriptionOf(sheet)} ${notes.join(' ')}`.trimEnd()
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escapeXml(title)}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif" font-size="${FONT_SIZE}" fill="${INK}">`,
    `<title>${escapeXml(title)}</title>`,
    `<desc>${escapeXml(desc)}</desc>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN, MARGIN + 14, title, 'font-size="19" font-weight="600"'),
    ...[facts, ...notes].map((line, i) =>
      text(MARGIN, MARGIN + 14 + (i + 1) * LINE_HEIGHT + 4, line, `fill="${QUIET}"`)
    ),
    ...drawLanes(sheet),
    ...drawAxis(sheet),
    ...drawRecall(sheet),
    // Text lies above all lines, whichever column they are of.
    ...columns.flatMap((column, i) => drawColumn(sheet, column, i)),
    ...columns.flatMap((column, i) => drawCounts(sheet, column, i)),
    ...legend.parts,
    ...table.parts,
    '</svg>\n'
  ].join('\n')
}

function linesBelow({ selected, isBinned }: Scene): string[] {
  const binned = `${BINNED} A number beside an arrow is how many hand-offs it stands for.`
  return [...notesOf(selected), ...(isBinned ? [binned] : [])]
}

function descriptionOf({ graph, name }: Sheet): string {
  const { recall } = graph
  if (recall !== undefined) {
    const missing = membersOf(graph).filter((member) => !recall.attested.has(member))
    return missing.length === 0
      ? `Destroyed by all${graph.complete ? '' : ' of these'}.`
      : `Not said to be destroyed by ${listed(missing.map(name))}.`
  }
  const holders = holdersAt(graph).map(({ member }) => name(member))
  return `Held by ${graph.complete ? '' : 'at least '}${listed(holders)}.`
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, 12).join(', ')}${names.length > 12 ? ` and ${names.length - 12} more` : ''}`
}

function laneY({ top }: Sheet, row: number): number {
  return top + row * LANE_HEIGHT + LANE_HEIGHT / 2
}

function columnX({ left, columnWidth }: Sheet, index: number): number {
  return left + LEAD + (index + 0.5) * columnWidth
}

/** For each hospital a stripe, its name, a line that changes where the hospital's hold does, and how it stands now. */
function drawLanes(sheet: Sheet): string[] {
  const { lanes, left, right, top, name, graph } = sheet
  return lanes.flatMap((lane, row) => {
    const y = laneY(sheet, row)
    const hold = sheet.holdNow(lane)
    const stripe =
      row % 2 === 0
        ? [
            rect(
              MARGIN - 8,
              top + row * LANE_HEIGHT,
              right + END_WIDTH - MARGIN,
              LANE_HEIGHT,
              `fill="${STRIPE}" rx="4"`
            )
          ]
        : []
    const origin = lane === graph.origin ? [path(`M${left + 6} ${y - 7}l7 7l-7 7l-7 -7z`, `fill="${HELD}"`)] : []
    return [
      ...stripe,
      text(MARGIN, y + 4.5, name(lane), lane === graph.origin ? 'font-weight="600"' : ''),
      ...laneLines(sheet, lane, y),
      ...origin,
      endMark(hold, right, y),
      text(right + 14, y + 4.5, END_WORDS[hold], `fill="${hold === 'held' || hold === 'recalled' ? INK : QUIET}"`)
    ]
  })
}

const END_WORDS: Readonly<Record<Hold, string>> = {
  none: '',
  waiting: 'not acknowledged',
  held: 'holds it',
  ...RECALL_WORDS
}

function laneLines(sheet: Sheet, lane: MemberId, y: number): string[] {
  const { columns, left, right, recallX } = sheet
  const lines: string[] = []
  let start = left
  for (let index = 0; index <= columns.length; index++) {
    const hold = sheet.holdBefore(lane, index)
    if (index < columns.length && sheet.holdBefore(lane, index + 1) === hold) continue
    const end = index === columns.length ? recallX : columnX(sheet, index)
    lines.push(line(start, y, end, y, LANE_STROKES[hold]))
    start = end
  }
  if (recallX < right) lines.push(line(recallX, y, right, y, LANE_STROKES[sheet.holdNow(lane)]))
  return lines
}

const LANE_STROKES: Readonly<Record<Hold, string>> = {
  none: `stroke="${FAINT}" stroke-width="1.5" stroke-dasharray="1.5 6"`,
  waiting: `stroke="${COLOURS.sent}" stroke-width="1.5"`,
  held: `stroke="${HELD}" stroke-width="4"`,
  recalled: `stroke="${ALARM}" stroke-width="4" stroke-dasharray="9 4"`,
  destroyed: `stroke="${FAINT}" stroke-width="1.5" stroke-dasharray="1.5 6"`
}

/** A dashed line over all lanes, and on each a triangle that points back to where the record came from. */
function drawRecall(sheet: Sheet): string[] {
  const { lanes, recallX, right, top } = sheet
  if (recallX === right) return []
  const said = 'recalled'
  return [
    line(
      recallX,
      top - 6,
      recallX,
      top + lanes.length * LANE_HEIGHT,
      `stroke="${INK}" stroke-width="1.4" stroke-dasharray="6 3"`
    ),
    text(recallX - widthOf(said) / 2, top - 11, said, 'font-size="12" font-weight="600"'),
    ...lanes.map((_, row) => recallMark(recallX, laneY(sheet, row)))
  ]
}

function recallMark(x: number, y: number): string {
  return path(
    `M${at(x - 6)} ${at(y)}l10 -6.5v13z`,
    `fill="#ffffff" stroke="${INK}" stroke-width="1.6" stroke-linejoin="round"`
  )
}

function endMark(hold: Hold, x: number, y: number): string {
  if (hold === 'none') return ''
  if (hold === 'destroyed') {
    const cross = `M${at(x - 4.5)} ${at(y - 4.5)}l9 9m0 -9l-9 9`
    return path(cross, `fill="none" stroke="${QUIET}" stroke-width="2.2" stroke-linecap="round"`)
  }
  if (hold === 'recalled') {
    return [6.5, 2.5]
      .map((r) => `<circle cx="${at(x)}" cy="${at(y)}" r="${r}" fill="#ffffff" stroke="${ALARM}" stroke-width="1.8"/>`)
      .join('')
  }
  const fill = hold === 'held' ? HELD : '#ffffff'
  return `<circle cx="${at(x)}" cy="${at(y)}" r="5.5" fill="${fill}" stroke="${hold === 'held' ? HELD : COLOURS.sent}" stroke-width="1.8"/>`
}

/** Times above the lanes, where there is room, with a hair line down to the last lane. */
function drawAxis(sheet: Sheet): string[] {
  const { columns, lanes, top, isOneDay, isBinned } = sheet
  const bottom = top + lanes.length * LANE_HEIGHT
  let free = 0
  let shown = ''
  return columns.flatMap((column, index) => {
    if (!column.isFirstOfBin) return []
    const { timeMs } = column.transmissions[0]
    const label = isOneDay ? timeOf(timeMs) : dayOf(timeMs)
    const x = isBinned ? columnX(sheet, index) - sheet.columnWidth / 2 : columnX(sheet, index)
    const hair = isBinned ? [line(x, top - 6, x, bottom, `stroke="${FAINT}" stroke-width="1"`)] : []
    const start = isBinned ? x + 3 : x - widthOf(label) / 2
    const isAtRecall =
      sheet.recallX < sheet.right && start + widthOf(label) + 6 > sheet.recallX - widthOf('recalled') / 2
    if (label === shown || start < free || isAtRecall) return hair
    free = start + widthOf(label) + 12
    shown = label
    return [...hair, text(start, top - 11, label, `font-size="12" fill="${QUIET}"`)]
  })
}

/** The arrows of one column and the badge they start from. */
function drawColumn(sheet: Sheet, column: Column, index: number): string[] {
  const { lanes, name } = sheet
  const x = columnX(sheet, index)
  const row = lanes.indexOf(column.sender)
  const y = laneY(sheet, row)
  const arrows = column.arrows.map((arrow) => ({ arrow, endY: laneY(sheet, lanes.indexOf(arrow.to)) }))
  const to = column.arrows.map((arrow) => `${name(arrow.to)}: ${countOf(arrow)}`).join('; ')
  const width = 12 + 7.2 * String(column.number).length
  return [
    `<g><title>${escapeXml(`${column.number}. ${name(column.sender)} to ${to}`)}</title>`,
    // White beneath, so that an arrow passes over the lanes that it does not end at; the dashed below the solid.
    ...arrows.map(({ endY }) => line(x, y, x, endY, 'stroke="#ffffff" stroke-width="7"')),
    ...arrows
      .toSorted((a, b) => Number(a.arrow.state === 'opened') - Number(b.arrow.state === 'opened'))
      .map(({ arrow, endY }) => line(x, y, x, endY - Math.sign(endY - y) * 9, stemOf(arrow.state))),
    ...arrows.flatMap(({ arrow, endY }) => headOf(arrow.state, { x, y: endY, down: endY > y })),
    rect(x - width / 2, y - 9.5, width, 19, `rx="9.5" fill="#ffffff" stroke="${INK}" stroke-width="1.4"`),
    text(x, y + 4.3, String(column.number), 'font-size="12" font-weight="600" text-anchor="middle"'),
    '</g>'
  ]
}

/** How many hand-offs each arrow stands for, where it is several. */
function drawCounts(sheet: Sheet, { sender, arrows }: Column, index: number): string[] {
  const { lanes } = sheet
  const row = lanes.indexOf(sender)
  return arrows.flatMap(({ to, state, count }) => {
    const end = lanes.indexOf(to)
    const y = laneY(sheet, end) + (end > row ? -10 : 19)
    const attributes = `font-size="11" font-weight="600" fill="${COLOURS[state]}" stroke="#ffffff" stroke-width="3" paint-order="stroke"`
    return count === 1 ? [] : [text(columnX(sheet, index) + 7, y, `×${count}`, attributes)]
  })
}

function countOf({ count, inState, state }: Arrow): string {
  const word = STATE_WORDS[state]
  if (count === 1) return word
  return inState === count ? `${count} ${word}` : `${inState} of ${count} ${word}`
}

function stemOf(state: DeliveryState): string {
  return `stroke="${COLOURS[state]}" stroke-width="2"${state === 'opened' ? '' : ' stroke-dasharray="5 4"'}`
}

function headOf(
  state: DeliveryState,
  { x, y, down }: { readonly x: number; readonly y: number; readonly down: boolean }
): string[] {
  const colour = COLOURS[state]
  if (SYMBOLS[state] !== '') {
    return [
      `<circle cx="${at(x)}" cy="${at(y)}" r="8" fill="#ffffff" stroke="${colour}" stroke-width="1.8"/>`,
      text(x, y + 4.6, SYMBOLS[state], `font-size="13" font-weight="700" text-anchor="middle" fill="${colour}"`)
    ]
  }
  const step = down ? -11 : 11
  const fill = state === 'opened' ? colour : '#ffffff'
  return [
    path(
      `M${at(x)} ${at(y)}l-6.5 ${step}h13z`,
      `fill="${fill}" stroke="${colour}" stroke-width="1.6" stroke-linejoin="round"`
    )
  ]
}

type Entry = readonly [width: number, word: string, draw: (x: number, y: number) => string[]]

function recallLegend({ graph, lanes, holdNow }: Sheet): Entry[] {
  if (graph.recall === undefined) return []
  const now = new Set(lanes.map(holdNow))
  const ends = (['recalled', 'destroyed'] as const).filter((hold) => now.has(hold))
  return [
    [16, 'recalled', (x, y) => [recallMark(x + 7, y)]],
    ...ends.map(
      (hold): Entry => [
        42,
        RECALL_WORDS[hold],
        (x, y) => [line(x, y, x + 30, y, LANE_STROKES[hold]), endMark(hold, x + 35, y)]
      ]
    )
  ]
}

/** Every mark that is used, with its word. */
function drawLegend(
  sheet: Sheet,
  top: number
): { readonly parts: readonly string[]; readonly width: number; readonly height: number } {
  const states = [...new Set(sheet.columns.flatMap(({ arrows }) => arrows.map(({ state }) => state)))]
  const entries: readonly Entry[] = [
    [16, 'origin', (x, y) => [path(`M${at(x + 7)} ${at(y - 7)}l7 7l-7 7l-7 -7z`, `fill="${HELD}"`)]],
    [30, 'holds it', (x, y) => [line(x, y, x + 28, y, LANE_STROKES.held)]],
    ...(isWaitingShown(sheet)
      ? ([[30, 'sent to it', (x: number, y: number) => [line(x, y, x + 28, y, LANE_STROKES.waiting)]]] as const)
      : []),
    ...recallLegend(sheet),
    ...states.map(
      (state) =>
        [
          20,
          STATE_WORDS[state],
          (x: number, y: number) => [
            line(x + 8, y - 14, x + 8, y - 3, stemOf(state)),
            ...headOf(state, { x: x + 8, y: y + 8, down: true })
          ]
        ] as const
    )
  ]
  let x = MARGIN
  const parts = entries.flatMap(([width, word, draw]) => {
    const here = x
    x += width + 8 + widthOf(word) + 26
    return [...draw(here, top), text(here + width + 6, top + 4.5, word, '')]
  })
  return { parts, width: x - MARGIN, height: LINE_HEIGHT }
}

const FIELD_GAP = 24

function drawTable(
  sheet: Sheet,
  top: number
): { readonly parts: readonly string[]; readonly width: number; readonly height: number } {
  const rows = rowsOf(sheet)
  if (rows.length === 0) return { parts: [], width: 0, height: 0 }
  const fields = fieldsOf(sheet, sheet.name, () => '').map((field) => ({
    field,
    width: rows.reduce((widest, row) => Math.max(widest, widthOf(field.text(row).trim())), widthOf(field.title))
  }))
  const width = fields.reduce((sum, one) => sum + one.width + FIELD_GAP, -FIELD_GAP)
  const put = (y: number, textOf: (field: Field) => string, attributes: string) => {
    let x = MARGIN
    return fields.flatMap(({ field, width: own }) => {
      const said = textOf(field).trim()
      const anchored = field.right === true ? ' text-anchor="end"' : ''
      const place = field.right === true ? x + own : x
      x += own + FIELD_GAP
      return said === '' ? [] : [text(place, y, said, attributes + anchored)]
    })
  }
  const parts = [
    ...put(top + 14, ({ title }) => title, `fill="${QUIET}" font-weight="600"`),
    line(MARGIN, top + 21, MARGIN + width, top + 21, `stroke="${FAINT}" stroke-width="1"`),
    ...rows.flatMap((row, i) => put(top + 16 + (i + 1) * ROW_HEIGHT, (field) => cellOf(field, row), ''))
  ]
  return { parts, width, height: 24 + rows.length * ROW_HEIGHT }
}

function widthOf(said: string): number {
  return textWidth(said) * CHARACTER_WIDTH
}

function text(x: number, y: number, said: string, attributes: string): string {
  return `<text x="${at(x)}" y="${at(y)}"${attributes === '' ? '' : ` ${attributes.trimStart()}`}>${escapeXml(said)}</text>`
}

function line(x1: number, y1: number, x2: number, y2: number, attributes: string): string {
  return `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" ${attributes}/>`
}

function rect(x: number, y: number, width: number, height: number, attributes: string): string {
  return `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" ${attributes}/>`
}

function path(d: string, attributes: string): string {
  return `<path d="${d}" ${attributes}/>`
}

function at(length: number): string {
  return String(Math.round(length * 10) / 10)
}
