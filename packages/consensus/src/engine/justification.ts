/**
 * What makes a proposal stand. Two kinds of fault are kept apart: what only the deliverer can have
 * attached (certificates, leaves), which says nothing about the leader, and what the leader's signed header binds.
 */
import { limits, type View } from '@wardline/codec'
import { type Certificate, certificateBytes, hasQuorumForm } from '../certificate.ts'
import { genesisDigest, type Header } from '../header.ts'
import type { Proposal } from '../proposal.ts'
import { BLOCK_AGE_MAX_MS, BLOCK_AHEAD_MAX_MS } from './bounds.ts'
import { heightAndTime } from './chain.ts'
import type { State } from './state.ts'

export type Justification = 'justified' | 'unjustified' | 'skips-missing'

/**
 * Whether the attached certificates, if their signatures hold, prove that the proposal may stand on its parent:
 * a notarization or finalization of the parent in view w, and a nullification of every view from w+1 to its own.
 * `skips-missing` if the oldest were left out for size and this node does not hold them.
 */
export function judgeJustification(state: State, proposal: Proposal): Justification {
  const { header, parentCertificate, skips } = proposal
  const parentView = judgeParent(state, header, parentCertificate)
  if (parentView === undefined) return 'unjustified'
  const needed = header.view - 1 - parentView
  if (skips.length > needed) return 'unjustified'
  const first = header.view - skips.length
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

/** The parent's view if `certificate` is the right one for it; 0 for genesis. */
function judgeParent(state: State, header: Header, certificate: Certificate | null): number | undefined {
  const { floor, config } = state
  const isOnGenesis = header.parent === genesisDigest(config.chain)
  if (certificate === null) return isOnGenesis && header.height === 1 && floor.view === 0 ? 0 : undefined
  if (isOnGenesis || certificate.kind === 'nullify' || certificate.digest !== header.parent) return undefined
  if (certificate.view >= header.view || !hasQuorumForm(config.set, certificate)) return undefined
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

/** What is wrong with the signed header itself, as far as this node can see; the driver checks the rest. */
export function judgeHeader(state: State, header: Header, nowMs: number): string | undefined {
  if (header.nextSetHash !== state.setHash) return 'wrong-set'
  if (header.time < nowMs - BLOCK_AGE_MAX_MS || header.time > nowMs + BLOCK_AHEAD_MAX_MS) return 'wrong-time'
  const parent = heightAndTime(state, header.parent)
  if (parent === undefined) return undefined
  if (header.height !== parent.height + 1) return 'wrong-height'
  return header.time > parent.timeMs ? undefined : 'wrong-time'
}
