/** What is asked of an access log: its pages, newest first. Never a scan of the chain. */
import type { Alias } from '@wardline/codec'
import type { Grant } from '@wardline/ledger'
import { numberOfKey } from '../entries.ts'
import { decodeEntryRow, type EntryRow, rowRanges } from './rows.ts'

/** A table of rows under the keys that the fold wrote; a chain's key-value store is one. */
export interface AccessRows {
  /** Entries with `from <= key < to`, ascending by key, or descending with `reverse`, at most `limit`. */
  range(options: {
    readonly from: string
    readonly to: string
    readonly limit?: number
    readonly reverse?: boolean
  }): AsyncIterable<readonly [key: string, value: Uint8Array]>
}

/** One entry of an alias. Numbers are from 1, in final order, without a gap. */
export type AccessEntry = EntryRow & { readonly number: number }

export type AccessPage = {
  /** Newest first. */
  readonly entries: readonly AccessEntry[]
  /** The `before` of the rest; null at the end. */
  readonly next: number | null
}

/** The newest entries of the alias below the number `before`, at most `limit`. */
export async function accessPage(
  rows: AccessRows,
  alias: Alias,
  { before, limit }: { readonly before?: number; readonly limit: number }
): Promise<AccessPage> {
  const found: AccessEntry[] = []
  for await (const [key, value] of rows.range({
    ...rowRanges.entries(alias, before),
    reverse: true,
    limit: limit + 1
  })) {
    found.push({ ...decodeEntryRow(value), number: numberOfKey(key) })
  }
  const entries = found.slice(0, limit)
  return { entries, next: found.length > limit ? (entries.at(-1)?.number ?? null) : null }
}

/** How a grant stands at a block time. */
export type GrantStatus = 'not-yet' | 'active' | 'expired' | 'revoked'

/** @param timeMs the time of the head, or of now if that is later */
export function grantStatus({ terms, revoked }: Grant, timeMs: number): GrantStatus {
  if (revoked !== null) return 'revoked'
  if (terms.to <= timeMs) return 'expired'
  return timeMs < terms.from ? 'not-yet' : 'active'
}
