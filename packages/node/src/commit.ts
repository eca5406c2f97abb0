/**
 * Makes executed blocks final on disk: block, state, views, duties and head in one synced write per block, then tells who
 * waits. A crash before the write leaves the chain where it was, and the finalization is found again; a crash after it
 * finds everything.
 */
import { assert, completedNodes, type Digest, encodeCbor, type Leaf, nameBytes } from '@wardline/codec'
import { type Certificate, type Certified, encodeCertificate, encodeHeader } from '@wardline/consensus'
import {
  type CommittedBlock,
  encodeBlockBody,
  expiredSeenRange,
  type Fold,
  type ParsedTransaction,
  type Pin,
  type StateView
} from '@wardline/ledger'
import type { KeyValueStore, StoreWrite } from '@wardline/ports'
import type { Epochs } from './epochs.ts'
import type { ExecutedBlock, Executor } from './executor.ts'
import type { FinalState } from './final-state.ts'
import { encodeHead, type Head } from './head.ts'
import { decimalRow, keys } from './layout.ts'
import type { Mempool } from './mempool.ts'
import { lostBranches } from './open.ts'
import { missesPin, pinError } from './pin.ts'
import { type Place, placesInBody } from './places.ts'

/** Ids whose window has passed are removed every so many blocks; no rule reads them any more. */
const HOUSEKEEPING_BLOCKS = 64
const HOUSEKEEPING_KEYS_MAX = 10_000

export type Committer = {
  head(): Head
  /** The highest final block that has its own finalization here; null when there is none. */
  certified(): Certified | null
  /**
   * Commits `blocks`, each the child of the one before, the first of them of the head; `certificate` finalizes the last
   * (null if only a later one does), `passed` tells how the views before it ended. A block that ends its epoch is always the last, with its own finalization.
   * Calls run one after the other.
   */
  commit(
    blocks: readonly ExecutedBlock[],
    certificate: Certificate | null,
    passed?: readonly Certificate[]
  ): Promise<void>
  /**
   * Runs this when store, state and head are at the same block: now, or behind the block that is being written. Its rows can be
   * read from the store some time before the write is known to be on disk, when the state has not changed yet. Rejects if
   * that write fails.
   */
  atRest<T>(run: () => T): Promise<Awaited<T>>
}

export type CommitterParts = {
  readonly store: KeyValueStore
  readonly state: FinalState
  readonly head: Head
  /** The highest final block with its own finalization; null when there is none. */
  readonly certified: Certified | null
  readonly epochs: Epochs
  readonly mempool: Mempool
  readonly pin: Pin | null
  readonly folds: readonly Fold[]
  /** The executor reads the head from here, so it is made after this. */
  readonly executor: () => Executor
  /** Whether a pending transaction has a row under `mempool/`. */
  readonly isOnDisk: (leaf: Leaf) => boolean
  /** What else changes under `payloads/` when these transactions become final, and what may go as of this time. */
  readonly payloadWrites: (transactions: readonly ParsedTransaction[]) => readonly StoreWrite[]
  readonly expiredPayloads: (timeMs: number) => Promise<readonly StoreWrite[]>
  /** Told after each block is on disk and out of the mempool, and of whether it ended its epoch. Must not throw. */
  readonly onCommit: (block: CommittedBlock, endsEpoch: boolean) => void
}

