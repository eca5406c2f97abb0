/**
 * An append-only file in numbered segments, for the vote journal. The bytes are the caller's: framing, checksums and what
 * damage means belong to `consensus`. A segment may be preallocated with zeros behind its last written byte.
 *
 * One writer. An opened journal cannot know where its last record ends, because a record may end in zero bytes: unless
 * `truncate` has told it the size of the last segment, the first `append` after opening begins a new one.
 */
export interface Journal {
  /** Every segment, ascending by number, whole (with preallocated zeros). For start-up only. */
  read(): Promise<readonly JournalSegment[]>
  /**
   * Says that segment `number` ends at its first `size` bytes: what follows becomes zeros. For the last segment this is also
   * where the next `append` goes, so call it at every start, torn tail or not. Durable when resolved.
   * @throws WardlineError `journal-failed`
   */
  truncate(number: number, size: number): Promise<void>
  /**
   * Appends `bytes` (at least one) whole to the last segment, or to a new one when it would not fit, and resolves with the
   * segment's number once the bytes survive a power cut (fdatasync; of the folder too for a new segment). Concurrent
   * appends land in the order of their calls. A crash before it resolves may leave any part of the bytes behind.
   * @throws WardlineError `journal-failed`; never retried, every later call fails too, the process must end.
   */
  append(bytes: Uint8Array): Promise<number>
  /**
   * Puts all segments where no `read` finds them, for people to look at; those that were put there before go. The next
   * `append` begins a new journal. Durable when resolved; a crash on the way leaves the journal as it was, empty, or
   * without its beginning.
   * @throws WardlineError `journal-failed`
   */
  setAside(): Promise<void>
  /** Removes every segment with a number below `number`; the last one always stays. */
  dropBelow(number: number): Promise<void>
  close(): Promise<void>
}

export type JournalSegment = { readonly number: number; readonly bytes: Uint8Array }
