/**
 * An append-only log of lines, for the record of who asked for what. The text is the caller's: numbering, chaining and what
 * a missing line means belong to `hospital`. Opening cuts off a last line that a crash left without its end.
 *
 * One writer. A line is 1 to `LINE_LENGTH_MAX` bytes of UTF-8 without a line feed.
 */
export interface LineLog {
  /** The last whole line at opening; undefined for an empty log. */
  readonly last: string | undefined
  /**
   * Adds a line and resolves once it survives a power cut. Lines land in the order of the calls; those that wait together
   * share one sync.
   * @throws WardlineError `line-log-failed`; never retried, every later call fails too. RangeError for a line of another shape
   */
  append(line: string): Promise<void>
  /** Waits for the appends under way; afterwards every append fails. Closing twice does nothing. */
  close(): Promise<void>
}

/** The longest line, bytes: what an audited call with the most receivers needs, several times over. */
export const LINE_LENGTH_MAX = 64 * 1024

/** @throws RangeError unless `line` is what a `LineLog` may hold */
export function assertLine(line: string): void {
  const sizeBytes = Buffer.byteLength(line)
  if (sizeBytes === 0 || sizeBytes > LINE_LENGTH_MAX || line.includes('\n')) {
    throw new RangeError(`a line is 1 to ${LINE_LENGTH_MAX} bytes without a line feed, got ${sizeBytes}`)
  }
}
