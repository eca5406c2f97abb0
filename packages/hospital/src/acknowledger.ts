/**
 * Says on the chain how transmissions were taken, several with one transaction: what becomes ready while one is on its way to
 * a block goes with the next. Nothing here is durable but the transactions themselves; the duties' rows are.
 */
import { limits, type TransactionId } from '@wardline/codec'
import {
  type Bodies,
  type ParsedTransaction,
  readAcknowledgement,
  readRecall,
  readTransmission
} from '@wardline/ledger'
import { build } from './author.ts'
import type { Membership } from './membership.ts'

/** What is said of one transmission. */
export type Said = Omit<Bodies['stt.ack']['acks'][number], 'via'>

export type Acknowledger = {
  /**
   * Acknowledges the transmission as soon as the acknowledgement before it is final; as refused, if it has been recalled by then.
   * What is waiting or on its way already stays as it is.
   */
  add(via: TransactionId, said: Said): void
  /** Whether it is waiting or on its way. */
  has(via: TransactionId): boolean
  /** Follows an acknowledgement of this hospital's that a restart found pending. */
  resume(pending: ParsedTransaction<'stt.ack'>): void
}

export type AcknowledgerParts = {
  readonly member: Membership
  readonly signal: AbortSignal
  /** These are not acknowledged after all: the transaction expired, or was refused because of another in it. */
  readonly onOpen: (transmissions: readonly TransactionId[]) => void
  /** Runs work that nobody awaits; what fails in it ends the daemon. */
  readonly background: (run: () => Promise<void>) => void
}

/** How long an acknowledgement may take before somebody looks whether it is still pending. */
const ACK_WAIT_MS = 10 * 60 * 1000
/** After a refusal, which mostly is a full mempool; longer after each further one. */
const PAUSE_MIN_MS = 1_000
const PAUSE_MAX_MS = 10 * 60 * 1000

const REFUSED: Said = { outcome: 'refused' }

export function createAcknowledger({ member, signal, onOpen, background }: AcknowledgerParts): Acknowledger {
  const { chain, clock, log } = member
  const waiting = new Map<TransactionId, Said>()
  const sent = new Set<TransactionId>()
  let isSending = false
  let pauseMs = PAUSE_MIN_MS

  function flush(): void {
    if (isSending || waiting.size === 0 || signal.aborted) return
    isSending = true
    background(async () => {
      try {
        await sendWaiting()
      } finally {
        isSending = false
      }
      flush()
    })
  }

  async function sendWaiting(): Promise<void> {
    const chosen = [...waiting].slice(0, limits.acksPerTransactionMax)
    for (const [via] of chosen) {
      waiting.delete(via)
      sent.add(via)
    }
    // A block may have brought one of them meanwhile, and one that is known already refuses them all.
    const acks = chosen
      .filter(([via]) => readAcknowledgement(chain.state, via, chain.self) === undefined)
      .map(([via, said]) => ({ via, ...(said.outcome === 'opened' && isRecalled(via) ? REFUSED : said) }))
      .sort((one, other) => (one.via < other.via ? -1 : 1))
    if (acks.length > 0) {
      const submission = await chain.submit(build(member, 'stt.ack', { acks }))
      if (submission.kind === 'refused') {
        log.warn('an acknowledgement was refused', { transmissions: acks.length, code: submission.code })
        await pause(pauseMs)
        pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)
      } else {
        pauseMs = PAUSE_MIN_MS
        await untilEnded(submission.id)
      }
    }
    settle(chosen.map(([via]) => via))
  }

  function isRecalled(via: TransactionId): boolean {
    const record = readTransmission(chain.state, via)?.record
    return record !== undefined && readRecall(chain.state, record) !== undefined
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(ms, end)
      signal.addEventListener('abort', end)
      function end(): void {
        timer.cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
    })
  }

  async function untilEnded(id: TransactionId): Promise<void> {
    do await chain.outcome(id, ACK_WAIT_MS, signal)
    while (chain.pending(id) !== undefined && !signal.aborted)
  }

  function settle(transmissions: readonly TransactionId[]): void {
    for (const via of transmissions) sent.delete(via)
    if (signal.aborted) return
    const open = transmissions.filter((via) => readAcknowledgement(chain.state, via, chain.self) === undefined)
    if (open.length > 0) onOpen(open)
  }

  return {
    add(via, said) {
      if (!sent.has(via) && !waiting.has(via)) waiting.set(via, said)
      flush()
    },
    has: (via) => waiting.has(via) || sent.has(via),
    resume({ id, body }) {
      const transmissions = body.acks.map(({ via }) => via)
      for (const via of transmissions) sent.add(via)
      background(async () => {
        await untilEnded(id)
        settle(transmissions)
      })
    }
  }
}
