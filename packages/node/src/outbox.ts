/**
 * Transactions on their way to the neighbours. They travel in batches, because a gossip message costs far more than the
 * verification of one transaction: what arrives while a message is being handed over joins the next one. There is no timer,
 * so a lone transaction leaves at once.
 */
import { limits } from '@wardline/codec'
import { encodeBlockBody, type ParsedTransaction } from '@wardline/ledger'

export type Outbox = (transactions: readonly ParsedTransaction[]) => void

const LENGTH_BYTES = 4

/**
 * What waits is bounded (`limits.outboxBytesMax`): what comes above it is dropped, for peers also compare lists of what is
 * pending.
 * @param publish hands one gossip message over; resolves when the transport can take the next; must not reject
 */
export function createOutbox(publish: (batch: Uint8Array) => Promise<void>): Outbox {
  const waiting: Uint8Array[] = []
  let waitingBytes = 0
  let running = false

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
      while (waiting.length > 0) await publish(nextBatch())
    } finally {
      running = false
    }
  }

  return (transactions) => {
    for (const { bytes } of transactions) {
      if (waitingBytes + LENGTH_BYTES + bytes.length > limits.outboxBytesMax) break
      waiting.push(bytes)
      waitingBytes += LENGTH_BYTES + bytes.length
    }
    if (!running) void run()
  }
}
