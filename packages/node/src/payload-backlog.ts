/**
 * Final transactions whose payload is not here, as their rows under `payloads/missing/` say: after a start, and when there
 * are more of them than the queue takes. It goes through all rows, and through those that are left again, later and later.
 */
import type { TransactionId } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'
import type { Clock, KeyValueStore, Timer } from '@wardline/ports'
import { keys, under } from './layout.ts'
import type { Fetched } from './payload-fetch.ts'
import { backOffMs } from './payload-queue.ts'
import { WANTED } from './payload-rows.ts'

export type PayloadBacklog = {
  /** There are rows, as far as anybody knows. */
  begin(): void
  /** A peer has connected, which may have what the others had not: goes through the rows soon. */
  connected(): void
  stop(): void
}

export type PayloadBacklogParts = {
  readonly clock: Clock
  readonly store: KeyValueStore
  /** A final transaction. */
  readonly transaction: (id: TransactionId) => ParsedTransaction | undefined
  /** Whether somebody else is fetching it. */
  readonly isQueued: (id: TransactionId) => boolean
  readonly fetch: (transaction: ParsedTransaction) => Promise<Fetched>
  readonly background: (run: () => Promise<void>) => void
}

/** Rows that are fetched together. */
const PAGE = 64

export function createPayloadBacklog(parts: PayloadBacklogParts): PayloadBacklog {
  const { clock, store, background } = parts
  let isBehind = false
  let isRunning = false
  let stopped = false
  /** Passes in a row in which nothing came. */
  let inVain = 0
  let timer: Timer | undefined

  function schedule(): void {
    if (isRunning || stopped || !isBehind) return
    timer?.cancel()
    timer = clock.after(backOffMs(inVain), () => background(pass))
  }

  async function pass(): Promise<void> {
    isRunning = true
    isBehind = false
    let came = 0
    for (let from: string | undefined = under('payloads/missing/').from; from !== undefined && !stopped; ) {
      const page = await readPage(from)
      const fetched = await Promise.all(page.ids.map(tryOne))
      came += fetched.filter((isHere) => isHere === true).length
      if (fetched.includes(false)) isBehind = true
      from = page.next
    }
    inVain = came > 0 ? 0 : inVain + 1
    isRunning = false
    schedule()
  }

  /** The next rows from `from` on, and where to go on after them. */
  async function readPage(from: string): Promise<{ ids: TransactionId[]; next: string | undefined }> {
    const { to } = under('payloads/missing/')
    const ids: TransactionId[] = []
    let last: string | undefined
    let count = 0
    for await (const [key, value] of store.range({ from, to, limit: PAGE })) {
      count += 1
      last = key
      if (new TextDecoder().decode(value) === WANTED) ids.push(key.slice(-ID_LENGTH) as TransactionId)
    }
    return { ids, next: count < PAGE || last === undefined ? undefined : `${last}!` }
  }

  /** Whether it came; undefined where there is nothing to do. */
  async function tryOne(id: TransactionId): Promise<boolean | undefined> {
    const transaction = parts.isQueued(id) ? undefined : parts.transaction(id)
    if (transaction === undefined || store.get(keys.payloadMissing(id)) === undefined) return undefined
    const { kind } = await parts.fetch(transaction)
    return kind !== 'nowhere'
  }

  return {
    begin() {
      isBehind = true
      schedule()
    },
    connected() {
      inVain = 0
      schedule()
    },
    stop() {
      stopped = true
      timer?.cancel()
    }
  }
}

/** An id is 64 hexadecimal digits, at the end of its key. */
const ID_LENGTH = 64
