/** What a node's vote journal holds durably, read from the bytes that reached its disk. */
import { assert, type MemberId } from '@wardline/codec'
import {
  type Certificate,
  encodeJournalRecord,
  headerDigest,
  type JournalEntry,
  type Proposal,
  scanJournal,
  type Vote,
  type VoteKind
} from '@wardline/consensus'
import type { JournalSegment } from '@wardline/ports'

export type SignedVote = {
  readonly kind: VoteKind
  readonly epoch: number
  readonly view: number
  readonly digest: string
}

export type JournalFacts = {
  readonly votes: ReadonlySet<string>
  /** `epoch view` of every view whose entry certificate is there. */
  readonly entered: ReadonlySet<string>
  /** `epoch view digest` of every notarization that is there. */
  readonly notarized: ReadonlySet<string>
}

export type JournalContent = JournalFacts & {
  add(entries: readonly JournalEntry[]): void
}

export function voteName({ kind, epoch, view, digest }: SignedVote): string {
  return `${kind} ${epoch} ${view} ${digest}`
}

export function createJournalContent(): JournalContent {
  const votes = new Set<string>()
  const entered = new Set<string>()
  const notarized = new Set<string>()
  const keep = (certificate: Certificate | null): void => {
    if (certificate?.kind === 'notarize')
      notarized.add(`${certificate.epoch} ${certificate.view} ${certificate.digest}`)
  }
  return {
    votes,
    entered,
    notarized,
    add(entries) {
      for (const entry of entries) {
        for (const vote of votesOf(entry)) votes.add(voteName(vote))
        if (entry.kind === 'entered') {
          entered.add(`${entry.epoch} ${entry.view}`)
          keep(entry.certificate)
        }
        if (entry.kind === 'kept') keep(entry.certificate)
      }
    }
  }
}

export function votesOf(entry: JournalEntry): readonly SignedVote[] {
  if (entry.kind === 'voted') return [entry.vote]
  return entry.kind === 'proposed' ? [voteInProposal(entry.proposal, '')] : []
}

/** The vote that a proposal is: in its own view, which for a block proposed again is not that of the block. */
export function voteInProposal({ header, view, signature }: Proposal, signer: string): Vote {
  const digest = headerDigest(header)
  return { kind: 'notarize', epoch: header.epoch, view, digest, signer: signer as MemberId, signature, attempt: 0 }
}

/** Several checkers look at each append. */
const read = new WeakMap<Uint8Array, readonly JournalEntry[]>()

/** The entries of one append. @param bytes does not change afterwards */
export function entriesOfAppend(bytes: Uint8Array): readonly JournalEntry[] {
  const known = read.get(bytes)
  if (known !== undefined) return known
  const entries = readAppend(bytes)
  read.set(bytes, entries)
  return entries
}

/** Reads the record as the second of a journal that explains why it begins there. */
function readAppend(bytes: Uint8Array): readonly JournalEntry[] {
  const seq = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(8))
  if (seq === 1) return whole([{ number: 1, bytes }])
  const start = encodeJournalRecord(seq - 1, [{ kind: 'pruned', epoch: 0, view: 0, firstSeq: seq - 1 } as JournalEntry])
  const joined = new Uint8Array(start.length + bytes.length)
  joined.set(start)
  joined.set(bytes, start.length)
  return whole([{ number: 1, bytes: joined }])
}

function whole(segments: readonly JournalSegment[]): readonly JournalEntry[] {
  const entries = entriesOf(segments)
  assert(entries !== undefined, 'what a daemon appends to its journal can be read')
  return entries
}

/** Undefined if the journal is lost. */
export function entriesOf(segments: readonly JournalSegment[]): readonly JournalEntry[] | undefined {
  const scan = scanJournal(segments)
  return scan.kind === 'ok' ? scan.entries : undefined
}
