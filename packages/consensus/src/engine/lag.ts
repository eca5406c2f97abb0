/** Those who are behind this node, and whether this node is behind: rule 7 of CONSENSUS section 5, and section 10. */
import type { MemberId, View } from '@wardline/codec'
import type { Certificate } from '../certificate.ts'
import type { Vote } from '../vote.ts'
import { acceptVote } from './advance.ts'
import { LAG_ANSWER_MAX } from './bounds.ts'
import { findTip } from './chain.ts'
import type { State } from './state.ts'

/**
 * Whether `vote` shows that its signer is stuck below this node's view and may be answered now. Late votes are normal, since
 * a view ends with the quorum's last vote; one that is repeated, or that gives a view up, is not.
 */
export function lags(state: State, vote: Vote, signer: number, nowMs: number): boolean {
  if (vote.view >= state.current.view || signer === state.selfIndex) return false
  if (vote.attempt === 0 && vote.kind !== 'nullify') return false
  const answeredAtMs = state.answeredAtMs.get(signer)
  return answeredAtMs === undefined || nowMs - answeredAtMs >= state.config.timing.retryMs
}

/** Sends the newest finalization and the certificates that lead from it to this node's view, newest first if too many. */
export function answerLagging(state: State, member: MemberId, signer: number): void {
  state.answeredAtMs.set(signer, state.nowMs)
  for (const certificate of lagAnswer(state)) {
    const message = { kind: 'certificate', certificate, attempt: 0 } as const
    state.outputs.push({ kind: 'send', to: member, message })
  }
}

function lagAnswer(state: State): readonly Certificate[] {
  const tip = findTip(state)
  const candidates = [newestFinalization(state), state.current.certificate, tip?.certificate ?? null]
  const skips = tip === undefined ? [] : [...tip.skips].reverse()
  const answer = new Set<Certificate>()
  for (const certificate of [...candidates, ...skips.slice(0, LAG_ANSWER_MAX)]) {
    if (certificate !== null && answer.size < LAG_ANSWER_MAX) answer.add(certificate)
  }
  return [...answer]
}

export function newestFinalization(state: State): Certificate | null {
  return state.pendingFinalization ?? state.floor.certificate
}

/** Keeps a signer's votes of the highest view it claims, and no others. */
export function keepFutureVote(state: State, vote: Vote, signer: number): void {
  const claim = state.future.get(signer)
  if (claim === undefined || vote.view > claim.view) {
    state.future.set(signer, { view: vote.view, votes: [vote] })
  } else if (vote.view === claim.view && !claim.votes.some((kept) => kept.kind === vote.kind)) {
    claim.votes.push(vote)
  }
  // Votes overtake certificates all the time; only a node that is still behind after a round trip needs catch-up.
  if (viewsAhead(state) !== undefined) state.behindAtMs ??= state.nowMs + state.config.timing.deltaMs
}

/** Counts the kept votes that the view has reached. */
export function releaseFutureVotes(state: State): void {
  for (const [signer, claim] of state.future) {
    if (claim.view > state.current.view + 1) continue
    state.future.delete(signer)
    if (claim.view <= state.floor.view) continue
    for (const vote of claim.votes) acceptVote(state, vote, signer, vote.attempt)
  }
}

/** Tells the driver to catch up if f+1 members are at least two views ahead, or a final block is too far away to fetch. */
export function reportBehind(state: State): void {
  const ahead = viewsAhead(state)
  const pending = state.isFinalityFar ? state.pendingFinalization : null
  if (ahead === undefined && pending === null) {
    state.behindAtMs = null
    return
  }
  const view = Math.max(ahead?.view ?? 0, pending?.view ?? 0) as View
  const signers = ahead?.signers ?? pending?.signers ?? []
  const from = signers.flatMap((index) => {
    const validator = state.config.set.validators[index]
    return validator === undefined || index === state.selfIndex ? [] : [validator.member]
  })
  state.outputs.push({ kind: 'behind', view, from })
  state.behindAtMs = state.nowMs + state.config.timing.retryMs
}

/** The view that f+1 signers have reached at least, two or more above this node's. */
function viewsAhead(state: State): { view: View; signers: readonly number[] } | undefined {
  const claims = [...state.future].filter(([, claim]) => claim.view >= state.current.view + 2)
  if (claims.length <= state.faults) return undefined
  claims.sort(([, a], [, b]) => b.view - a.view)
  const view = claims[state.faults]?.[1].view ?? state.current.view
  return { view, signers: claims.map(([signer]) => signer) }
}
