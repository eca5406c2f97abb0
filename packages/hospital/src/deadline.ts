/** Waiting for no longer than a caller wants to. */
import { ApiError } from '@wardline/api'
import type { CommittedBlock } from '@wardline/ledger'
import type { Chain } from '@wardline/node'
import type { Membership } from './membership.ts'

export type Deadline = {
  /** A whole number, at least 1. */
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
  /**
   * What `look` finds, now or after a block; it is told the block.
   * @throws ApiError as `check`; and what `look` throws
   */
  untilFound<T>(
    chain: Pick<Chain, 'onCommit'>,
    look: (block?: CommittedBlock) => T | undefined | Promise<T | undefined>,
    what: string
  ): Promise<T>
}

export function deadlineIn(
  { clock, left }: Pick<Membership, 'clock' | 'left'>,
  timeoutMs: number,
  signal: AbortSignal | undefined
): Deadline {
  const endMs = clock.elapsedMs() + timeoutMs
  const leftMs = () => Math.max(1, Math.ceil(endMs - clock.elapsedMs()))
  const stopped = signal === undefined ? left : AbortSignal.any([signal, left])
  const isOver = () => clock.elapsedMs() >= endMs || stopped.aborted
  const over = (what: string) => (left.aborted ? hasLeft() : new ApiError('timeout', what))
  const deadline: Deadline = {
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
    },
    async untilFound<T>(
      chain: Pick<Chain, 'onCommit'>,
      look: (block?: CommittedBlock) => T | undefined | Promise<T | undefined>,
      what: string
    ) {
      let forget = () => {}
      const found = new Promise<T>((resolve, reject) => {
        const lookOnce = async (block?: CommittedBlock) => {
          const value = await look(block)
          if (value !== undefined) resolve(value)
        }
        forget = chain.onCommit((block) => void lookOnce(block).catch(reject))
        lookOnce().catch(reject)
      })
      try {
        return await deadline.wait(found, what)
      } finally {
        forget()
      }
    }
  }
  return deadline
}

/** What a call hears that waited on a chain while this hospital left it. */
export function hasLeft(): ApiError {
  return new ApiError('unavailable', 'this daemon does not take part in the chain any more')
}
