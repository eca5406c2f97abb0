/**
 * What makes a proposal stand. Two kinds of fault are kept apart: what only the deliverer can have
 * attached (certificates, leaves), which says nothing about the leader, and what the leader's signed header binds.
 */
import { limits, type View } from '@wardline/codec'
import { type Certificate, certificateBytes, hasQuorumForm } from '../certificate.ts'
import { headerDigest } from '../header.ts'
import { isProposedAgain, type Proposal } from '../proposal.ts'
import { BLOCK_AGE_MAX_MS, BLOCK_AHEAD_MAX_MS } from './bounds.ts'
import { heightAndTime } from './chain.ts'
import { isClosing, isStart } from './epoch.ts'
import { knownHeader, type State } from './state.ts'

export type Justification = 'justified' | 'unjustified' | 'skips-missing'

/**
 * Whether the attached certificates, if their signatures hold, prove that the proposal may stand on its parent:
 * a notarization or finalization of the parent in view w, and a nullification of every view from w+1 to its own. A closing
 * block that is proposed again stands on itself: only it may follow on it in this epoch.
 * `skips-missing` if the oldest were left out for size and this node does not hold them.
 */
export function judgeJustification(state: State, proposal: Proposal): Justification {
  const { view: ownView, skips } = proposal
  const parentView = judgeParent(state, proposal)
  if (parentView === undefined) return 'unjustified'
  const needed = ownView - 1 - parentView
  if (skips.length > needed) return 'unjustified'
  const first = ownView - skips.length
  for (const [at, skip] of skips.entries()) {
    if (skip.kind !== 'nullify' || skip.view !== first + at || !hasQuorumForm(state.config.set, skip))
      return 'unjustified'
  }
  if (skips.length === needed) return 'justified'
  if (!isFull(skips)) return 'unjustified'
  for (let view = parentView + 1; view < first; view++) {
    if (!state.nullifications.has(view as View)) return 'skips-missing'
  }
  return 'justified'
}

/** The view of what it stands on if its certificate is the right one for that; 0 for the epoch's start. */
function judgeParent(state: State, proposal: Proposal): number | undefined {
  const { header, view, parentCertificate: certificate } = proposal
  const { floor, config } = state
  const isAgain = isProposedAgain(proposal)
  if (isAgain && !isClosing(state, header)) return undefined
  const isOnStart = !isAgain && isStart(state, header.parent)
  if (certificate === null) {
    return isOnStart && floor.view === 0 && header.height === floor.height + 1 ? 0 : undefined
  }
  const standsOn = isAgain ? headerDigest(header) : header.parent
  if (isOnStart || certificate.kind === 'nullify' || certificate.digest !== standsOn) return undefined
  if (certificate.view >= view || !hasQuorumForm(config.set, certificate)) return undefined
  if (certificate.view < floor.view) return undefined
  if (certificate.view === floor.view && certificate.digest !== floor.digest) return undefined
  return certificate.view
}

/** Whether one more nullification like the ones listed would not have fitted. */
function isFull(skips: readonly Certificate[]): boolean {
  let bytes = 0
  let largest = 0
  for (const skip of skips) {
    const size = certificateBytes(skip)
    bytes += size
    largest = Math.max(largest, size)
  }
  return bytes + 2 * largest > limits.proposalSkipsBytesMax
}

/** `wrong-time` is too far from this node's clock, `not-after-parent` no later than the block before. */
export type HeaderFault = 'wrong-time' | 'closed-parent' | 'wrong-height' | 'not-after-parent'

/** What is wrong with the signed header itself, as far as this node can see; the driver checks the rest. */
export function judgeHeader(state: State, proposal: Proposal, nowMs: number): HeaderFault | undefined {
  const { header } = proposal
  // It was judged when it was first proposed, and time has passed since.
  if (isProposedAgain(proposal)) return undefined
  if (header.time < nowMs - BLOCK_AGE_MAX_MS || header.time > nowMs + BLOCK_AHEAD_MAX_MS) return 'wrong-time'
  const parent = heightAndTime(state, header.parent)
  if (parent === undefined) return undefined
  const parentHeader = knownHeader(state, header.parent)
  if (parentHeader !== undefined && isClosing(state, parentHeader)) return 'closed-parent'
  if (header.height !== parent.height + 1) return 'wrong-height'
  return header.time > parent.timeMs ? undefined : 'not-after-parent'
}
