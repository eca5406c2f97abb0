/** What is asked of a timeline: its pages, newest first, and the versions of one record. Never a scan of the chain. */
import { type Alias, assert, type MemberId, type RecordId } from '@wardline/codec'
import { numberOfKey } from '../entries.ts'
import {
  decodeEntryRow,
  decodeVersionPlace,
  type EntryRow,
  rowKeys,
  rowRanges,
  type TimelineKind,
  type VersionRow
} from './rows.ts'

/** A table of rows under the keys that the fold wrote; a chain's key-value store is one. */
export interface TimelineRows {
  get(key: string): Uint8Array | undefined
  /** Entries with `from <= key < to`, ascending by key, or descending with `reverse`, at most `limit`. */
  range(options: {
    readonly from: string
    readonly to: string
    readonly limit?: number
    readonly reverse?: boolean
  }): AsyncIterable<readonly [key: string, value: Uint8Array]>
}

/** One entry of a patient's timeline. Numbers are from 1, in final order, without a gap. */
export type TimelineEntry = EntryRow & { readonly number: number }

/** A version, as an entry. */
export type VersionEntry = VersionRow & { readonly number: number }

/** What an entry must be like; every field that is given counts. */
export type TimelineFilter = {
  readonly kinds?: readonly TimelineKind[]
  readonly hospital?: MemberId
  /** Who signed a version. */
  readonly doctor?: MemberId
  /** Versions of this record, and looks at it. */
  readonly record?: RecordId
  /** By block time, milliseconds: `fromMs <= time < toMs`. */
  readonly fromMs?: number
  readonly toMs?: number
  /** What only the caller can tell, of the content for example. */
  readonly also?: (entry: TimelineEntry) => boolean | Promise<boolean>
}

export type TimelinePage = {
  /** Newest first. */
  readonly entries: readonly TimelineEntry[]
  /** The `before` of the rest; null at the end. */
  readonly next: number | null
}

/** Entries that one page looks at unless the caller says fewer, so that a filter that nothing passes costs no more. */
const SCAN_MAX = 5_000

/**
 * The newest entries of the alias below the number `before` that pass the filter, at most `limit`. A page may be short, or
 * even empty, while there is a `next`.
 */
export async function timelinePage(
  rows: TimelineRows,
  alias: Alias,
  page: {
    readonly before?: number
    readonly limit: number
    readonly filter?: TimelineFilter
    /** Entries to look at. */
    readonly scanMax?: number
  }
): Promise<TimelinePage> {
  const entries: TimelineEntry[] = []
  const range = rowRanges.entries(alias, page.before)
  const scanMax = page.scanMax ?? SCAN_MAX
  let looked = 0
  let last: number | null = null
  for await (const [key, value] of rows.range({ ...range, reverse: true, limit: scanMax + 1 })) {
    if (looked === scanMax || entries.length === page.limit) return { entries, next: last }
    const entry = { ...decodeEntryRow(value), number: numberOfKey(key) }
    looked += 1
    last = entry.number
    // Block time never goes back, so nothing older passes either.
    if (page.filter?.fromMs !== undefined && entry.time < page.filter.fromMs) break
    if (await passes(entry, page.filter ?? {})) entries.push(entry)
  }
  return { entries, next: null }
}

async function passes(entry: TimelineEntry, filter: TimelineFilter): Promise<boolean> {
  const { kinds, hospital, doctor, record, toMs, also } = filter
  if (kinds !== undefined && !kinds.includes(entry.kind)) return false
  if (hospital !== undefined && entry.hospital !== hospital) return false
  if (toMs !== undefined && entry.time >= toMs) return false
  if (doctor !== undefined && !signersOf(entry).includes(doctor)) return false
  if (record !== undefined && !recordsOf(entry).includes(record)) return false
  return also === undefined || also(entry)
}

function signersOf(entry: TimelineEntry): readonly MemberId[] {
  return 'doctors' in entry ? entry.doctors.map(({ member }) => member) : []
}

function recordsOf(entry: TimelineEntry): readonly RecordId[] {
  if ('record' in entry) return [entry.record]
  return 'records' in entry ? entry.records.map(({ record }) => record) : []
}

/** The newest versions of a record, newest first, at most `limit`; none if the chain has no such record. */
export async function recordVersions(
  rows: TimelineRows,
  record: RecordId,
  limit: number
): Promise<readonly VersionEntry[]> {
  const versions: VersionEntry[] = []
  for await (const [, value] of rows.range({ ...rowRanges.versions(record), reverse: true, limit })) {
    const { alias, number } = decodeVersionPlace(value)
    versions.push(versionAt(rows, alias, number))
  }
  return versions
}

/** The version that a transaction wrote, if the caller knows which record it is of and its number. */
export function recordVersion(
  rows: Pick<TimelineRows, 'get'>,
  record: RecordId,
  version: number
): VersionEntry | undefined {
  const bytes = rows.get(rowKeys.version(record, version))
  if (bytes === undefined) return undefined
  const { alias, number } = decodeVersionPlace(bytes)
  return versionAt(rows, alias, number)
}

function versionAt(rows: Pick<TimelineRows, 'get'>, alias: Alias, number: number): VersionEntry {
  const bytes = rows.get(rowKeys.entry(alias, number))
  assert(bytes !== undefined, 'a version is an entry')
  const entry = decodeEntryRow(bytes)
  assert(entry.kind === 'dss.record' || entry.kind === 'dss.amend', 'the entry of a version is one')
  return { ...entry, number }
}

/** Whether an entry wrote a version of a record. */
export function isVersion(entry: TimelineEntry): entry is VersionEntry {
  return entry.kind === 'dss.record' || entry.kind === 'dss.amend'
}
