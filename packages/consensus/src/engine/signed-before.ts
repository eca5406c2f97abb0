/** What a journal tells of the views in which its owner signed. */
import type { Epoch, View } from '@wardline/codec'
import { entryPlace, type JournalEntry } from '../journal.ts'

/** The highest view of the epoch in which the owner signed, or may have signed before what is left of the journal. */
export function newestJournaled(entries: readonly JournalEntry[], epoch: Epoch): View {
  let newest = 0
  for (const entry of entries) {
    if (entry.kind === 'pruned') {
      if (entry.epoch === epoch) newest = Math.max(newest, entry.view)
    } else if (entry.kind === 'voted' || entry.kind === 'proposed') {
      const place = entryPlace(entry)
      if (place.epoch === epoch) newest = Math.max(newest, place.view)
    }
  }
  return newest as View
}
