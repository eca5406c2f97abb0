/**
 * What the checkers see: the bytes that reach a node's disk, the messages that leave its process, and what it tells its
 * clients. Nothing here reads the memory of the code under test.
 */
import type { Message } from '@wardline/consensus'
import type { CommittedBlock } from '@wardline/ledger'
import type { JournalSegment, StoreWrite } from '@wardline/ports'

export type Watch = {
  /** A process opened its disk, with these rows on it. */
  readonly storeOpened: (node: string, rows: ReadonlyMap<string, Uint8Array>) => void
  /** These writes survive a power cut from now on. */
  readonly storeDurable: (node: string, writes: readonly StoreWrite[]) => void
  readonly journalRead: (node: string, segments: readonly JournalSegment[]) => void
  /** One append survives a power cut from now on. */
  readonly journalDurable: (node: string, bytes: Uint8Array) => void
  /** A consensus message is handed to the network. */
  readonly said: (node: string, message: Message) => void
  /** A frame of an answer is handed to the network, for the request of `peer`. */
  readonly answered: (node: string, peer: string, protocol: string, request: Uint8Array, frame: Uint8Array) => void
  /** A frame of an answer has come to the node that asked for it. */
  readonly given: (node: string, peer: string, protocol: string, request: Uint8Array, frame: Uint8Array) => void
  /** The node takes no more frames of this answer: it was the last, or the stream broke. */
  readonly closed: (node: string, protocol: string, request: Uint8Array) => void
  /** The node's process ends without having been asked to. */
  readonly died: (node: string) => void
  /** The node announces a block as final. */
  readonly committed: (node: string, block: CommittedBlock) => void
  /** The node's database was deleted, or its vote journal is lost: what it held or promised alone is gone. */
  readonly forgotten: (node: string) => void
}

/** Codes of the invariants in TESTING, and `failed` for a daemon that stopped by itself without a disk fault. */
export type ViolationCode =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'I12'
  | 'M1'
  | 'M2'
  | 'M3'
  | 'M4'
  | 'M6'
  | 'failed'

export type Violation = { readonly code: ViolationCode; readonly what: string }

export type Report = (code: ViolationCode, what: string) => void

/** One watch that tells all of these, in order, as far as they listen. */
export function joinWatches(watches: readonly Partial<Watch>[]): Watch {
  const tell = (run: (watch: Partial<Watch>) => void): void => {
    for (const watch of watches) run(watch)
  }
  return {
    storeOpened: (node, rows) => tell((watch) => watch.storeOpened?.(node, rows)),
    storeDurable: (node, writes) => tell((watch) => watch.storeDurable?.(node, writes)),
    journalRead: (node, segments) => tell((watch) => watch.journalRead?.(node, segments)),
    journalDurable: (node, bytes) => tell((watch) => watch.journalDurable?.(node, bytes)),
    said: (node, message) => tell((watch) => watch.said?.(node, message)),
    answered: (...args) => tell((watch) => watch.answered?.(...args)),
    given: (...args) => tell((watch) => watch.given?.(...args)),
    closed: (...args) => tell((watch) => watch.closed?.(...args)),
    died: (node) => tell((watch) => watch.died?.(node)),
    committed: (node, block) => tell((watch) => watch.committed?.(node, block)),
    forgotten: (node) => tell((watch) => watch.forgotten?.(node))
  }
}
