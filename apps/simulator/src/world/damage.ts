/** Bits that turn over on a disk while its daemon is off. */
import { crc32 } from 'node:zlib'
import type { MemoryDisk } from '@wardline/store-memory'

/** Names of a node's database and of its vote journal on its disk. */
export const STORE = 'chain'
export const JOURNAL = 'votes'

/** `len(4) || crc32(4) || seq(8)` stands before every record of the journal. */
const RECORD_HEAD_BYTES = 16

/**
 * Turns over one bit of a record that another, whole one follows, which no torn write can explain: damage to the last whole
 * record looks like one, and only the other members can tell (rule 3 of the recovery).
 * @param place from 0, the first such bit, to 1, the last
 * @returns false if the journal has no such record
 */
export function damageJournal(disk: MemoryDisk, place: number): boolean {
  const spans = (disk.image().journals.get(JOURNAL) ?? []).flatMap(({ number, bytes }) =>
    recordsOf(bytes).map((span) => ({ segment: number, ...span }))
  )
  const last = spans.findLastIndex(({ isWhole }) => isWhole)
  spans.splice(Math.max(0, last))
  const size = spans.reduce((sum, { length }) => sum + length, 0)
  let bit = Math.min(size * 8 - 1, Math.floor(place * size * 8))
  for (const { segment, at, length } of spans) {
    if (bit < length * 8) {
      disk.flipJournalBit(JOURNAL, segment, at * 8 + bit)
      return true
    }
    bit -= length * 8
  }
  return false
}

type Span = { readonly at: number; readonly length: number; readonly isWhole: boolean }

function recordsOf(bytes: Uint8Array): readonly Span[] {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const records: Span[] = []
  for (let at = 0; at + RECORD_HEAD_BYTES < bytes.length; ) {
    const size = data.getUint32(at)
    const length = RECORD_HEAD_BYTES + size
    if (size === 0 || at + length > bytes.length) break
    const record = bytes.subarray(at, at + length)
    const isWhole = crc32(record.subarray(8), crc32(record.subarray(0, 4))) === data.getUint32(at + 4)
    records.push({ at, length, isWhole })
    at += length
  }
  return records
}

/**
 * Damages one row of the database.
 * @param place from 0, the first row, to 1, the last
 * @returns false if there is none
 */
export function damageStore(disk: MemoryDisk, place: number): boolean {
  const keys = [...(disk.image().stores.get(STORE)?.keys() ?? [])].sort()
  const key = keys[Math.min(keys.length - 1, Math.floor(place * keys.length))]
  if (key === undefined) return false
  disk.damageKey(STORE, key)
  return true
}
