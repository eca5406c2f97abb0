/** Which journal segments may be dropped: those whose entries all concern views that are final on this disk. */
import { assert, type Epoch, type View } from '@wardline/codec'
import { entryView, type JournalEntry, type JournalScan, type ScannedSegment } from './journal.ts'

/** Owned by whoever appends to the journal. */
export type JournalBook = { nextSeq: number; segments: ScannedSegment[] }

export function createJournalBook(scan: Extract<JournalScan, { kind: 'ok' }>): JournalBook {
  return { nextSeq: scan.nextSeq, segments: [...scan.segments] }
}

/** Notes that record `book.nextSeq` with `entries` went to `segment`, as the journal's `append` answered. */
export function noteAppend(book: JournalBook, segment: number, entries: readonly JournalEntry[]): void {
  const viewMax = entries.reduce((most, entry) => Math.max(most, entryView(entry)), 0) as View
  const last = book.segments.at(-1)
  if (last?.number === segment) {
    const grown = { ...last, viewMax: Math.max(last.viewMax, viewMax) as View }
    book.segments[book.segments.length - 1] = grown
  } else {
    assert(last === undefined || segment > last.number, 'segments are appended in order')
    book.segments.push({ number: segment, firstSeq: book.nextSeq, viewMax })
  }
  book.nextSeq += 1
}

/**
 * What to drop once a block of view `finalView` is final in a synced write: append `entry`, note it, and then drop every
 * segment below `dropBelow`. Undefined when no whole segment is old enough.
 */
export function planPrune(
  book: JournalBook,
  epoch: Epoch,
  finalView: View
): { readonly entry: JournalEntry; readonly dropBelow: number } | undefined {
  const kept = book.segments.findIndex((segment, at) => segment.viewMax > finalView || at === book.segments.length - 1)
  const first = book.segments[kept]
  if (kept < 1 || first === undefined) return undefined
  book.segments = book.segments.slice(kept)
  return { entry: { kind: 'pruned', epoch, view: finalView, firstSeq: first.firstSeq }, dropBelow: first.number }
}
