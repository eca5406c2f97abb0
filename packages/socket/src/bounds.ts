/** What bounds clients beside the limits of one connection: time, and what all of one socket share. */
import { limits } from '@wardline/codec'

export type Timeouts = {
  /** A request or a message must have come this long after its first byte. */
  readonly requestMs: number
  /** HTTP: an answer that makes no progress for this long is cut. Other connections: what was sent must be read within it. */
  readonly stalledAnswerMs: number
  /** An idle connection is closed after this. */
  readonly idleMs: number
}

export const TIMEOUTS: Timeouts = { requestMs: 10_000, stalledAnswerMs: 10_000, idleMs: 120_000 }

/** Shared by all connections of one socket, so that the clients of a role can take room from each other only. */
export type Budget = {
  /** Requests and messages that are being read or answered. */
  readonly pending: Pool
  /** Answers and events that have been made and not been read. */
  readonly unread: Pool
  subscriptions: number
}

/** Bytes that many hold together. */
export type Pool = {
  bytes: number
  readonly bytesMax: number
  /** Each is called once, when some have been given back. */
  readonly waiting: Set<() => void>
}

/** What one request, answer or connection holds of a pool. */
export type Share = {
  /** Holds `bytes` more if the pool has them, and says whether it does. */
  take(bytes: number): boolean
  /** Holds `bytes` more, whether or not the pool has them; fewer where it is negative. */
  add(bytes: number): void
  bytes(): number
  /** Gives everything back; what is taken or added later is not counted. */
  end(): void
}

export function createBudget(): Budget {
  return {
    pending: createPool(limits.rpcPendingBytesMax),
    unread: createPool(limits.rpcUnreadBytesOfAllMax),
    subscriptions: 0
  }
}

function createPool(bytesMax: number): Pool {
  return { bytes: 0, bytesMax, waiting: new Set() }
}

export function createShare(pool: Pool): Share {
  let held = 0
  let isOver = false

  function add(bytes: number): void {
    if (isOver || bytes === 0) return
    held += bytes
    pool.bytes += bytes
    if (bytes < 0) wakeAll(pool.waiting)
  }

  return {
    take(bytes) {
      if (pool.bytes + bytes > pool.bytesMax) return false
      add(bytes)
      return true
    },
    add,
    bytes: () => held,
    end() {
      add(-held)
      isOver = true
    }
  }
}

/** Whether so much is unread that the largest answer might not fit any more. */
export function isFull({ unread }: Budget): boolean {
  return unread.bytes > unread.bytesMax - limits.rpcAnswerBytesMax
}

/**
 * Holds the `bytes` of an answer that has been made, and says whether there is room: for a large one only while the largest
 * would fit, so that the answers of clients that do not read leave room for small ones.
 */
export function takeAnswer(budget: Budget, share: Share, bytes: number): boolean {
  if (bytes > limits.rpcUnreadBytesMax && isFull(budget)) return false
  return share.take(bytes)
}

export function wakeAll(waiting: Set<() => void>): void {
  if (waiting.size === 0) return
  const woken = [...waiting]
  waiting.clear()
  for (const wake of woken) wake()
}
