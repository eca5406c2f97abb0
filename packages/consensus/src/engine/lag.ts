/** Those who are behind this node, and whether this node is behind (rule 7, README). */
import type { Epoch, MemberId, View } from '@wardline/codec'
import type { Certificate } from '../certificate.ts'
import type { Vote } from '../vote.ts'
import { acceptVote } from './advance.ts'
import { LAG_ANSWER_MAX } from './bounds.ts'
import { findTip } from './chain.ts'
import { isClosed } from './epoch.ts'
import type { Claim, State } from './state.ts'

/**
 * Whether `vote` shows that its signer is stuck below this node's view, or in an epoch that has ended, and may be answered
 * now. Late votes are normal, since a view ends with the quorum's last vote; one that is repeated, or that gives a view up,
 * is not.
 */
export function lags(state: State, vote: Vote, nowMs: number): boolean {
  const hasEnded = vote.epoch < state.config.set.epoch || isClosed(state)
  if (!hasEnded && vote.view >= state.current.view) return false
  if (vote.attempt === 0 && vote.kind !== 'nullify') return false
  return mayAnswer(state, vote.signer, nowMs)
}

/** Whether a member may be told now what it misses: once a second. */
export function mayAnswer(state: State, member: MemberId, nowMs: number): boolean {
  if (member === state.config.self?.member) return false
  const answeredAtMs = state.answeredAtMs.get(member)
  return answeredAtMs === undefined || nowMs - answeredAtMs >= state.config.timing.retryMs
}

/**
 * Sends a member what it misses: the newest finalization and the certificates that lead from it to this node's view, newest
 * first if too many; or the finalization that ended the epoch. One of an epoch that it does not know yet makes it catch up.
 */
export function answerLagging(state: State, member: MemberId, epoch: Epoch): void {
  state.answeredAtMs.set(member, state.nowMs)
  for (const certificate of epoch < state.config.set.epoch ? startAnswer(state) : lagAnswer(state)) {
    const message = { kind: 'certificate', certificate, attempt: 0 } as const
    state.outputs.push({ kind: 'send', to: member, message })
  }
}

function startAnswer({ config }: State): readonly Certificate[] {
  return config.start === null ? [] : [config.start.certificate]
}

function lagAnswer(state: State): readonly Certificate[] {
  if (isClosed(state) && state.floor.certificate !== null) return [state.floor.certificate]
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
  const { deltaMs, retryMs } = state.config.timing
  if (claim === undefined) {
    // Votes overtake certificates all the time; only a node that is still behind after a round trip needs catch-up.
    const askAtMs = state.nowMs + deltaMs
    state.future.set(signer, { view: vote.view, votes: [vote], askAtMs, askDelayMs: retryMs })
  } else if (vote.view > claim.view) {
    claim.view = vote.view
    claim.votes = [vote]
  } else if (vote.view === claim.view && !claim.votes.some((kept) => kept.kind === vote.kind)) {
    claim.votes.push(vote)
  }
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

/** When f+1 members that claim to be at least two views ahead may next be asked for what they have; null if there are not so many. */
export function claimsDueAtMs(state: State): number | null {
  const times = claimsAhead(state).map(([, claim]) => claim.askAtMs)
  return times.sort((a, b) => a - b)[state.faults] ?? null
}

/**
 * Tells the driver to catch up if f+1 members are at least two views ahead, or a final block is too far away to fetch. A
 * claim that catch-up did not bear out is a reason for another one only after a pause that doubles each time.
 */
export function reportBehind(state: State): void {
  const { nowMs } = state
  const { retryMs, viewTimerMaxMs } = state.config.timing
  const due = claimsAhead(state).filter(([, claim]) => claim.askAtMs <= nowMs)
  const claims = due.length > state.faults ? due : []
  let pending: Certificate | null = null
  if (state.behindAtMs !== null && state.behindAtMs <= nowMs) {
    pending = state.isFinalityFar ? state.pendingFinalization : null
    state.behindAtMs = pending === null ? null : nowMs + retryMs
  }
  if (claims.length === 0 && pending === null) return
  claims.sort(([, a], [, b]) => b.view - a.view)
  const view = Math.max(claims[state.faults]?.[1].view ?? 0, pending?.view ?? 0) as View
  const signers = claims.length > 0 ? claims.map(([signer]) => signer) : (pending?.signers ?? [])
  for (const [, claim] of claims) {
    claim.askAtMs = nowMs + claim.askDelayMs
    claim.askDelayMs = Math.min(claim.askDelayMs * 2, viewTimerMaxMs)
  }
  const from = signers.flatMap((index) => {
    const validator = state.config.set.validators[index]
    return validator === undefined || index === state.selfIndex ? [] : [validator.member]
  })
  state.outputs.push({ kind: 'behind', view, from })
}

function claimsAhead(state: State): [number, Claim][] {
  return [...state.future].filter(([, claim]) => claim.view >= state.current.view + 2)
}
