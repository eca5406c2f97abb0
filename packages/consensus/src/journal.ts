/**
 * The vote journal's bytes. It is the authority over what this node signed: a node whose journal is lost must not sign.
 *
 * A record is `len(4) || crc32(4) || seq(8) || payload`; numbers are big-endian, `len` is the payload's size, the checksum
 * covers everything else of the record, and `seq` counts records from 1 over all segments. The payload is every entry of
 * one append, so that an append cut short by a power loss is one bad record and never a good one behind a bad one.
 */
import { crc32 } from 'node:zlib'
import { assert, type Epoch, unreachable, type View } from '@wardline/codec'
import { type Certificate, readCertificate, writeCertificate } from './certificate.ts'
import { type Header, readHeader, writeHeader } from './header.ts'
import { type Proposal, readProposal, writeProposal } from './proposal.ts'
import { readVote, type Vote, writeVote } from './vote.ts'
import { createReader, createWriter, type Reader, type Writer } from './wire.ts'

export type JournalEntry =
  /** This node entered `view`; `certificate` is what let it: for view 1 the finalization that closed the epoch before, null in epoch 0. */
  | { readonly kind: 'entered'; readonly epoch: Epoch; readonly view: View; readonly certificate: Certificate | null }
  /** A notarization that a finalize vote rests on and that no `entered` entry holds. */
  | { readonly kind: 'kept'; readonly certificate: Certificate }
  /** This node's own proposal, which counts as its notarize vote. `skips` are those that no earlier entry holds. */
  | { readonly kind: 'proposed'; readonly proposal: Proposal }
  /** A vote this node signed; `header` is what a notarize vote is for, null for the other kinds. */
  | { readonly kind: 'voted'; readonly vote: Vote; readonly header: Header | null }
  /** Records with a `seq` below `firstSeq` may be gone: they concern views up to `view`, which is final. */
  | { readonly kind: 'pruned'; readonly epoch: Epoch; readonly view: View; readonly firstSeq: number }

const TAGS = { entered: 1, kept: 2, proposed: 3, voted: 4, pruned: 5 } as const

const HEAD_BYTES = 16

/** The largest payload that a scan believes; above any append the engine can ask for. */
const PAYLOAD_BYTES_MAX = 16 * 1024 * 1024

/** How far a record's number may jump ahead for a scan to take it for a real record behind damage. */
const SEQ_JUMP_MAX = 2 ** 24

/** One record for one append. @param seq 1 for the first record of a journal, then one more each time */
export function encodeJournalRecord(seq: number, entries: readonly JournalEntry[]): Uint8Array {
  assert(entries.length > 0 && Number.isSafeInteger(seq) && seq >= 1, 'a record has a number and entries')
  const writer = createWriter(1024)
  writer.u32(0)
  writer.u32(0)
  writer.u64(seq)
  for (const entry of entries) writeEntry(writer, entry)
  const record = writer.done()
  assert(record.length - HEAD_BYTES <= PAYLOAD_BYTES_MAX, 'an append fits one record')
  const data = new DataView(record.buffer)
  data.setUint32(0, record.length - HEAD_BYTES)
  data.setUint32(4, checksum(record))
  return record
}

export type JournalScan =
  | {
      readonly kind: 'ok'
      /** In the order written. */
      readonly entries: readonly JournalEntry[]
      /** The `seq` for the next append. */
      readonly nextSeq: number
      /** What `pruneJournal` needs to know of each segment. */
      readonly segments: readonly ScannedSegment[]
      /** A write cut short: before appending, truncate this segment to `size` bytes. */
      readonly torn?: { readonly segment: number; readonly size: number }
    }
  /** The journal can not be trusted; `reason` is one of `gap | damaged | unreadable | missing-start`. */
  | { readonly kind: 'lost'; readonly reason: JournalLoss; readonly segment: number }

export type JournalLoss = 'gap' | 'damaged' | 'unreadable' | 'missing-start'

/** `last` is the highest place that an entry of the segment is about. */
export type ScannedSegment = { readonly number: number; readonly firstSeq: number; readonly last: Place }

