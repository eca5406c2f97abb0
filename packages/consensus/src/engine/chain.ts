/** The blocks above the floor: which are known, which become final, which one the next proposal stands on. */
import { assert, type Digest, type Height, type MemberId, type View, WardlineError } from '@wardline/codec'
import type { Certificate } from '../certificate.ts'
import { type Header, headerDigest } from '../header.ts'
import { FETCH_DEPTH_MAX } from './bounds.ts'
import { isStart } from './epoch.ts'
import { floorAt, isIdleBlock, knownHeader, otherSigners, type State, type Tip } from './state.ts'
import { dropTalliesBelow } from './tally.ts'

/** Remembers the header of a block above the floor. */
export function addBlock(state: State, digest: Digest, header: Header): void {
  state.wanted.delete(digest)
  if (header.view <= state.floor.view || state.blocks.has(digest)) return
  state.blocks.set(digest, header)
  if (state.notarizations.get(header.view)?.digest === digest && isIdleBlock(state, header)) {
    state.fullViews.delete(header.view)
  }
}

/** Notes that a block is needed. The timers ask for it if it does not arrive by itself. */
export function want(state: State, digest: Digest, view: View, from: readonly MemberId[]): void {
  if (!state.wanted.has(digest)) state.wanted.set(digest, { view, from })
}

/** A header that the driver fetched; one that nothing asked for is ignored. */
export function receiveFetched(state: State, header: Header): void {
  const digest = headerDigest(header)
  if (!state.wanted.has(digest)) return
  addBlock(state, digest, header)
  commitFinalized(state)
  // Whoever had this block has the next one too: no pause between them.
  state.fetchAtMs = state.nowMs
  state.fetchDelayMs = state.config.timing.retryMs
}

/**
 * Commits the newest finalized block and its ancestors if all are known, else asks for the first unknown one.
 * @throws WardlineError `conflicting-finalization` when a quorum finalized two branches: more members are faulty than the
 *   protocol tolerates, and nothing may be committed any more
 */
export function commitFinalized(state: State): void {
  const certificate = state.pendingFinalization
  state.isFinalityFar = false
  if (certificate === null) return
  if (certificate.digest === state.floor.digest) {
    // A closing block that was proposed again can be finalized in more than one view.
    state.pendingFinalization = null
    return
  }
  const blocks: Header[] = []
  for (let digest = certificate.digest; digest !== state.floor.digest; ) {
    const header = state.blocks.get(digest)
    if (header === undefined) {
      const lowest = blocks.at(-1)
      if (lowest !== undefined && lowest.height <= state.floor.height + 1) {
        state.conflict = certificate
        throw conflict()
      }
      if (lowest !== undefined && lowest.height > state.floor.height + FETCH_DEPTH_MAX) {
        state.isFinalityFar = true
        state.behindAtMs ??= state.nowMs
      } else {
        want(state, digest, certificate.view, otherSigners(state, certificate))
      }
      return
    }
    blocks.push(header)
    digest = header.parent
  }
  const header = blocks[0]
  assert(header !== undefined, 'a finalization above the floor names a block above it')
  blocks.reverse()
  const passed = [...state.notarizations.values(), ...state.nullifications.values()].filter(
    ({ view }) => view < certificate.view
  )
  state.outputs.push({ kind: 'commit', blocks, certificate, passed })
  state.commitsPending.set(certificate.digest, blocks.length)
  raiseFloor(state, header, certificate)
}

/** Catch-up has committed up to `header`. */
export function receiveSyncHead(state: State, header: Header, certificate: Certificate): void {
  if (header.height <= state.floor.height) return
  // Its write is synced, and so is that of everything below.
  state.commitsPending.clear()
  raiseFloor(state, header, certificate)
  commitFinalized(state)
}

/** Makes `header` the floor and forgets what is at or below it. */
function raiseFloor(state: State, header: Header, certificate: Certificate): void {
  state.floor = floorAt(header, certificate)
  const floor = state.floor.view
  if (state.pendingFinalization !== null && state.pendingFinalization.view <= floor) state.pendingFinalization = null
  const { notarizations, nullifications, journaledNotarizations, journaledNullifications, fullViews } = state
  for (const kept of [notarizations, nullifications, journaledNotarizations, journaledNullifications, fullViews]) {
    for (const view of kept.keys()) if (view <= floor) kept.delete(view)
  }
  for (const [digest, block] of state.blocks) if (block.view <= floor) state.blocks.delete(digest)
  for (const [digest, entry] of state.wanted) if (entry.view <= floor) state.wanted.delete(digest)
  for (const view of state.proposals.keys()) if (view <= floor) state.proposals.delete(view)
  // The floor's own votes stay: the next proposal's parent certificate is made of them.
  dropTalliesBelow(state, floor)
  state.voter?.forgetUpTo(floor)
}

/**
 * What a proposal of the current view stands on: the notarized block of the highest view all of whose later views are
 * nullified. Undefined when a certificate in between is missing here.
 */
export function findTip(state: State): Tip | undefined {
  const { floor } = state
  const skips: Certificate[] = []
  for (let view = (state.current.view - 1) as View; view > floor.view; view = (view - 1) as View) {
    const certificate = state.notarizations.get(view)
    if (certificate !== undefined) return { digest: certificate.digest, view, certificate, skips: skips.reverse() }
    const skip = state.nullifications.get(view)
    if (skip === undefined) return undefined
    skips.push(skip)
  }
  // Whoever is in the epoch has its start as final.
  const certificate = isStart(state, floor.digest) ? null : floor.certificate
  return { digest: floor.digest, view: floor.view, certificate, skips: skips.reverse() }
}

/** Blocks from the floor (excluded) to `digest` (included), counted up to `max`. */
export function unfinalizedDepth(state: State, digest: Digest, max: number): number {
  let depth = 0
  let at: Digest = digest
  while (depth < max && at !== state.floor.digest) {
    depth += 1
    const header = state.blocks.get(at)
    if (header === undefined) break
    at = header.parent
  }
  return depth
}

/** Height and time of a block that may be a parent; undefined if its header is unknown. */
export function heightAndTime(state: State, digest: Digest): { height: Height; timeMs: number } | undefined {
  if (digest === state.floor.digest) return { height: state.floor.height, timeMs: state.floor.timeMs }
  const header = knownHeader(state, digest)
  return header && { height: header.height, timeMs: header.time }
}

function conflict(): WardlineError {
  return new WardlineError(
    'conflicting-finalization',
    'a quorum finalized a block that does not extend the final chain'
  )
}
