/** Waiting, on one chain, for what only a block can bring. */
import type { Height, RequestId } from '@wardline/codec'
import { type AnsweredRequest, type ParsedTransaction, readAnsweredRequest } from '@wardline/ledger'
import type { Chain } from '@wardline/node'
import type { Clock } from '@wardline/ports'

export type Access = ParsedTransaction<'spv.access'>
/** The final entry about a request, and what the chain says of it. */
export type FinalAnswer = { readonly entry: Access; readonly row: AnsweredRequest }

export function finalAnswer({ state, query }: Chain, request: RequestId): FinalAnswer | undefined {
  const row = readAnsweredRequest(state, request)
  const entry = row && query.transaction(row.access)
  return row !== undefined && entry?.kind === 'spv.access' ? { entry, row } : undefined
}

export type WaitParts = { readonly chain: Chain; readonly clock: Clock; readonly signal?: AbortSignal | undefined }

/** What `look` finds, now or after a block that comes within `waitMs`; undefined if there is none, or on `signal`. */
export function untilFound<T>(
  { chain, clock, signal }: WaitParts,
  waitMs: number,
  look: () => T | undefined
): Promise<T | undefined> {
  const found = look()
  if (found !== undefined || waitMs <= 0 || signal?.aborted) return Promise.resolve(found)
  return new Promise((resolve, reject) => {
    const finish = (value: T | undefined) => {
      forget()
      timer.cancel()
      signal?.removeEventListener('abort', giveUp)
      resolve(value)
    }
    const giveUp = () => finish(undefined)
    const timer = clock.after(waitMs, giveUp)
    signal?.addEventListener('abort', giveUp)
    const forget = chain.onCommit(() => {
      try {
        const value = look()
        if (value !== undefined) finish(value)
      } catch (error) {
        forget()
        timer.cancel()
        reject(error as Error)
      }
    })
  })
}

/** Whether the chain has come to this height within `waitMs`. */
export async function untilHeight(parts: WaitParts, at: Height | number, waitMs: number): Promise<boolean> {
  return (await untilFound(parts, waitMs, () => (parts.chain.head().height >= at ? true : undefined))) ?? false
}