/** A view of an epoch. */
export type Place = { readonly epoch: Epoch; readonly view: View }

/** Before every view of every epoch. */
export const FIRST_PLACE: Place = { epoch: 0 as Epoch, view: 0 as View }

export function isLater(one: Place, other: Place): boolean {
  return one.epoch > other.epoch || (one.epoch === other.epoch && one.view > other.view)
}

/**
 * Reads all segments (ascending by number, zeros behind their last record). A bad record at the very end of the last one is
 * a torn write; a bad record with a good one anywhere behind it, a number missing among segments or records, or a start
 * that no `pruned` entry explains means that the journal is lost.
 */
export function scanJournal(segments: readonly { readonly number: number; readonly bytes: Uint8Array }[]): JournalScan {
  const entries: JournalEntry[] = []
  const scanned: ScannedSegment[] = []
  let firstSeq = 0
  let seq = 0
  let torn: { segment: number; size: number } | undefined
  for (const [at, segment] of segments.entries()) {
    const lost = (reason: JournalLoss): JournalScan => ({ kind: 'lost', reason, segment: segment.number })
    const before = segments[at - 1]
    if (before !== undefined && before.number + 1 !== segment.number) return lost('gap')
    const isLast = at === segments.length - 1
    let offset = 0
    let last = FIRST_PLACE
    const segmentSeq = seq + 1
    while (offset < segment.bytes.length) {
      const record = readRecord(segment.bytes, offset)
      if (record === undefined) {
        if (isZero(segment.bytes, offset)) break
        if (!isLast || hasRecordBehind(segment.bytes, offset + 1, seq)) return lost('damaged')
        torn = { segment: segment.number, size: offset }
        break
      }
      if (seq === 0) {
        firstSeq = record.seq
      } else if (record.seq !== seq + 1) {
        return lost('gap')
      }
      seq = record.seq
      const found = parseEntries(record.payload)
      if (found === undefined) return lost('unreadable')
      for (const entry of found) {
        entries.push(entry)
        if (isLater(entryPlace(entry), last)) last = entryPlace(entry)
      }
      offset += HEAD_BYTES + record.payload.length
    }
    scanned.push({ number: segment.number, firstSeq: at === 0 ? firstSeq : segmentSeq, last })
  }
  const explained = entries.reduce(
    (most, entry) => (entry.kind === 'pruned' ? Math.max(most, entry.firstSeq) : most),
    1
  )
  if (firstSeq > explained) return { kind: 'lost', reason: 'missing-start', segment: segments[0]?.number ?? 0 }
  const result = { kind: 'ok', entries, nextSeq: seq + 1, segments: scanned } as const
  return torn === undefined ? result : { ...result, torn }
}

/** The place an entry is about; a segment whose entries are all about places at or below the floor is no longer needed. */
export function entryPlace(entry: JournalEntry): Place {
  switch (entry.kind) {
    case 'entered':
      return placeOf(entry)
    case 'kept':
      return placeOf(entry.certificate)
    case 'proposed':
      return { epoch: entry.proposal.header.epoch, view: entry.proposal.view }
    case 'voted':
      return placeOf(entry.vote)
    case 'pruned':
      // What it explains stays true whatever is dropped, and the newest one lies in the last segment, which always stays; but
      // what a lost journal may have signed must be known until it is final.
      return isRecovery(entry) ? placeOf(entry) : FIRST_PLACE
    default:
      return unreachable(entry)
  }
}

/** The epoch of what an entry says. */
export function entryEpoch(entry: JournalEntry): Epoch {
  return entry.kind === 'pruned' ? entry.epoch : entryPlace(entry).epoch
}

function placeOf({ epoch, view }: Place): Place {
  return { epoch, view }
}

/** Whether an entry begins the journal after one that was lost, and says where that may have signed. */
export function isRecovery(entry: JournalEntry): entry is Extract<JournalEntry, { kind: 'pruned' }> {
  return entry.kind === 'pruned' && entry.firstSeq === 1 && entry.view > 0
}

