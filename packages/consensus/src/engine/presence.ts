/**
 * Who is there: the newest vote of each member, and the leaders that this node does not wait for because nothing was heard
 * of them for long. Local, and about speed only: whoever is wrongly thought silent loses its turns until its next vote.
 */
import type { View } from '@wardline/codec'
import type { Vote } from '../vote.ts'
import { SILENT_VIEWS_PER_MEMBER } from './bounds.ts'
import type { State } from './state.ts'

/**
 * Remembers a genuine vote of the validator with index `signer` if it is for the highest view that it was heard in. In one view
 * the vote for a block comes first: what gives the view up or finalizes the block says more of what was signed.
 */
export function noteVote(state: State, vote: Vote, signer: number): void {
  const newest = state.newestVotes[signer]
  const isLater = newest?.view === vote.view && newest.kind === 'notarize'
  if (newest === undefined || vote.view > newest.view || isLater) state.newestVotes[signer] = vote
}

/** Whether the leader of the current view signed nothing that was seen in the last 2n views, through all of which this node went. */
export function isLeaderSilent(state: State): boolean {
  const { set } = state.config
  const leader = (state.current.view + set.epoch) % set.validators.length
  return leader !== state.selfIndex && silentViews(state, leader) > SILENT_VIEWS_PER_MEMBER * set.validators.length
}

/**
 * Whether a vote that is too old to count is worth verifying, because its signer is half way to being thought silent: the
 * votes of a member that is far away may all come when their block is final.
 */
export function wouldBreakSilence(state: State, vote: Vote, signer: number): boolean {
  const { length } = state.config.set.validators
  if (vote.view > state.current.view || vote.view <= (state.newestVotes[signer]?.view ?? 0)) return false
  return silentViews(state, signer) > length && state.current.view - vote.view <= length
}

function silentViews(state: State, signer: number): number {
  const seen = Math.max(state.newestVotes[signer]?.view ?? 0, state.watchedFrom)
  return state.current.view - seen
}

/** A node that enters `view` without having gone through the views before it does not know who spoke in them. */
export function watchFrom(state: State, view: View): void {
  state.watchedFrom = view
}
