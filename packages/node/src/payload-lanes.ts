/**
 * Asking one peer for payloads: two requests at a time, each with what was asked for in one turn of the event loop or while
 * both were under way. A request costs the two daemons some 0.8 ms, ten times what one more payload in it does. A peer that
 * holds an answer back holds back only what was asked of it.
 */
import { encodeCbor, limits, nameBytes } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'
import type { Network, PeerName } from '@wardline/ports'
import { converse } from './converse.ts'

export const PAYLOAD_PROTOCOL = '/wardline/payload/1'

/** First byte of the answer to each id, in their order: the payload follows, or the peer does not have it for us. */
export const HERE = 1
export const NOT_HERE = 0

/** Payloads of one request, and their bytes by what the transactions say. */
export const PAYLOADS_ASKED_MAX = 64
export const PAYLOAD_ANSWER_BYTES_MAX = 4 * 1024 * 1024

const REQUESTS_PER_PEER = 2
const TIMEOUT_MS = 20_000

export type Question = {
  readonly transaction: ParsedTransaction
  /** Before others that wait. */
  readonly isUrgent: boolean
  /** Whether the answer is still of use when its turn comes. */
  readonly isOpen: () => boolean
}

export type PayloadLanes = {
  /** What the peer gives for this payload; undefined if it does not, or has gone away. */
  ask(peer: PeerName, question: Question): Promise<Uint8Array | undefined>
}

type Waiting = Question & {
  readonly settle: (payload: Uint8Array | undefined) => void
  readonly fail: (error: unknown) => void
}

/** `isGathering`: a request begins when this turn ends. */
type Lane = { waiting: Waiting[]; requests: number; isGathering: boolean }

export function createPayloadLanes(network: Network): PayloadLanes {
  const lanes = new Map<PeerName, Lane>()

  function enqueue(lane: Lane, question: Waiting): void {
    if (!question.isUrgent) {
      lane.waiting.push(question)
      return
    }
    const at = lane.waiting.findIndex(({ isUrgent }) => !isUrgent)
    lane.waiting.splice(at === -1 ? lane.waiting.length : at, 0, question)
  }

  function nextBatch(lane: Lane): readonly Waiting[] {
    const batch: Waiting[] = []
    let taken = 0
    let sizeBytes = 0
    for (const question of lane.waiting) {
      if (!question.isOpen()) {
        question.settle(undefined)
      } else {
        sizeBytes += question.transaction.payload?.size ?? 0
        if (batch.length === PAYLOADS_ASKED_MAX || (batch.length > 0 && sizeBytes > PAYLOAD_ANSWER_BYTES_MAX)) break
        batch.push(question)
      }
      taken += 1
    }
    lane.waiting.splice(0, taken)
    return batch
  }

  function advance(peer: PeerName, lane: Lane): void {
    while (lane.requests < REQUESTS_PER_PEER) {
      const batch = nextBatch(lane)
      if (batch.length === 0) break
      lane.requests += 1
      void request(peer, batch).then(
        () => {
          lane.requests -= 1
          for (const { settle } of batch) settle(undefined)
          advance(peer, lane)
        },
        (error: unknown) => {
          for (const { fail } of batch) fail(error)
        }
      )
    }
    if (lane.requests === 0 && lane.waiting.length === 0) lanes.delete(peer)
  }

  /** Not at once: who asks for one payload of a block mostly asks for others of it in the same turn. */
  function gather(peer: PeerName, lane: Lane): void {
    if (lane.isGathering) return
    lane.isGathering = true
    queueMicrotask(() => {
      lane.isGathering = false
      advance(peer, lane)
    })
  }

  async function request(peer: PeerName, batch: readonly Waiting[]): Promise<void> {
    const options = { timeoutMs: TIMEOUT_MS, frameBytesMax: limits.payloadBytesMax + 1, framesMax: batch.length }
    const bytes = encodeCbor({ transactions: batch.map(({ transaction: { id } }) => nameBytes(id)) })
    await converse(network.request(peer, PAYLOAD_PROTOCOL, bytes, options), async (answer, index) => {
      batch[index]?.settle(answer[0] === HERE ? answer.subarray(1) : undefined)
      return true
    })
  }

  return {
    ask(peer, question) {
      const lane = lanes.get(peer) ?? { waiting: [], requests: 0, isGathering: false }
      lanes.set(peer, lane)
      return new Promise((settle, fail) => {
        enqueue(lane, { ...question, settle, fail })
        gather(peer, lane)
      })
    }
  }
}
