/** Time comes from outside, so that a simulated world can own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch, UTC, a whole number. It may jump, in both directions, when the machine's clock is set. */
  nowMs(): number
  /** Milliseconds since a moment of this clock's own, not whole; never goes back. For how long ago something was, or is to be. */
  elapsedMs(): number
  /**
   * Runs `run` once, `delayMs` (at least 0) of elapsed time from now, never within this call and never early; jumps of
   * `nowMs` do not move it.
   */
  after(delayMs: number, run: () => void): Timer
}

export interface Timer {
  /** After this the timer's function does not run any more; calling it twice does nothing. */
  cancel(): void
}
