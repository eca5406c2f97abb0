/** What bounds clients beside the limits of one connection: time, and what all of them share. */

export type Timeouts = {
  /** A request or a message must have come this long after its first byte. */
  readonly requestMs: number
  /** HTTP: an answer that makes no progress for this long is cut. Other connections: what was sent must be read within it. */
  readonly stalledAnswerMs: number
  /** An idle connection is closed after this. */
  readonly idleMs: number
}

export const TIMEOUTS: Timeouts = { requestMs: 10_000, stalledAnswerMs: 10_000, idleMs: 120_000 }

/** Shared by all sockets of a daemon. */
export type Budget = {
  /** Bodies and messages that are being read or answered, bytes. */
  pendingBytes: number
  /** What waits to be read by clients that keep their connection, bytes. */
  unreadBytes: number
  subscriptions: number
  /** Each is called once, when something has been read. */
  readonly waiting: Set<() => void>
}

export function createBudget(): Budget {
  return { pendingBytes: 0, unreadBytes: 0, subscriptions: 0, waiting: new Set() }
}

export function wakeAll(waiting: Set<() => void>): void {
  const woken = [...waiting]
  waiting.clear()
  for (const wake of woken) wake()
}