export function createCommitter(parts: CommitterParts): Committer {
  const { store, state, mempool, folds, onCommit } = parts
  let head = parts.head
  let certified = parts.certified
  let last: Promise<void> = Promise.resolve()
  /** Blocks of branches that lost; their bodies go with the next block's write. */
  const stale: Digest[] = []
  let isWriting = false
  let failed: Error | undefined
  const waiting: { readonly run: () => void; readonly fail: (error: unknown) => void }[] = []

  async function commitOne(
    block: ExecutedBlock,
    certificate: Certificate | null,
    passed: readonly Certificate[]
  ): Promise<void> {
    assert(block.header.parent === head.digest, 'a block is committed on its parent')
    if (missesPin(parts.pin, block.header.height, block.digest)) throw pinError(parts.pin)
    const committed: CommittedBlock = {
      digest: block.digest,
      header: block.header,
      transactions: block.transactions,
      changes: block.changes
    }
    const writes: StoreWrite[] = [
      { key: keys.header(block.header.height), value: encodeHeader(block.header) },
      { key: keys.height(block.digest), value: decimalRow(block.header.height) },
      { key: keys.pending(block.digest), value: null },
      { key: keys.head, value: encodeHead(block.headAfter) }
    ]
    // A block that was built or voted for here has had its body on disk, with its header under `pending`, since then.
    if (store.get(keys.pending(block.digest)) === undefined) {
      const body = encodeBlockBody(block.transactions.map(({ bytes }) => bytes))
      writes.push({ key: keys.body(block.digest), value: body })
    }
    for (const digest of stale.splice(0)) {
      writes.push({ key: keys.body(digest), value: null }, { key: keys.pending(digest), value: null })
    }
    if (certificate !== null)
      writes.push({ key: keys.certificate(block.header.height), value: encodeCertificate(certificate) })
    for (const one of passed) writes.push({ key: keys.passed(one), value: encodeCertificate(one) })
    const isClosing = parts.epochs.isClosing(block.header)
    assert(!isClosing || certificate !== null, 'a block that ends its epoch is committed with its own finalization')
    if (isClosing) writes.push({ key: keys.closing(block.header.epoch), value: decimalRow(block.header.height) })
    for (const { key, value } of block.changes) writes.push({ key: keys.state(key), value })
    for (const { key, value } of block.seen) writes.push({ key: keys.state(key), value })
    for (const { level, index, hash } of completedNodes(head.history, nameBytes(block.digest))) {
      writes.push({ key: keys.tree(level, index), value: hash })
    }
    const places = placesInBody(block.transactions)
    block.transactions.forEach(({ id, leaf }, index) => {
      const { offset, size } = places[index] as Place
      writes.push({ key: keys.transaction(id), value: encodeCbor([block.header.height, index, offset, size]) })
      if (parts.isOnDisk(leaf)) writes.push({ key: keys.mempool(leaf), value: null })
    })
    writes.push(...parts.payloadWrites(block.transactions))
    const reader = foldReader(store, state, block)
    for (const fold of folds) writes.push(...fold(reader, committed))
    if (block.header.height % HOUSEKEEPING_BLOCKS === 0) {
      writes.push(...(await housekeeping(block.header.time)), ...(await parts.expiredPayloads(block.header.time)))
      // Blocks that were kept and never executed, or before a restart: nobody else remembers them.
      writes.push(...(await lostBranches(store, head.height)))
    }
    state.hold(block.changes, block.seen)
    isWriting = true
    try {
      await store.write(writes, { sync: true })
    } catch (error) {
      failed = error as Error
      for (const { fail } of waiting.splice(0)) fail(error)
      throw error
    }

    state.update(block.changes)
    state.update(block.seen)
    head = block.headAfter
    if (certificate !== null) certified = { header: block.header, certificate }
    if (isClosing && certificate !== null) parts.epochs.end(block.header, block.transactions, certificate)
    stale.push(...parts.executor().settle(head))
    for (const { leaf } of block.transactions) mempool.remove(leaf)
    onCommit(committed, isClosing)
    isWriting = false
    for (const { run } of waiting.splice(0)) run()
  }

  async function housekeeping(timeMs: number): Promise<StoreWrite[]> {
    const range = expiredSeenRange(timeMs)
    const writes: StoreWrite[] = []
    for await (const [key] of store.range({
      from: keys.state(range.from),
      to: keys.state(range.to),
      limit: HOUSEKEEPING_KEYS_MAX
    })) {
      writes.push({ key, value: null })
    }
    return writes
  }

  return {
    head: () => head,
    certified: () => certified,
    commit(blocks, certificate, passed = []) {
      const run = async () => {
        for (const block of blocks) {
          if (block === blocks.at(-1)) await commitOne(block, certificate, passed)
          else await commitOne(block, null, [])
        }
      }
      last = last.then(run)
      return last
    },
    atRest: (run) =>
      new Promise((resolve, fail) => {
        const now = () => resolve(Promise.try(run))
        if (failed !== undefined) fail(failed)
        else if (isWriting) waiting.push({ run: now, fail })
        else now()
      })
  }
}

/** What a fold reads: its table as it is before the block, and the state after it. */
function foldReader(store: KeyValueStore, state: StateView, block: ExecutedBlock): StateView {
  const changed = new Map(block.changes.map(({ key, value }) => [key, value]))
  return {
    get(key) {
      if (key.startsWith('views/') || key.startsWith('duties/')) return store.get(key)
      const value = changed.get(key)
      return value === undefined ? state.get(key) : (value ?? undefined)
    }
  }
}
