/** Waiting for no longer than a caller wants to. */
import { ApiError } from '@wardline/api'
import type { Clock } from '@wardline/ports'

export type Deadline = {
  /** At least 1. */
  leftMs(): number
  /** The time has passed, or the caller is gone. */
  isOver(): boolean
  /**
   * The result of `work`, unless the time is over or the caller is gone first; `work` then goes on unheard.
   * @throws ApiError `timeout`, saying `what` is not done; and what `work` throws
   */
  wait<T>(work: Promise<T>, what: string): Promise<T>
}

export function deadlineIn(clock: Clock, timeoutMs: number, signal: AbortSignal | undefined): Deadline {
  const endMs = clock.nowMs() + timeoutMs
  const leftMs = () => Math.max(1, Math.min(timeoutMs, endMs - clock.nowMs()))
  return {
    leftMs,
    isOver: () => clock.nowMs() >= endMs || (signal?.aborted ?? false),
    async wait(work, what) {
      let giveUp = () => {}
      const timeout = new Promise<never>((_, reject) => {
        giveUp = () => reject(new ApiError('timeout', what))
      })
      const timer = clock.after(leftMs(), giveUp)
      signal?.addEventListener('abort', giveUp)
      if (signal?.aborted) giveUp()
      try {
        return await Promise.race([work, timeout])
      } finally {
        timer.cancel()
        signal?.removeEventListener('abort', giveUp)
      }
    }
  }
}
