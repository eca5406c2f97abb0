/** How a transaction ended, and who waits to hear it. */
import { type Height, limits, type TransactionId } from '@wardline/codec'
import type { PayloadFault, RefusalCode } from '@wardline/ledger'
import type { Clock } from '@wardline/ports'

export type Outcome =
  | { readonly kind: 'committed'; readonly height: Height }
  | { readonly kind: 'expired' }
  /** Refused for good after it had been accepted: no later block can take it, or its payload is none that may be kept. */
  | { readonly kind: 'refused'; readonly code: RefusalCode | PayloadFault }

export type Outcomes = {
  /** Resolves with the outcome, or undefined when `timeoutMs` passes or `signal` aborts first, and at once when too many wait. */
  wait(id: TransactionId, timeoutMs: number, signal?: AbortSignal): Promise<Outcome | undefined>
  /** How it ended, if that was not long ago and it did not end in a block (the store knows those). */
  failed(id: TransactionId): Exclude<Outcome, { kind: 'committed' }> | undefined
  settle(id: TransactionId, outcome: Outcome): void
}

/** Failures remembered for clients that ask again. */
const FAILURES_MAX = 10_000

export function createOutcomes(clock: Clock): Outcomes {
  const waiting = new Map<TransactionId, Set<(outcome: Outcome | undefined) => void>>()
  let waiters = 0
  const failures = new Map<TransactionId, Exclude<Outcome, { kind: 'committed' }>>()

  return {
    wait(id, timeoutMs, signal) {
      if (waiters >= limits.outcomeWaitersMax) return Promise.resolve(undefined)
      waiters += 1
      return new Promise<Outcome | undefined>((resolve) => {
        const finish = (outcome: Outcome | undefined) => {
          timer.cancel()
          signal?.removeEventListener('abort', giveUp)
          const others = waiting.get(id)
          others?.delete(finish)
          if (others?.size === 0) waiting.delete(id)
          resolve(outcome)
        }
        const giveUp = () => finish(undefined)
        const timer = clock.after(timeoutMs, giveUp)
        signal?.addEventListener('abort', giveUp)
        const all = waiting.get(id) ?? new Set()
        waiting.set(id, all.add(finish))
        if (signal?.aborted) giveUp()
      }).finally(() => {
        waiters -= 1
      })
    },
    failed: (id) => failures.get(id),
    settle(id, outcome) {
      if (outcome.kind !== 'committed') {
        if (failures.size >= FAILURES_MAX) {
          for (const oldest of failures.keys()) {
            failures.delete(oldest)
            break
          }
        }
        failures.set(id, outcome)
      }
      for (const finish of [...(waiting.get(id) ?? [])]) finish(outcome)
    }
  }
}
