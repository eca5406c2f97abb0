/** Who is awake: only a node with work, or one that others need, arms a timer and speaks. */

import { isClosed } from './epoch.ts'
import type { State } from './state.ts'
import { nullifyCount } from './tally.ts'

/** Transactions to include, a full block that is not final yet, or a heartbeat that is due. */
export function hasWork(state: State): boolean {
  return state.hasTransactions || awaitsFinality(state)
}

/** Something must become final, whether or not there are transactions: a full block, or the heartbeat. */
export function awaitsFinality(state: State): boolean {
  return state.fullViews.size > 0 || state.nowMs >= heartbeatAtMs(state)
}

/** When the chain has been without a final block for too long. */
export function heartbeatAtMs(state: State): number {
  return state.floor.timeMs + state.config.timing.heartbeatMs
}

export function isAwake(state: State): boolean {
  if (isClosed(state)) return false
  const { view, hasProposal, isGivenUp } = state.current
  return hasWork(state) || hasProposal || isGivenUp || nullifyCount(state, view) > state.faults
}
