/**
 * Transactions on their way to the neighbours. They travel in batches, because a gossip message costs far more than the
 * verification of one transaction: what arrives while a message is being handed over joins the next one. There is no timer,
 * so a lone transaction leaves at once.
 */
import { limits } from '@wardline/codec'
import { encodeBlockBody, type ParsedTransaction } from '@wardline/ledger'

export type Outbox = (transactions: readonly ParsedTransaction[]) => void

const LENGTH_BYTES = 4

/** @param publish hands one gossip message over; resolves when the transport can take the next */
export function createOutbox(publish: (batch: Uint8Array) => Promise<void>): Outbox {
  const waiting: Uint8Array[] = []
  let running = false

  async function run(): Promise<void> {
    running = true
    while (waiting.length > 0) {
      let count = 0
      let sizeBytes = 0
      for (const bytes of waiting) {
        sizeBytes += LENGTH_BYTES + bytes.length
        if (count > 0 && sizeBytes > limits.gossipBatchBytesMax) break
        count += 1
      }
      await publish(encodeBlockBody(waiting.splice(0, count)))
    }
    running = false
  }

  return (transactions) => {
    for (const { bytes } of transactions) waiting.push(bytes)
    if (!running) void run()
  }
}
