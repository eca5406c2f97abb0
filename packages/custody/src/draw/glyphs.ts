/** The characters of a drawing, each one column wide in either set. */
import { type CustodyGraph, type Delivery, type DeliveryState, recallStateOf } from '../graph.ts'

/**
 * What a lane shows between two columns: the hospital lacks the record, has it unopened, holds it; and once the record is
 * recalled: is to destroy it, has said that it did.
 */
export type Hold = 'none' | 'waiting' | 'held' | 'recalled' | 'destroyed'

export type Glyphs = {
  readonly origin: string
  readonly lanes: Readonly<Record<Hold, string>>
  /** At the right end of a lane: how it stands now. */
  readonly ends: Readonly<Record<Hold, string>>
  /** On every lane, where the record was recalled. */
  readonly recall: string
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
  lanes: { none: '·', waiting: '─', held: '━', recalled: '┅', destroyed: ' ' },
  ends: { none: ' ', waiting: '○', held: '●', recalled: '◎', destroyed: '∅' },
  recall: '◁',
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
  lanes: { none: '.', waiting: '-', held: '=', recalled: '%', destroyed: ' ' },
  ends: { none: ' ', waiting: 'o', held: '*', recalled: '#', destroyed: '0' },
  recall: '<',
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

/** What a recall makes of a hand-off, said behind its state. */
export const RECALL_WORDS: Readonly<Record<'recalled' | 'destroyed', string>> = {
  recalled: 'to destroy',
  destroyed: 'destroyed'
}

/** How a hand-off stands, in words. */
export function wordsOf(graph: CustodyGraph, { member, state, contentKey }: Delivery): string {
  const claim = state === 'mismatch' ? [contentKey === undefined ? 'claimed' : 'key revealed'] : []
  const recall = recallStateOf(graph, member)
  return [STATE_WORDS[state], ...claim, ...(recall === undefined ? [] : [RECALL_WORDS[recall]])].join(', ')
}
