/** The leader's side: when to propose, on what, and what the driver's answer becomes. */
import { assert, type Digest, type Height, type Leaf, limits } from '@wardline/codec'
import { type Certificate, certificateBytes } from '../certificate.ts'
import { type Header, headerDigest } from '../header.ts'
import { leaderOf } from '../validators.ts'
import { castProposal, giveUpView } from './advance.ts'
import { COMMITS_PENDING_MAX, UNFINALIZED_MAX } from './bounds.ts'
import { addBlock, findTip, heightAndTime, unfinalizedDepth } from './chain.ts'
import { isClosed, isClosing } from './epoch.ts'
import type { Input } from './interface.ts'
import { firstVotableView, isEmptyBlock, knownHeader, type State, type Tip } from './state.ts'
import { awaitsFinality, hasWork } from './work.ts'

/** Whether it leads the current view and may sign in it. */
export function isOwnTurn(state: State): boolean {
  const { view } = state.current
  return view >= firstVotableView(state) && leaderOf(state.config.set, view).member === state.config.self?.member
}

/** Asks the driver for a block if it is this node's turn, it has not proposed in this view, and there is something to do. */
export function considerProposing(state: State): void {
  const { view, build } = state.current
  if (!isOwnTurn(state) || build.kind === 'asked' || build.kind === 'done' || !hasWork(state) || isClosed(state)) return
  if (state.voter?.slot(view).nullify) return
  if (commitsPendingCount(state) >= COMMITS_PENDING_MAX) return
  const tip = findTip(state)
  const parent = tip && heightAndTime(state, tip.digest)
  if (tip === undefined || parent === undefined) {
    // A vote is smaller than a proposal and may overtake it: the header of a notarized block gets a moment to arrive.
    if (tip !== undefined && state.nowMs < graceEndsAtMs(state)) return
    giveUpView(state)
    return
  }
  const parentHeader = knownHeader(state, tip.digest) ?? null
  const again = parentHeader !== null && isClosing(state, parentHeader)
  const allowTransactions = !again && unfinalizedDepth(state, tip.digest, UNFINALIZED_MAX) < UNFINALIZED_MAX
  const allowEmpty = emptyBlockDueAtMs(state, parent.timeMs) <= state.nowMs
  if (!allowEmpty && !(allowTransactions && state.hasTransactions && build.kind === 'none')) return
  state.current.build = { kind: 'asked', tip }
  state.outputs.push({
    kind: 'build',
    epoch: state.config.set.epoch,
    view,
    again,
    height: (parent.height + 1) as Height,
    proposer: leaderOf(state.config.set, view).member,
    parent: { digest: tip.digest, header: parentHeader },
    timeMinMs: parent.timeMs + 1,
    allowTransactions,
    allowEmpty
  })
}

/** When this leader, having nothing to include, next has to look again; null if nothing is due. */
export function proposalDueAtMs(state: State): number | null {
  const { view, build } = state.current
  if (!isOwnTurn(state) || build.kind === 'asked' || build.kind === 'done' || state.voter?.slot(view).nullify)
    return null
  const tip = findTip(state)
  const parent = tip && heightAndTime(state, tip.digest)
  return parent === undefined ? graceEndsAtMs(state) : emptyBlockDueAtMs(state, parent.timeMs)
}

function graceEndsAtMs(state: State): number {
  return state.current.enteredAtMs + state.config.timing.finalityGraceMs
}

/**
 * An empty block is due for the heartbeat, and, after a moment's grace, to bring blocks that stay unfinalized to finality;
 * so is a closing block that is proposed again.
 */
function emptyBlockDueAtMs(state: State, parentTimeMs: number): number {
  const heartbeatAtMs = parentTimeMs + state.config.timing.heartbeatMs
  return awaitsFinality(state) ? Math.min(heartbeatAtMs, graceEndsAtMs(state)) : heartbeatAtMs
}

function commitsPendingCount(state: State): number {
  let count = 0
  for (const blocks of state.commitsPending.values()) count += blocks
  return count
}

/** The driver's answer to `build`; one for another view or parent is late and ignored. */
export function receiveBuilt(state: State, input: Extract<Input, { kind: 'built' }>): void {
  const { build, view } = state.current
  if (build.kind !== 'asked' || input.view !== view || input.parent !== build.tip.digest) return
  if (input.header === null) {
    if (input.reason === 'nothing') {
      state.current.build = { kind: 'nothing' }
    } else {
      state.current.build = { kind: 'done' }
      giveUpView(state)
    }
    return
  }
  state.current.build = { kind: 'done' }
  const digest = headerDigest(input.header)
  assertOwnHeader(state, input.header, input.leaves, build.tip)
  if (state.voter?.slot(view).nullify) return
  addBlock(state, digest, input.header)
  state.proposals.set(view, { digest, state: 'valid' })
  state.current.hasProposal = true
  castProposal(state, digest, {
    header: input.header,
    view,
    leaves: input.leaves,
    parentCertificate: build.tip.certificate,
    skips: newestWithin(build.tip.skips, limits.proposalSkipsBytesMax)
  })
}

function assertOwnHeader(state: State, header: Header, leaves: readonly Leaf[], tip: Tip): void {
  const { chain, set } = state.config
  const parent = heightAndTime(state, tip.digest)
  const tipHeader = knownHeader(state, tip.digest)
  if (tipHeader !== undefined && isClosing(state, tipHeader)) {
    assert(headerDigest(header) === tip.digest, 'a closing block is proposed again as it is')
    return
  }
  assert(header.chain === chain && header.epoch === set.epoch, 'a built header is for this chain and epoch')
  assert(header.view === state.current.view && header.parent === tip.digest, 'a built header is for the asked view')
  assert(header.proposer === state.config.self?.member, 'a built header names this node')
  assert(isEmptyBlock(header) === (leaves.length === 0), 'a built header commits to its leaves')
  if (parent === undefined) return
  assert(header.height === parent.height + 1 && header.time > parent.timeMs, 'a built header follows its parent')
}

/** The longest end of `skips` whose encodings fit `bytesMax`. */
export function newestWithin(skips: readonly Certificate[], bytesMax: number): readonly Certificate[] {
  let bytes = 0
  let from = skips.length
  while (from > 0) {
    bytes += certificateBytes(skips[from - 1] as Certificate)
    if (bytes > bytesMax) break
    from -= 1
  }
  return from === 0 ? skips : skips.slice(from)
}

/** The synced write of a commit is done. */
export function receiveCommitted(state: State, digest: Digest): void {
  state.commitsPending.delete(digest)
}
