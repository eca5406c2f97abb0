/**
 * What clients asked and what they were told, as it happened: one event a line. All of it is written by one process, so
 * the order of the lines is the order in real time: an answer above a question was given before that was asked.
 */

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Digest, MemberId, RecordId, TransactionId } from '@wardline/codec'

export type Question =
  /** Send a new record from the site asked to others. */
  | { readonly kind: 'send' }
  /** Give the bytes of a final transaction once more. */
  | { readonly kind: 'repeat'; readonly id: TransactionId }
  | { readonly kind: 'head' }
  | { readonly kind: 'transaction'; readonly id: TransactionId }
  | { readonly kind: 'holders'; readonly record: RecordId }

export type Told =
  /** Of a send or a repeat: what was said of the transaction. Height null: not said, or not final. */
  | {
      readonly kind: 'submitted'
      readonly id: TransactionId
      readonly record: RecordId | null
      readonly state: 'accepted' | 'committed' | 'expired' | 'refused'
      readonly height: number | null
    }
  | { readonly kind: 'head'; readonly height: number; readonly digest: Digest }
  | { readonly kind: 'transaction'; readonly height: number; readonly index: number }
  /** The transaction or the record is not final there. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'holders'; readonly height: number; readonly members: readonly MemberId[] }
  /** Nothing was done. */
  | { readonly kind: 'failed'; readonly code: string }
  /** It may have been done, or may yet be. */
  | { readonly kind: 'unknown'; readonly code: string }

export type HistoryEvent = {
  /** Which hospital it concerns. */
  readonly site: MemberId
  /** Since the history began. For people: the order of the lines is what counts. */
  readonly atMs: number
} & (
  | { readonly event: 'asked'; readonly op: number; readonly question: Question }
  /** The answer to the question of that number. */
  | { readonly event: 'told'; readonly op: number; readonly told: Told }
  /** An operator put an older copy of its disk back: what it had told of that disk alone is void. */
  | { readonly event: 'restored' }
)

export type History = {
  /** Asks, and notes both the question and what came of it. */
  ask(site: MemberId, question: Question, answer: () => Promise<Told>): Promise<Told>
  restored(site: MemberId): void
  /** Answers by question and kind. */
  counts(): Readonly<Record<string, number>>
  close(): Promise<void>
}

export function openHistory(path: string): History {
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 })
  const startedMs = performance.now()
  const counts: Record<string, number> = {}
  let op = 0
  const write = (event: HistoryEvent) => file.write(`${JSON.stringify(event)}\n`)
  const atMs = () => Math.round(performance.now() - startedMs)
  return {
    async ask(site, question, answer) {
      op += 1
      const own = op
      write({ event: 'asked', op: own, site, atMs: atMs(), question })
      const told = await answer()
      write({ event: 'told', op: own, site, atMs: atMs(), told })
      const name = told.kind === 'submitted' ? `${question.kind} ${told.state}` : `${question.kind} ${told.kind}`
      counts[name] = (counts[name] ?? 0) + 1
      return told
    },
    restored: (site) => void write({ event: 'restored', site, atMs: atMs() }),
    counts: () => ({ ...counts }),
    async close() {
      file.end()
      await once(file, 'close')
    }
  }
}

/** Written by this program itself, so a line that is no event is a fault of it, and throws. */
export async function readHistory(path: string): Promise<readonly HistoryEvent[]> {
  const text = await readFile(path, 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HistoryEvent)
}