/** Every certificate that the entries hold. */
export function certificatesIn(entries: readonly JournalEntry[]): readonly Certificate[] {
  return entries.flatMap((entry) => {
    switch (entry.kind) {
      case 'entered':
        return entry.certificate ?? []
      case 'kept':
        return entry.certificate
      case 'proposed':
        return [entry.proposal.parentCertificate ?? [], entry.proposal.skips].flat()
      case 'voted':
      case 'pruned':
        return []
      default:
        return unreachable(entry)
    }
  })
}

function writeEntry(writer: Writer, entry: JournalEntry): void {
  writer.u8(TAGS[entry.kind])
  switch (entry.kind) {
    case 'entered':
      writer.u64(entry.epoch)
      writer.u64(entry.view)
      writer.u8(entry.certificate === null ? 0 : 1)
      if (entry.certificate !== null) writeCertificate(writer, entry.certificate)
      break
    case 'kept':
      writeCertificate(writer, entry.certificate)
      break
    case 'proposed':
      writeProposal(writer, entry.proposal)
      break
    case 'voted':
      writeVote(writer, entry.vote)
      writer.u8(entry.header === null ? 0 : 1)
      if (entry.header !== null) writeHeader(writer, entry.header)
      break
    case 'pruned':
      writer.u64(entry.epoch)
      writer.u64(entry.view)
      writer.u64(entry.firstSeq)
      break
    default:
      unreachable(entry)
  }
}

function parseEntries(payload: Uint8Array): readonly JournalEntry[] | undefined {
  const reader = createReader(payload)
  const entries: JournalEntry[] = []
  while (reader.remaining() > 0) {
    const entry = readEntry(reader)
    if (entry === undefined) return undefined
    entries.push(entry)
  }
  return reader.complete() && entries.length > 0 ? entries : undefined
}

function readEntry(reader: Reader): JournalEntry | undefined {
  const tag = reader.u8()
  if (tag === TAGS.entered) {
    const epoch = reader.u64() as Epoch
    const view = reader.u64() as View
    return { kind: 'entered', epoch, view, certificate: readFlag(reader) ? readCertificate(reader) : null }
  }
  if (tag === TAGS.kept) return { kind: 'kept', certificate: readCertificate(reader) }
  if (tag === TAGS.proposed) return { kind: 'proposed', proposal: readProposal(reader) }
  if (tag === TAGS.voted) {
    const vote = readVote(reader)
    return { kind: 'voted', vote, header: readFlag(reader) ? readHeader(reader) : null }
  }
  if (tag === TAGS.pruned) {
    return { kind: 'pruned', epoch: reader.u64() as Epoch, view: reader.u64() as View, firstSeq: reader.u64() }
  }
  return undefined
}

function readFlag(reader: Reader): boolean {
  const flag = reader.u8()
  if (flag > 1) reader.fail()
  return flag === 1
}

function readRecord(bytes: Uint8Array, offset: number): { seq: number; payload: Uint8Array } | undefined {
  if (bytes.length - offset <= HEAD_BYTES) return undefined
  const data = new DataView(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset)
  const size = data.getUint32(0)
  if (size === 0 || size > PAYLOAD_BYTES_MAX || size > data.byteLength - HEAD_BYTES) return undefined
  const record = bytes.subarray(offset, offset + HEAD_BYTES + size)
  if (checksum(record) !== data.getUint32(4)) return undefined
  const seq = data.getUint32(8) * 0x1_0000_0000 + data.getUint32(12)
  return Number.isSafeInteger(seq) && seq > 0 ? { seq, payload: record.subarray(HEAD_BYTES) } : undefined
}

/** Looks at every offset, because damage may have hit a record's length. Most offsets fail on their size or number. */
function hasRecordBehind(bytes: Uint8Array, from: number, seq: number): boolean {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let offset = from; offset + HEAD_BYTES < bytes.length; offset++) {
    const ahead = data.getUint32(offset + 8) * 0x1_0000_0000 + data.getUint32(offset + 12) - seq
    if (ahead < 1 || ahead > SEQ_JUMP_MAX) continue
    if (readRecord(bytes, offset) !== undefined) return true
  }
  return false
}

function checksum(record: Uint8Array): number {
  return crc32(record.subarray(8), crc32(record.subarray(0, 4)))
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}
