/**
 * Fetches payloads in the background, so that they are here when a block needs them. Each member that writes transactions has
 * a line of its own: one whose payloads never come keeps nobody else's waiting. What cannot be had is tried again, later and
 * later.
 */
import type { MemberId, TransactionId } from '@wardline/codec'
import { chargedTo, type ParsedTransaction } from '@wardline/ledger'
import type { Clock, Timer } from '@wardline/ports'
import type { Fetched } from './payload-fetch.ts'

export type PayloadQueue = {
  /** Begins to fetch, and goes on until it is here or not wanted any more. @returns false if the queue is full */
  want(transaction: ParsedTransaction): boolean
  /** The transaction is final: from now on others than its author have the payload. */
  final(id: TransactionId): void
  /** Whether it is known not to be here, which costs no look into the store. */
  has(id: TransactionId): boolean
  /** It is here, or can never be. */
  settle(id: TransactionId): void
  /** Tries again at once what this member wrote. */
  connected(member: MemberId): void
  stop(): void
}

export type PayloadQueueParts = {
  readonly clock: Clock
  /** @param attempts how often it was tried in vain; undefined where the payload is not wanted any more */
  readonly fetch: (transaction: ParsedTransaction, attempts: number) => Promise<Fetched> | undefined
  /** Runs work that nobody waits for; what fails in it stops the chain. */
  readonly background: (run: () => Promise<void>) => void
}

/** What is being fetched at once, altogether and of what one member wrote. */
const FETCHES_MAX = 256
const FETCHES_PER_AUTHOR_MAX = 64
/** All that is in line, being fetched, or waiting for another try. */
const WANTS_MAX = 65_536

const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 10 * 60_000
/** Tries after which the wait grows no more. */
const LEVELS = 11

/** How long to wait after `attempts` tries in vain. */
export function backOffMs(attempts: number): number {
  return Math.min(RETRY_MIN_MS * 2 ** Math.min(attempts, LEVELS), RETRY_MAX_MS)
}

type Want = {
  readonly transaction: ParsedTransaction
  readonly author: MemberId
  attempts: number
  /** When it is tried again; null while it is in line or being fetched. */
  dueMs: number | null
}

export function createPayloadQueue({ clock, fetch, background }: PayloadQueueParts): PayloadQueue {
  const wants = new Map<TransactionId, Want>()
  /** In line, by author; the author who had the last turn comes last. */
  const lines = new Map<MemberId, Set<Want>>()
  /** Waiting for another try, by attempts: in each, who came first is due first. */
  const waiting = Array.from({ length: LEVELS }, () => new Set<Want>())
  const fetching = new Map<MemberId, number>()
  let running = 0
  let stopped = false
  let alarm: { readonly timer: Timer; readonly atMs: number } | undefined

  const levelOf = ({ attempts }: Want): Set<Want> => waiting[Math.min(attempts, LEVELS) - 1] as Set<Want>

  function putInLine(want: Want): void {
    if (want.dueMs !== null) levelOf(want).delete(want)
    want.dueMs = null
    lines.set(want.author, (lines.get(want.author) ?? new Set()).add(want))
  }

  function nextInLine(): Want | undefined {
    for (const [author, line] of lines) {
      if ((fetching.get(author) ?? 0) >= FETCHES_PER_AUTHOR_MAX) continue
      const [want] = line
      lines.delete(author)
      if (want === undefined) continue
      line.delete(want)
      lines.set(author, line)
      return want
    }
    return undefined
  }

  function advance(): void {
    while (running < FETCHES_MAX && !stopped) {
      const want = nextInLine()
      if (want === undefined) break
      const fetched = fetch(want.transaction, want.attempts)
      if (fetched === undefined) forget(want)
      else background(() => attempt(want, fetched))
    }
    setAlarm()
  }

  async function attempt(want: Want, fetched: Promise<Fetched>): Promise<void> {
    const { author } = want
    running += 1
    fetching.set(author, (fetching.get(author) ?? 0) + 1)
    const { kind } = await fetched
    running -= 1
    const left = (fetching.get(author) ?? 1) - 1
    if (left > 0) fetching.set(author, left)
    else fetching.delete(author)
    if (kind !== 'nowhere') forget(want)
    else if (wants.get(want.transaction.id) === want) {
      want.dueMs = clock.elapsedMs() + backOffMs(want.attempts)
      want.attempts += 1
      levelOf(want).add(want)
    }
    advance()
  }

  function forget(want: Want): void {
    if (wants.get(want.transaction.id) !== want) return
    wants.delete(want.transaction.id)
    lines.get(want.author)?.delete(want)
    if (want.dueMs !== null) levelOf(want).delete(want)
  }

  function setAlarm(): void {
    let atMs: number | null = null
    for (const level of waiting) {
      const [first] = level
      if (first?.dueMs != null && (atMs === null || first.dueMs < atMs)) atMs = first.dueMs
    }
    if (stopped || (alarm?.atMs ?? null) === atMs) return
    alarm?.timer.cancel()
    alarm =
      atMs === null ? undefined : { atMs, timer: clock.after(Math.max(0, atMs - clock.elapsedMs()), () => retryDue()) }
  }

  function retryDue(): void {
    alarm = undefined
    const nowMs = clock.elapsedMs()
    for (const level of waiting) {
      for (const want of level) {
        if (want.dueMs !== null && want.dueMs > nowMs) break
        putInLine(want)
      }
    }
    advance()
  }

  return {
    want(transaction) {
      if (wants.has(transaction.id)) return true
      if (wants.size >= WANTS_MAX) return false
      const want: Want = { transaction, author: chargedTo(transaction), attempts: 0, dueMs: null }
      wants.set(transaction.id, want)
      putInLine(want)
      advance()
      return true
    },

    final(id) {
      const want = wants.get(id)
      if (want === undefined || want.dueMs === null) return
      putInLine(want)
      want.attempts = 0
      advance()
    },

    has: (id) => wants.has(id),

    settle(id) {
      const want = wants.get(id)
      if (want !== undefined) forget(want)
    },

    connected(member) {
      for (const level of waiting) for (const want of level) if (want.author === member) putInLine(want)
      advance()
    },

    stop() {
      stopped = true
      alarm?.timer.cancel()
    }
  }
}
