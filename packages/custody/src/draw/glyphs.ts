/** The characters of a drawing, each one column wide in either set. */
import type { DeliveryState } from '../graph.ts'

/** What a lane shows between two columns: the hospital lacks the record, has it unopened, holds it. */
export type Hold = 'none' | 'waiting' | 'held'

export type Glyphs = {
  readonly origin: string
  readonly lanes: Readonly<Record<Hold, string>>
  /** At the right end of a lane: how it stands now. */
  readonly ends: Readonly<Record<Hold, string>>
  /** Beside the number of a transmission, on its sender's lane. */
  readonly badge: readonly [left: string, right: string]
  /** Where an arrow ends, pointing down and up. */
  readonly heads: Readonly<Record<DeliveryState, readonly [down: string, up: string]>>
  /** The arrow's line: to whom has opened, to anybody else. */
  readonly stems: Readonly<Record<'opened' | 'other', string>>
  readonly rule: string
  readonly ellipsis: string
  readonly dot: string
}

export const UNICODE: Glyphs = {
  origin: '◆',
  lanes: { none: '·', waiting: '─', held: '━' },
  ends: { none: ' ', waiting: '○', held: '●' },
  badge: ['┥', '┝'],
  heads: {
    sent: ['▽', '△'],
    opened: ['▼', '▲'],
    mismatch: ['≠', '≠'],
    'broken-path': ['×', '×'],
    refused: ['!', '!'],
    'lost-key': ['?', '?']
  },
  stems: { opened: '│', other: '╎' },
  rule: '─',
  ellipsis: '…',
  dot: '·'
}

export const ASCII: Glyphs = {
  origin: '@',
  lanes: { none: '.', waiting: '-', held: '=' },
  ends: { none: ' ', waiting: 'o', held: '*' },
  badge: ['[', ']'],
  heads: {
    sent: ['o', 'o'],
    opened: ['v', '^'],
    mismatch: ['~', '~'],
    'broken-path': ['x', 'x'],
    refused: ['!', '!'],
    'lost-key': ['?', '?']
  },
  stems: { opened: '|', other: ':' },
  rule: '-',
  ellipsis: '..',
  dot: '-'
}

/** How a state is called, in the drawing and beside it. */
export const STATE_WORDS: Readonly<Record<DeliveryState, string>> = {
  sent: 'not acknowledged',
  opened: 'opened',
  mismatch: 'content mismatch',
  'broken-path': 'broken path',
  refused: 'refused',
  'lost-key': 'key lost'
}
