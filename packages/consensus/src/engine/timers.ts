/** The one alarm behind all times: view timer and retries (rule 5), heartbeat, catch-up and fetches. */
import type { Digest, MemberId } from '@wardline/codec'
import type { Certificate } from '../certificate.ts'
import type { Vote } from '../vote.ts'
import { castNullify } from './advance.ts'
import { askAll } from './audit.ts'
import { PROPOSAL_RESENDS_MAX, VIEWS_KEPT } from './bounds.ts'
import { forgetClocks } from './clocks.ts'
import { isClosed } from './epoch.ts'
import { claimsDueAtMs, newestFinalization, reportBehind } from './lag.ts'
import { proposalDueAtMs } from './propose.ts'
import { type State, sendToAll } from './state.ts'
import { hasVoted } from './tally.ts'
import { hasWork, heartbeatAtMs, isAwake } from './work.ts'

/** T = (3Δ + fsyncs)·1.5^k, at most `viewTimerMaxMs`. @param skipped k, the nullified views directly before */
export function viewTimerMs(state: State, skipped: number): number {
  const { deltaMs, syncMs, viewTimerMaxMs } = state.config.timing
  return Math.min(Math.round((3 * deltaMs + syncMs) * 1.5 ** skipped), viewTimerMaxMs)
}

/** Takes the time of an input. When the clock was set back, what was due in a second is still due in a second. */
export function setNow(state: State, nowMs: number): void {
  const backMs = state.nowMs - nowMs
  state.nowMs = nowMs
  if (backMs <= 0) return
  forgetClocks(state, backMs)
  const { current } = state
  current.enteredAtMs -= backMs
  if (current.timerAtMs !== null) current.timerAtMs -= backMs
  if (current.retryAtMs !== null) current.retryAtMs -= backMs
  if (state.behindAtMs !== null) state.behindAtMs -= backMs
  if (state.fetchAtMs !== null) state.fetchAtMs -= backMs
  if (state.audit !== null) state.audit.askAtMs -= backMs
  for (const claim of state.future.values()) claim.askAtMs -= backMs
  for (const [signer, atMs] of state.answeredAtMs) state.answeredAtMs.set(signer, atMs - backMs)
}

/** Runs what is due. */
export function receiveAlarm(state: State): void {
  const { current, config, nowMs } = state
  state.alarmMs = null
  if (current.timerAtMs !== null && current.timerAtMs <= nowMs) {
    current.timerAtMs = null
    current.timerFired = true
    current.retryAtMs = nowMs + config.timing.retryMs
    state.outputs.push({ kind: 'retry' })
    castNullify(state, current.view)
  } else if (current.retryAtMs !== null && current.retryAtMs <= nowMs) {
    current.retryDelayMs = Math.min(current.retryDelayMs * 1.5, config.timing.retryMaxMs)
    current.retryAtMs = nowMs + Math.round(current.retryDelayMs)
    state.outputs.push({ kind: 'retry' })
    republish(state)
    resendProposal(state)
  }
  askAll(state)
  reportBehind(state)
  if (state.fetchAtMs !== null && state.fetchAtMs <= nowMs) fetchWanted(state)
}

/**
 * Sends again what others may lack: own votes of this view, own finalize votes above the floor, the certificate that let
 * this node in, and the newest finalization. The attempt is the second of sending, which no earlier run of this daemon used.
 */
export function republish(state: State): void {
  const attempt = Math.max(state.lastAttempt + 1, Math.floor(state.nowMs / 1000)) % 2 ** 32
  state.lastAttempt = attempt
  for (const vote of votesToRepeat(state)) sendToAll(state, { kind: 'vote', vote: { ...vote, attempt } })
  for (const certificate of certificatesToRepeat(state)) sendToAll(state, { kind: 'certificate', certificate, attempt })
}

/**
 * Sends this node's proposal of this view to members that have not voted in it, a few at a time. By stream: gossip would
 * drop the same bytes, and most members have them.
 */
function resendProposal(state: State): void {
  const { current, ownProposal, selfIndex } = state
  if (ownProposal === null || ownProposal.view !== current.view) return
  const silent = state.config.set.validators.filter(
    (_, index) => index !== selfIndex && !hasVoted(state, current.view, index)
  )
  for (let sent = 0; sent < Math.min(silent.length, PROPOSAL_RESENDS_MAX); sent++) {
    const validator = silent[current.resends % silent.length]
    current.resends += 1
    if (validator === undefined) continue
    state.outputs.push({ kind: 'send', to: validator.member, message: { kind: 'proposal', proposal: ownProposal } })
  }
}

function votesToRepeat(state: State): readonly Vote[] {
  if (state.voter === null) return []
  const finalizes: Vote[] = []
  for (const votes of state.voter.all()) {
    for (const vote of votes) if (vote.kind === 'finalize' && vote.view !== state.current.view) finalizes.push(vote)
  }
  return [...state.voter.votesIn(state.current.view), ...finalizes.slice(-VIEWS_KEPT)]
}

function certificatesToRepeat(state: State): readonly Certificate[] {
  const newest = newestFinalization(state)
  const entry = state.current.certificate
  return [entry, newest === entry ? null : newest].filter((certificate) => certificate !== null)
}

/** Arms and disarms what the state now calls for, and tells the driver if the next time changed. */
export function setAlarm(state: State): void {
  const { current } = state
  if (state.voter === null || !isAwake(state)) {
    current.timerAtMs = null
    current.timerFired = false
    current.retryAtMs = null
  } else if (current.timerAtMs === null && !current.timerFired) {
    current.timerAtMs = state.nowMs + viewTimerMs(state, current.skippedBefore)
  }
  if (state.wanted.size === 0) {
    state.fetchAtMs = null
    state.fetchDelayMs = state.config.timing.retryMs
  } else {
    state.fetchAtMs ??= state.nowMs + state.config.timing.finalityGraceMs
  }
  const times = [current.timerAtMs, current.retryAtMs, state.behindAtMs, claimsDueAtMs(state), state.fetchAtMs]
  if (state.audit !== null) times.push(state.audit.askAtMs)
  if (state.voter !== null && !isClosed(state))
    times.push(hasWork(state) ? futureOnly(state, proposalDueAtMs(state)) : heartbeatAtMs(state))
  const next = times.reduce((least, time) => (time !== null && (least === null || time < least) ? time : least), null)
  if (next === state.alarmMs) return
  state.alarmMs = next
  state.outputs.push({ kind: 'alarm', atMs: next })
}

/** A time that has passed was acted on already, and waits for something else. */
function futureOnly(state: State, timeMs: number | null): number | null {
  return timeMs !== null && timeMs > state.nowMs ? timeMs : null
}

const FETCHES_AT_ONCE = 8

function fetchWanted(state: State): void {
  const entries: [Digest, { readonly from: readonly MemberId[] }][] = [...state.wanted].slice(0, FETCHES_AT_ONCE)
  for (const [digest, { from }] of entries) state.outputs.push({ kind: 'fetch-block', digest, from })
  state.fetchDelayMs = Math.min(state.fetchDelayMs * 1.5, state.config.timing.retryMaxMs)
  state.fetchAtMs = state.nowMs + Math.round(state.fetchDelayMs)
}
