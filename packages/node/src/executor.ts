/**
 * Executes blocks that are not final yet, each on its parent's state: the final state in the store under the changes of
 * the branch's unfinalised blocks, kept in memory by digest. A block is executed once; what it changed is what `commit`
 * writes. Nothing here touches the disk. How many are kept is bounded: what was dropped is executed again from the disk.
 */
import {
  assert,
  type Digest,
  type Frontier,
  frontierRoot,
  type Hash,
  height,
  limits,
  type MemberId,
  name32
} from '@wardline/codec'
import { type Header, headerDigest, setHash } from '@wardline/consensus'
import {
  appHash,
  type BlockCode,
  type Change,
  chargedTo,
  createBlock,
  execute,
  layered,
  type ParsedTransaction,
  readValidators,
  type StateView,
  sharedPayloadSize,
  stateKeys,
  txRoot,
  validatorsIn
} from '@wardline/ledger'
import { type Head, headAfter } from './head.ts'

/** A block with the state that it leaves behind. */
export type ExecutedBlock = {
  readonly digest: Digest
  readonly header: Header
  readonly transactions: readonly ParsedTransaction[]
  /** What the block changed in the state that `appHash` covers, sorted by key. */
  readonly changes: readonly Change[]
  /** The ids that the block used up, outside `appHash`. */
  readonly seen: readonly Change[]
  readonly headAfter: Head
}

/** The part of a header that follows from the parent and from what a leader selected. */
export type Roots = Pick<Header, 'epoch' | 'history' | 'txRoot' | 'appHash' | 'nextSetHash'>

/** What a leader has selected so far. */
export type Selection = {
  readonly count: number
  /** Candidates that could not follow on the parent and what was selected before them. */
  readonly refused: readonly ParsedTransaction[]
  /** Whether every candidate was looked at that there was room for. */
  readonly isWhole: boolean
}

export type Built = Selection & { readonly block: ExecutedBlock | undefined }

export type Executor = {
  /** Whether the block's state is known here: it is the head, or was executed and is not final. */
  knows(digest: Digest): boolean
  /**
   * Executes a block whose parent is known and whose header the consensus found well formed.
   * @returns the code of the first rule that it breaks
   */
  execute(
    header: Header,
    transactions: readonly ParsedTransaction[]
  ): { readonly kind: 'executed'; readonly block: ExecutedBlock } | { readonly kind: 'invalid'; readonly code: string }
  /**
   * Makes a block on top of the known block `parent`: takes, in the order given, the candidates that its state permits, at
   * most `limits.buildTransactionsMax`, passing over at most `limits.buildRefusalsMax` that it does not, and completes the
   * header with `complete`, which may decline. What does not fit any more is passed over too: others may. Of the payloads
   * that every member must hold each member has a part; above it, it gets what all others leave.
   * @param isOver whether there is no more time; one candidate is looked at all the same
   */
  build(
    parent: Digest,
    timeMs: number,
    candidates: Iterable<ParsedTransaction>,
    complete: (roots: Roots, selection: Selection) => Header | undefined,
    isOver: () => boolean
  ): Built
  get(digest: Digest): ExecutedBlock | undefined
  /** Height and history of a known block, or of the head. */
  headOf(digest: Digest): Head | undefined
  /** Forgets a block that is in the store now, and every block of other branches. @returns the digests of the latter */
  settle(head: Head): readonly Digest[]
}

type Pending = {
  readonly block: ExecutedBlock
  readonly overlay: ReadonlyMap<string, Uint8Array | null>
  readonly leaves: ReadonlySet<string>
}

/** Of the payloads of a block, what one member's may take before all others have had theirs, bytes. */
const PAYLOAD_PART_BYTES = limits.blockPayloadBytesMax / 4

