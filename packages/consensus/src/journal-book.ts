/** Which journal segments may be dropped: those whose entries all concern views that are final on this disk. */
import { assert } from '@wardline/codec'
import {
  entryPlace,
  FIRST_PLACE,
  isLater,
  type JournalEntry,
  type JournalScan,
  type Place,
  type ScannedSegment
} from './journal.ts'

/** Owned by whoever appends to the journal. */
export type JournalBook = { nextSeq: number; segments: ScannedSegment[] }

export function createJournalBook(scan: Extract<JournalScan, { kind: 'ok' }>): JournalBook {
  return { nextSeq: scan.nextSeq, segments: [...scan.segments] }
}

/** Notes that record `book.nextSeq` with `entries` went to `segment`, as the journal's `append` answered. */
export function noteAppend(book: JournalBook, segment: number, entries: readonly JournalEntry[]): void {
  const highest = entries.map(entryPlace).reduce(laterOf, FIRST_PLACE)
  const last = book.segments.at(-1)
  if (last?.number === segment) {
    const grown = { ...last, last: laterOf(last.last, highest) }
    book.segments[book.segments.length - 1] = grown
  } else {
    assert(last === undefined || segment > last.number, 'segments are appended in order')
    book.segments.push({ number: segment, firstSeq: book.nextSeq, last: highest })
  }
  book.nextSeq += 1
}

/**
 * What to drop once a block finalized at `final` is in a synced write: append `entry`, note it, and then drop every
 * segment below `dropBelow`. Undefined when no whole segment is old enough.
 */
export function planPrune(
  book: JournalBook,
  final: Place
): { readonly entry: JournalEntry; readonly dropBelow: number } | undefined {
  const kept = book.segments.findIndex((segment, at) => isLater(segment.last, final) || at === book.segments.length - 1)
  const first = book.segments[kept]
  if (kept < 1 || first === undefined) return undefined
  book.segments = book.segments.slice(kept)
  return {
    entry: { kind: 'pruned', epoch: final.epoch, view: final.view, firstSeq: first.firstSeq },
    dropBelow: first.number
  }
}

function laterOf(one: Place, other: Place): Place {
  return isLater(other, one) ? other : one
}
