/**
 * What the times of others' blocks say of the clocks. A leader whose clock is further from this node's than a voter accepts a
 * block to be ahead has its blocks refused here, or this node's are refused there. Told to people; no rule reads it.
 */
import type { MemberId } from '@wardline/codec'
import { isProposedAgain, type Proposal } from '../proposal.ts'
import { BLOCK_AHEAD_MAX_MS } from './bounds.ts'
import type { State } from './state.ts'

/** A clock that nothing was heard of for so long may have been set since. */
const REMEMBERED_MS = 3_600_000

/** Compares the clocks when a proposal of the current view comes from its leader, the validator with index `leader`. */
export function compareClocks(state: State, proposal: Proposal, leader: number): void {
  if (isProposedAgain(proposal) || proposal.view !== state.current.view) return
  const aheadMs = proposal.header.time - state.nowMs
  if (Math.abs(aheadMs) > BLOCK_AHEAD_MAX_MS) state.clocksOff.set(leader, { aheadMs, seenAtMs: state.nowMs })
  else state.clocksOff.delete(leader)
}

/** When the clock was set back, what it was compared with says nothing any more. */
export function forgetClocks(state: State, backMs: number): void {
  if (backMs > BLOCK_AHEAD_MAX_MS) state.clocksOff.clear()
}

/** Validators whose clock was off from this node's when it last heard of them; milliseconds, negative for behind. */
export function clocksOff(state: State): readonly { readonly member: MemberId; readonly aheadMs: number }[] {
  return [...state.clocksOff].flatMap(([index, { aheadMs, seenAtMs }]) => {
    const validator = state.config.set.validators[index]
    if (validator === undefined || state.nowMs - seenAtMs > REMEMBERED_MS) return []
    return [{ member: validator.member, aheadMs }]
  })
}
