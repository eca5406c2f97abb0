import type { Epoch, View } from '@wardline/codec'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  createJournalBook,
  encodeJournalRecord,
  type JournalEntry,
  noteAppend,
  planPrune,
  scanJournal
} from '../src/index.ts'
import { entries } from './wire-samples.ts'

const test = suite('consensus/journal')
const all: readonly JournalEntry[] = Object.values(entries).filter((entry) => entry.kind !== 'pruned')
const records = all.map((entry, at) => encodeJournalRecord(at + 1, [entry]))
const segment = (number: number, ...parts: readonly Uint8Array[]) => ({ number, bytes: Buffer.concat(parts) })
const zeros = new Uint8Array(4096)

test('entries come back in order, behind preallocated zeros, from several segments', () => {
  const [a, b, c, ...rest] = records as [Uint8Array, Uint8Array, Uint8Array, ...Uint8Array[]]
  const scan = scanJournal([segment(4, a, b, zeros), segment(5, c, ...rest, zeros)])
  assert.is(scan.kind, 'ok')
  if (scan.kind !== 'ok') return
  assert.equal(scan.entries, all)
  assert.is(scan.nextSeq, all.length + 1)
  assert.is(scan.torn, undefined)
})

test('one record holds all entries of an append', () => {
  const scan = scanJournal([segment(1, encodeJournalRecord(1, all))])
  assert.equal(scan.kind === 'ok' && scan.entries, all)
})

test('an empty journal is a new one', () => {
  for (const segments of [[], [segment(1)], [segment(1, zeros)]]) {
    assert.equal(scanJournal(segments).kind === 'ok' && scanJournal(segments), {
      kind: 'ok',
      entries: [],
      nextSeq: 1,
      segments: segments.map(({ number }) => ({ number, firstSeq: 0, last: { epoch: 0 as Epoch, view: 0 as View } }))
    })
  }
})

test('torn journal tail: every cut of the last record loses that record and nothing else', () => {
  const whole = Buffer.concat(records)
  const lastAt = whole.length - (records.at(-1) as Uint8Array).length
  for (let size = lastAt + 1; size < whole.length; size++) {
    const scan = scanJournal([segment(1, whole.subarray(0, size), zeros)])
    assert.is(scan.kind, 'ok')
    if (scan.kind !== 'ok') return
    // Zeros that were written and zeros that were not look the same.
    const isAllZeros = whole.subarray(lastAt, size).every((byte) => byte === 0)
    const isWhole = whole.subarray(size).every((byte) => byte === 0)
    assert.equal(scan.torn, isAllZeros || isWhole ? undefined : { segment: 1, size: lastAt }, `cut at ${size}`)
    assert.is(scan.entries.length, isWhole ? all.length : all.length - 1)
  }
})

test('corruption in the middle of the journal: every flipped byte before the last record loses the journal', () => {
  const whole = Buffer.concat(records)
  const lastAt = whole.length - (records.at(-1) as Uint8Array).length
  for (let at = 0; at < lastAt; at++) {
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] as number) ^ 0x40
    assert.is(scanJournal([{ number: 1, bytes }]).kind, 'lost', `byte ${at}`)
  }
  for (let at = lastAt; at < whole.length; at++) {
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] as number) ^ 0x40
    const scan = scanJournal([{ number: 1, bytes }])
    assert.equal(scan.kind === 'ok' && scan.torn, { segment: 1, size: lastAt }, `byte ${at}`)
  }
})

test('a bad end of a segment that is not the last, a missing segment, a missing or repeated record lose the journal', () => {
  const [a, b, c] = records as [Uint8Array, Uint8Array, Uint8Array]
  const reason = (...segments: { number: number; bytes: Uint8Array }[]) => {
    const scan = scanJournal(segments)
    return scan.kind === 'lost' ? scan.reason : scan.kind
  }
  assert.is(reason(segment(1, a), segment(2, b, c)), 'ok')
  assert.is(reason(segment(1, a, b.subarray(0, 40)), segment(2, c)), 'damaged')
  assert.is(reason(segment(1, a), segment(3, b)), 'gap')
  assert.is(reason(segment(1, a, c)), 'gap')
  assert.is(reason(segment(1, a, a)), 'gap')
  assert.is(reason(segment(2, b, c)), 'missing-start')
  const unreadable = Buffer.from(encodeJournalRecord(1, [entries['pruned'] as JournalEntry]))
  assert.is(reason({ number: 1, bytes: unreadable }), 'ok')
})

test('old segments may be missing only as far as a pruned entry says', () => {
  const book = createJournalBook({ kind: 'ok', entries: [], nextSeq: 1, segments: [] })
  const segments: { number: number; bytes: Uint8Array }[] = []
  const append = (number: number, entry: JournalEntry) => {
    const record = encodeJournalRecord(book.nextSeq, [entry])
    const last = segments.at(-1)
    if (last?.number === number) last.bytes = Buffer.concat([last.bytes, record])
    else segments.push({ number, bytes: record })
    noteAppend(book, number, [entry])
  }
  const entered = (view: number): JournalEntry => ({
    kind: 'entered',
    epoch: 0 as Epoch,
    view: view as View,
    certificate: null
  })
  for (let view = 1; view <= 9; view++) append(Math.ceil(view / 3), entered(view))
  assert.is(planPrune(book, { epoch: 0 as Epoch, view: 2 as View }), undefined, 'view 3 is in the first segment')
  const plan = planPrune(book, { epoch: 0 as Epoch, view: 6 as View })
  assert.equal(plan, { entry: { kind: 'pruned', epoch: 0, view: 6, firstSeq: 7 }, dropBelow: 3 })
  if (plan === undefined) return
  append(3, plan.entry)
  assert.is(scanJournal(segments).kind, 'ok', 'a crash before dropping')
  assert.is(scanJournal(segments.slice(1)).kind, 'ok', 'a crash in between')
  assert.is(scanJournal(segments.slice(2)).kind, 'ok')
  append(4, entered(10))
  assert.is(scanJournal(segments.slice(3)).kind, 'lost', 'the segment with the pruned entry is needed')
})

test('20,000 random segments are never an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(records.length), (garbage, kept) => {
      scanJournal([segment(1, ...records.slice(0, kept), garbage)])
      scanJournal([segment(1, garbage), segment(2, ...records.slice(0, kept))])
    }),
    { numRuns: 20_000 }
  )
})

test.run()
