/** Data goes to standard output, everything else to standard error, so that a pipe carries data only. */
import type { SettingName } from '@wardline/config'

/** The options that every command has. */
export type Common = Partial<Record<SettingName, string>> & {
  readonly json?: boolean
  readonly socket?: string
}

/** The one result of a command: a line of JSON with `--json`, else text for people. */
export function emit(common: Common, data: unknown, text: () => string): void {
  process.stdout.write(common.json ? `${JSON.stringify(data)}\n` : withLineEnd(text()))
}

/** Talk: never data. */
export function say(message: string): void {
  process.stderr.write(withLineEnd(message))
}

function withLineEnd(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

type Cell = string | number | null | undefined

/** Columns without borders; the first row are the headings. */
export async function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const blank = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
  const inner = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid']
  const drawn = new Table({
    head: headings.map((heading) => heading.toUpperCase()),
    chars: { ...Object.fromEntries([...blank, ...inner].map((place) => [place, ''])), middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 }
  })
  for (const row of rows) drawn.push(row.map((cell) => printable(String(cell ?? '-'))))
  return `${drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`
}

/** Text from elsewhere cannot move the cursor or pretend to be another line. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}

/** The last time that a date can be; what a chain holds may be later. */
const DATE_MS_MAX = 8_640_000_000_000_000

export function utc(timeMs: number): string {
  return new Date(Math.min(timeMs, DATE_MS_MAX)).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** As `3 s`, `5 min`, `2 h`, `4 d`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}

/** The first digits of a 32-byte name, enough for people. */
export function short(name: string): string {
  return name.slice(0, 12)
}

/** Below a table with ids that commands take, cut by `short`: they take whole ones. */
export function sayCut(common: Common, rows: number): void {
  if (rows > 0 && !common.json) say('Ids are cut to 12 digits; commands take whole ones, which --json gives.')
}

export function who(member: { readonly member: string; readonly name: string | null }): string {
  return member.name === null ? short(member.member) : printable(member.name)
}

/** What a recall means for who had the record. */
export function recallWord(recall: 'recalled' | 'destroyed' | null): string | null {
  return recall === 'recalled' ? 'to destroy' : recall
}

/** Columns for a drawing; 100 where the output is no terminal. */
export function screenWidth(): number {
  return Math.min(1000, Math.max(40, process.stdout.columns ?? 100))
}

/** Whether the terminal shows more than ASCII, by what its locale says. */
export function showsUnicode(): boolean {
  const { LC_ALL, LC_CTYPE, LANG, TERM } = process.env
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '') && TERM !== 'linux'
}
