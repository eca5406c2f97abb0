/** Waiting for no longer than a caller wants to. */
import { ApiError } from '@wardline/api'
import type { Membership } from './membership.ts'

export type Deadline = {
  /** At least 1. */
  leftMs(): number
  /** The time has passed, the caller is gone, or this hospital has left the chain. */
  isOver(): boolean
  /** @throws ApiError if it is over: `timeout`, saying `what` is not done, or `unavailable` */
  check(what: string): void
  /**
   * The result of `work`, unless it is over first; `work` then goes on unheard.
   * @throws ApiError as `check`; and what `work` throws
   */
  wait<T>(work: Promise<T>, what: string): Promise<T>
}

export function deadlineIn(
  { clock, left }: Pick<Membership, 'clock' | 'left'>,
  timeoutMs: number,
  signal: AbortSignal | undefined
): Deadline {
  const endMs = clock.nowMs() + timeoutMs
  const leftMs = () => Math.max(1, Math.min(timeoutMs, endMs - clock.nowMs()))
  const stopped = signal === undefined ? left : AbortSignal.any([signal, left])
  const isOver = () => clock.nowMs() >= endMs || stopped.aborted
  const over = (what: string) => (left.aborted ? hasLeft() : new ApiError('timeout', what))
  return {
    leftMs,
    isOver,
    check(what) {
      if (isOver()) throw over(what)
    },
    async wait(work, what) {
      let giveUp = () => {}
      const timeout = new Promise<never>((_, reject) => {
        giveUp = () => reject(over(what))
      })
      const timer = clock.after(leftMs(), giveUp)
      stopped.addEventListener('abort', giveUp)
      if (stopped.aborted) giveUp()
      try {
        return await Promise.race([work, timeout])
      } finally {
        timer.cancel()
        stopped.removeEventListener('abort', giveUp)
      }
    }
  }
}

/** What a call hears that waited on a chain while this hospital left it. */
export function hasLeft(): ApiError {
  return new ApiError('unavailable', 'this daemon does not take part in the chain any more')
}