/** @param final the state as of `head` */
export function createExecutor(final: StateView, head: () => Head): Executor {
  const pending = new Map<Digest, Pending>()

  /** The unfinalised blocks from `digest` down to the head, newest first. */
  function branch(digest: Digest): Pending[] {
    const blocks: Pending[] = []
    for (let at = digest; at !== head().digest; ) {
      const found = pending.get(at)
      assert(found !== undefined, 'the parent has been executed')
      blocks.push(found)
      at = found.block.header.parent
    }
    return blocks
  }

  function stateOn(blocks: readonly Pending[]): StateView {
    if (blocks.length === 0) return final
    return {
      get(key) {
        for (const { overlay } of blocks) {
          const value = overlay.get(key)
          if (value !== undefined) return value ?? undefined
        }
        return final.get(key)
      }
    }
  }

  function headOn(blocks: readonly Pending[]): Head {
    return blocks[0]?.block.headAfter ?? head()
  }

  function remember(
    parent: Head,
    header: Header,
    transactions: readonly ParsedTransaction[],
    changes: readonly Change[],
    seen: readonly Change[]
  ): ExecutedBlock {
    const digest = headerDigest(header)
    const block = {
      digest,
      header,
      transactions,
      changes,
      seen,
      headAfter: headAfter(parent, header, digest, transactions.length)
    }
    const overlay = new Map([...changes, ...seen].map(({ key, value }) => [key, value]))
    if (pending.size >= limits.unfinalisedBlocksMax) forgetOldest(header.parent)
    pending.set(digest, { block, overlay, leaves: new Set(transactions.map(({ leaf }) => leaf)) })
    return block
  }

  /** Drops the oldest block that no other one follows, but not `needed`. Its body stays on the disk. */
  function forgetOldest(needed: Digest): void {
    const parents = new Set([...pending.values()].map(({ block }) => block.header.parent)).add(needed)
    for (const digest of pending.keys()) {
      if (parents.has(digest)) continue
      pending.delete(digest)
      return
    }
  }

  return {
    knows: (digest) => digest === head().digest || pending.has(digest),
    get: (digest) => pending.get(digest)?.block,
    headOf: (digest) => (digest === head().digest ? head() : pending.get(digest)?.block.headAfter),

    execute(header, transactions) {
      const known = pending.get(headerDigest(header))
      if (known !== undefined) return { kind: 'executed', block: known.block }
      const ancestors = branch(header.parent)
      const parent = headOn(ancestors)
      const state = stateOn(ancestors)
      if (header.epoch !== readValidators(state).epoch) return { kind: 'invalid', code: 'wrong-epoch' }
      if (header.height !== parent.height + 1) return { kind: 'invalid', code: 'wrong-height' }
      if (header.time <= parent.time) return { kind: 'invalid', code: 'wrong-time' }
      if (header.txRoot !== txRoot(transactions.map(({ leaf }) => leaf)))
        return { kind: 'invalid', code: 'wrong-tx-root' }
      if (header.history !== rootOf(parent.history)) return { kind: 'invalid', code: 'wrong-history' }
      const execution = execute(state, { height: header.height, time: header.time, parent, transactions })
      if (execution.kind === 'invalid') return { kind: 'invalid', code: execution.code }
      const { changes, seen } = execution
      if (header.appHash !== appHash(parent.appHash, changes)) return { kind: 'invalid', code: 'wrong-app-hash' }
      if (header.nextSetHash !== nextSetHash(parent, state, changes)) return { kind: 'invalid', code: 'wrong-set' }
      return { kind: 'executed', block: remember(parent, header, transactions, changes, seen) }
    },

    build(parentDigest, timeMs, candidates, complete, isOver) {
      const ancestors = branch(parentDigest)
      const parent = headOn(ancestors)
      const state = stateOn(ancestors)
      const block = createBlock(state, { height: height(parent.height + 1), time: timeMs, parent })
      const chosen: ParsedTransaction[] = []
      const refused: ParsedTransaction[] = []
      let isWhole = true
      for (const candidate of inTurn(candidates)) {
        if (ancestors.some(({ leaves }) => leaves.has(candidate.leaf))) continue
        if (refused.length === limits.buildRefusalsMax || (chosen.length + refused.length > 0 && isOver())) {
          isWhole = false
          break
        }
        const verdict = block.add(candidate)
        if (verdict.kind === 'full' && ENDS_BLOCK.has(verdict.code)) break
        if (verdict.kind === 'refuse') refused.push(candidate)
        if (verdict.kind === 'accept' && chosen.push(candidate) === limits.buildTransactionsMax) break
      }
      const { changes, seen } = block.changes()
      const roots = {
        epoch: readValidators(state).epoch,
        history: rootOf(parent.history),
        txRoot: txRoot(chosen.map(({ leaf }) => leaf)),
        appHash: appHash(parent.appHash, changes),
        nextSetHash: nextSetHash(parent, state, changes)
      }
      const selection = { count: chosen.length, refused, isWhole }
      const header = complete(roots, selection)
      return { ...selection, block: header && remember(parent, header, chosen, changes, seen) }
    },

    settle(settled) {
      pending.delete(settled.digest)
      const stale = [...pending].flatMap(([digest, { block }]) =>
        descends(block.header.parent, settled.digest) ? [] : [digest]
      )
      for (const digest of stale) pending.delete(digest)
      return stale
    }
  }

  function descends(from: Digest, ancestor: Digest): boolean {
    let at: Digest | undefined = from
    while (at !== undefined) {
      if (at === ancestor) return true
      at = pending.get(at)?.block.header.parent
    }
    return false
  }
}

/** The validators of the block after one that changes `state` so, and whose parent is `parent`. */
function nextSetHash(parent: Head, state: StateView, changes: readonly Change[]): Hash {
  const isChanged = changes.some(({ key }) => key === stateKeys.validators)
  if (!isChanged && parent.header !== null) return parent.header.nextSetHash
  return setHash(validatorsIn(layered(state, [changes])).validators)
}

/** What keeps every further transaction out of a block. */
const ENDS_BLOCK: ReadonlySet<BlockCode> = new Set<BlockCode>(['block-too-many', 'change-not-last'])

/** The candidates in their order, but last those whose payloads would take more than their member's part. */
function* inTurn(candidates: Iterable<ParsedTransaction>): Iterable<ParsedTransaction> {
  const used = new Map<MemberId, number>()
  const later: ParsedTransaction[] = []
  for (const candidate of candidates) {
    const size = sharedPayloadSize(candidate)
    const member = chargedTo(candidate)
    const sum = (used.get(member) ?? 0) + size
    if (size > 0 && sum > PAYLOAD_PART_BYTES) {
      later.push(candidate)
      continue
    }
    if (size > 0) used.set(member, sum)
    yield candidate
  }
  yield* later
}

function rootOf(history: Frontier): Hash {
  return name32<Hash>(frontierRoot(history))
}
