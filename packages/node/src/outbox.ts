/**
 * Transactions on their way to the neighbours. They travel in batches, because a gossip message costs far more than the
 * verification of one transaction.
 *
 * The consensus sets the pace. A transaction leaves at once if none has left since this daemon's consensus last moved on, so
 * a lone one never waits. The others wait until it moves on again, when the next leader builds, or until they fill a
 * message; at most `HOLD_MS`.
 */
import { limits } from '@wardline/codec'
import { encodeBlockBody, type ParsedTransaction } from '@wardline/ledger'
import type { Clock, Timer } from '@wardline/ports'

export type Outbox = {
  add(transactions: readonly ParsedTransaction[]): void
  /** The consensus has moved on: sends what waits, or else lets the next transaction leave at once. */
  release(): void
  waitingBytes(): number
  /** Leaves no timer behind. */
  stop(): void
}

/** The longest that a transaction waits: the consensus may move slowly, or, with nothing that a block can take, not at all. */
export const HOLD_MS = 100
const LENGTH_BYTES = 4

/**
 * What waits is bounded (`limits.outboxBytesMax`): what comes above it is dropped, for peers also compare lists of what is
 * pending.
 * @param publish hands one gossip message over; resolves when the transport can take the next; must not reject
 */
export function createOutbox(clock: Clock, publish: (batch: Uint8Array) => Promise<void>): Outbox {
  const waiting: Uint8Array[] = []
  let waitingBytes = 0
  let running = false
  let released = true
  let timer: Timer | undefined

  function nextBatch(): Uint8Array {
    let count = 0
    let sizeBytes = 0
    for (const bytes of waiting) {
      if (count > 0 && sizeBytes + LENGTH_BYTES + bytes.length > limits.gossipBatchBytesMax) break
      sizeBytes += LENGTH_BYTES + bytes.length
      count += 1
    }
    waitingBytes -= sizeBytes
    return encodeBlockBody(waiting.splice(0, count))
  }

  async function run(): Promise<void> {
    running = true
    try {
      while (waiting.length > 0 && (released || waitingBytes >= limits.gossipBatchBytesMax)) {
        const batch = nextBatch()
        // What is left goes by the same release.
        if (waiting.length === 0) released = false
        await publish(batch)
      }
    } finally {
      running = false
    }
    if (waiting.length > 0) timer ??= clock.after(HOLD_MS, release)
  }

  function release(): void {
    timer?.cancel()
    timer = undefined
    released = true
    if (waiting.length > 0 && !running) void run()
  }

  return {
    add(transactions) {
      for (const { bytes } of transactions) {
        if (waitingBytes + LENGTH_BYTES + bytes.length > limits.outboxBytesMax) break
        waiting.push(bytes)
        waitingBytes += LENGTH_BYTES + bytes.length
      }
      if (waiting.length > 0 && !running) void run()
    },
    release,
    waitingBytes: () => waitingBytes,
    stop: () => timer?.cancel()
  }
}
