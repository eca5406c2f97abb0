/**
 * What the demo says while it works: one line per stage, live on a terminal, a line now and then elsewhere. Stages that
 * are over stay, with what came of them and how long they took.
 */
import { styleText } from 'node:util'

export type Stream = {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export type Screen = {
  readonly unicode: boolean
  readonly width: number
  /** A whole paragraph; an empty text is an empty line. */
  say(text: string): void
  /** Begins a stage. */
  begin(title: string): void
  /** What the stage is at; said again on every call on a terminal, now and then elsewhere. */
  update(text: string): void
  /** Ends the stage with what came of it. */
  end(outcome: 'done' | 'failed', text: string): void
}

export type ScreenOptions = {
  readonly stream: Stream
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Milliseconds, for durations. */
  readonly now: () => number
}

type Stage = {
  readonly title: string
  readonly sinceMs: number
  readonly ticking: NodeJS.Timeout | undefined
  text: string
  saidMs: number
}

const TITLE_WIDTH = 11
const WIDTH = 100
const WIDTH_MIN = 40
const REDRAW_MS = 80
const SAY_AGAIN_MS = 3_000
/** How often the seconds of a stage go on by themselves on a terminal. */
const TICK_MS = 250

export function createScreen({ stream, environment, now }: ScreenOptions): Screen {
  const isTerminal = stream.isTTY === true && environment['TERM'] !== 'dumb'
  const unicode = showsUnicode(environment)
  const marks = unicode ? { done: '✓', failed: '✗', live: '·' } : { done: '+', failed: '!', live: '.' }
  // A terminal that does not know its width says 0.
  const width = Math.max(WIDTH_MIN, Math.min(WIDTH, (isTerminal && stream.columns) || WIDTH))
  let stage: Stage | undefined

  const paint = (style: 'bold' | 'dim' | 'green' | 'red', text: string) =>
    isTerminal && !environment['NO_COLOR'] ? styleText(style, text, { validateStream: false }) : text
  const clear = () => (isTerminal ? '\r\u001b[K' : '')
  const line = (mark: string, title: string, text: string, seconds: string) => {
    const room = Math.max(10, width - TITLE_WIDTH - seconds.length - 6)
    const shown = text.length > room ? `${text.slice(0, room - 1)}${unicode ? '…' : '.'}` : text
    return `  ${mark} ${paint('bold', title.padEnd(TITLE_WIDTH))} ${shown.padEnd(room)} ${paint('dim', seconds)}`
  }
  const secondsSince = (ms: number) => `${((now() - ms) / 1000).toFixed(1)} s`.padStart(7)
  const drawLive = ({ title, text, sinceMs }: Stage) => {
    const drawn = line(paint('dim', marks.live), title, plain(text, unicode), secondsSince(sinceMs))
    stream.write(isTerminal ? `${clear()}${drawn}` : `${drawn}\n`)
  }

  return {
    unicode,
    width,
    say: (text) => void stream.write(`${clear()}${plain(text, unicode)}\n`),
    begin(title) {
      const ticking = isTerminal
        ? setInterval(() => stage !== undefined && drawLive(stage), TICK_MS).unref()
        : undefined
      stage = { title, sinceMs: now(), ticking, text: '', saidMs: Number.NEGATIVE_INFINITY }
      if (isTerminal) drawLive(stage)
    },
    update(text) {
      if (stage === undefined) return
      stage.text = text
      if (now() - stage.saidMs < (isTerminal ? REDRAW_MS : SAY_AGAIN_MS)) return
      stage.saidMs = now()
      drawLive(stage)
    },
    end(outcome, text) {
      if (stage === undefined) return
      clearInterval(stage.ticking)
      const mark = outcome === 'done' ? paint('green', marks.done) : paint('red', marks.failed)
      stream.write(`${clear()}${line(mark, stage.title, plain(text, unicode), secondsSince(stage.sinceMs))}\n`)
      stage = undefined
    }
  }
}

/** Whether the terminal's character set is UTF-8, by the usual variables in their order. */
export function showsUnicode(environment: Readonly<Record<string, string | undefined>>): boolean {
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || ''
  return /utf-?8/i.test(locale) && environment['TERM'] !== 'linux'
}

/** The text without characters that an ASCII terminal cannot show. */
function plain(text: string, unicode: boolean): string {
  if (unicode) return text
  return text
    .replaceAll('·', '-')
    .replaceAll('’', "'")
    .replaceAll('…', '...')
    .replaceAll('→', '->')
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^ -~\n]/gu, '?')
}
