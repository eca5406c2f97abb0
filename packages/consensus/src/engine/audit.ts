/**
 * Before its first signature a restarted validator asks the others what they have of it. A vote of it that its journal does
 * not have means that the disk was set back: the journal is as good as lost. Whose journal is lost signs nothing until it is
 * past every view in which it may have signed.
 *
 * That it then is: whoever signed in view w held a certificate of w-1, which q-f correct others had a part in, and each of
 * them has journaled that it entered w-1. Any n-q+f others include one of those (all others, where there are fewer than
 * four). So no view above m+1 was signed in, where m is the highest that the answers prove, and m+2 is safe.
 */
import { assert, type Epoch, type View } from '@wardline/codec'
import { hasQuorumForm, type SignatureCheck } from '../certificate.ts'
import { askBytes, type Status, type StatusAsk, statusBytes } from '../status.ts'
import { type Vote, voteBytes } from '../vote.ts'
import { acceptCertificates, castOwed, journalEntered } from './advance.ts'
import type { Screening, Voting } from './interface.ts'
import { answerLagging, mayAnswer } from './lag.ts'
import { journal, type State } from './state.ts'

/** Answers that a validator needs before it signs: as many as are there whenever the chain can go on, and one at least. */
export function answersNeeded(state: State): number {
  const n = state.config.set.validators.length
  if (state.audit?.isLost === true && n < 4) return n - 1
  return Math.max(n - state.quorum + state.faults, Math.min(n - 1, 1))
}

/** At the start. */
export function beginAudit(state: State, isLost: boolean): void {
  if (state.voter === null) return
  const { nowMs } = state
  const askDelayMs = state.config.timing.retryMs
  state.audit = { isLost, nonce: Math.floor(nowMs), answered: new Set(), askAtMs: nowMs, askDelayMs }
}

/** Asks those who have not answered, with growing pauses. */
export function askAll(state: State): void {
  const { audit, config, nowMs } = state
  if (audit === null || audit.askAtMs > nowMs) return
  audit.askAtMs = nowMs + Math.round(audit.askDelayMs)
  audit.askDelayMs = Math.min(audit.askDelayMs * 1.5, config.timing.retryMaxMs)
  for (let index = 0; index < config.set.validators.length; index++) askMember(state, index)
}

/** Asks one of them, unless it has answered. */
export function askMember(state: State, index: number): void {
  const { audit, config } = state
  const to = config.set.validators[index]
  if (audit === null || config.self === null || to === undefined || index === state.selfIndex) return
  if (audit.answered.has(index)) return
  const unsigned = { epoch: config.set.epoch, asker: config.self.member, nonce: audit.nonce }
  const signature = config.self.signer.sign(askBytes(config.chain, unsigned))
  state.outputs.push({ kind: 'send', to: to.member, message: { kind: 'status-ask', ask: { ...unsigned, signature } } })
}

/** The least time between answers to two runs of one member. */
const NEXT_RUN_MS = 20

/**
 * One answer a second to each member that asks, and soon to each new run of it. An older run's words, which anybody can
 * repeat, do not keep the newer one's from being answered. Who knows nothing of itself says nothing. Who asks in an epoch that
 * has ended is told that.
 */
export function screenAsk(state: State, message: StatusAsk, nowMs: number): Screening {
  if (message.epoch < state.config.set.epoch) return screenEarlierAsk(state, message, nowMs)
  if (message.epoch > state.config.set.epoch) return otherEpoch(state, message.epoch)
  const asker = state.indexes.get(message.asker)
  if (asker === undefined) return { kind: 'reject', code: 'unknown-signer' }
  if (asker === state.selfIndex || state.voter === null || state.audit?.isLost === true) {
    return { kind: 'ignore', code: 'nothing-to-say' }
  }
  if (isTooSoon(state, asker, message.nonce, nowMs)) return { kind: 'ignore', code: 'seen' }
  const check = {
    key: keyAt(state, asker),
    message: askBytes(state.config.chain, message),
    signature: message.signature
  }
  return { kind: 'verify', checks: [check], forward: false }
}

function screenEarlierAsk(state: State, message: StatusAsk, nowMs: number): Screening {
  const validator = state.config.earlier(message.epoch)?.validators.find(({ member }) => member === message.asker)
  if (validator === undefined || !mayAnswer(state, message.asker, nowMs)) return otherEpoch(state, message.epoch)
  const check = {
    key: validator.key,
    message: askBytes(state.config.chain, message),
    signature: message.signature
  }
  return { kind: 'verify', checks: [check], forward: false }
}

function isTooSoon(state: State, asker: number, nonce: number, nowMs: number): boolean {
  const last = state.asked.get(asker)
  if (last === undefined || nowMs < last.atMs) return false
  return nowMs - last.atMs < (nonce > last.nonce ? NEXT_RUN_MS : state.config.timing.retryMs)
}

export function receiveAsk(state: State, { epoch, asker, nonce }: StatusAsk): void {
  const { config, current, selfIndex } = state
  if (epoch !== config.set.epoch) {
    if (epoch < config.set.epoch && mayAnswer(state, asker, state.nowMs)) answerLagging(state, asker, epoch)
    return
  }
  const index = state.indexes.get(asker)
  if (index === undefined || index === selfIndex || config.self === null || state.audit?.isLost === true) return
  // Several may have been verified at once.
  if (isTooSoon(state, index, nonce, state.nowMs)) return
  state.asked.set(index, { nonce, atMs: state.nowMs })
  const unsigned = {
    ...{ epoch: config.set.epoch, signer: config.self.member, asker, nonce },
    view: current.view,
    certificate: current.view === 1 ? null : current.certificate,
    heard: state.newestVotes[index] ?? null
  }
  const signature = config.self.signer.sign(statusBytes(config.chain, unsigned))
  state.outputs.push({ kind: 'send', to: asker, message: { kind: 'status', status: { ...unsigned, signature } } })
}

/** @param unknown the signatures of its certificate that were not verified before */
export function screenStatus(state: State, status: Status, unknown: () => readonly SignatureCheck[]): Screening {
  const { config, audit, selfIndex } = state
  if (status.epoch !== config.set.epoch) return otherEpoch(state, status.epoch)
  const signer = state.indexes.get(status.signer)
  if (signer === undefined) return { kind: 'reject', code: 'unknown-signer' }
  const isWanted =
    audit !== null &&
    status.asker === config.self?.member &&
    status.nonce === audit.nonce &&
    !audit.answered.has(signer)
  if (!isWanted || signer === selfIndex) return { kind: 'ignore', code: 'not-asked' }
  const { certificate, heard } = status
  if (certificate !== null && !hasQuorumForm(config.set, certificate)) return { kind: 'reject', code: 'no-quorum' }
  const checks: SignatureCheck[] = [
    { key: keyAt(state, signer), message: statusBytes(config.chain, status), signature: status.signature },
    ...unknown()
  ]
  if (heard !== null) {
    if (heard.signer !== status.asker || heard.epoch !== status.epoch) return { kind: 'reject', code: 'bad-status' }
    const message = voteBytes(heard.kind, config.chain, heard.epoch, heard.view, heard.digest)
    checks.push({ key: keyAt(state, selfIndex), message, signature: heard.signature })
  }
  return { kind: 'verify', checks, forward: false }
}

export function receiveStatus(state: State, status: Status): void {
  const { audit } = state
  const signer = state.indexes.get(status.signer)
  if (audit === null || signer === undefined || status.nonce !== audit.nonce) return
  // First, because from then on nothing may be journaled before the one entry that says so.
  if (!audit.isLost && status.heard !== null && isForgotten(state, status.heard)) {
    audit.isLost = true
    state.journaledNotarizations.clear()
    state.journaledNullifications.clear()
    state.outputs.push({ kind: 'journal-lost' })
  }
  audit.answered.add(signer)
  if (status.certificate !== null) acceptCertificates(state, [status.certificate])
  settleAudit(state)
}

/** Whether it is a vote of this node that its journal, as it was found, should have and has not. */
function isForgotten({ voter, floor, noVoteBelow, newestJournaled }: State, { kind, view, digest }: Vote): boolean {
  if (view > newestJournaled) return true
  // What is final, or was given up as lost, is not kept vote by vote.
  if (view <= floor.view || view < noVoteBelow) return false
  return voter?.votesIn(view).some((vote) => vote.kind === kind && vote.digest === digest) !== true
}

/** Ends the audit if enough have answered. At the start that is so where there is nobody to ask. */
export function settleAudit(state: State): void {
  const { audit, config, current } = state
  if (audit === null || audit.answered.size < answersNeeded(state)) return
  state.audit = null
  if (audit.isLost) {
    state.noVoteBelow = Math.max(state.noVoteBelow, current.view + 2) as View
    const view = (state.noVoteBelow - 1) as View
    journal(state, { kind: 'pruned', epoch: config.set.epoch, view, firstSeq: 1 })
    journalEntered(state)
  }
  castOwed(state)
}

/** Stops signing, or goes on with what is owed by then. */
export function setPaused(state: State, isPaused: boolean): void {
  const isResumed = state.isPaused && !isPaused
  state.isPaused = isPaused
  if (isResumed && state.voter !== null && state.audit === null) castOwed(state)
}

export function votingOf(state: State): Voting {
  const { voter, audit, noVoteBelow, current } = state
  if (voter === null) return { kind: 'follower' }
  if (audit !== null) {
    return { kind: 'asking', isLost: audit.isLost, answers: audit.answered.size, needed: answersNeeded(state) }
  }
  if (state.isPaused) return { kind: 'paused' }
  return current.view < noVoteBelow ? { kind: 'waiting', fromView: noVoteBelow } : { kind: 'voting' }
}

function otherEpoch(state: State, epoch: Epoch): Screening {
  return { kind: 'ignore', code: epoch > state.config.set.epoch ? 'later-epoch' : 'earlier-epoch' }
}

function keyAt(state: State, index: number) {
  const validator = state.config.set.validators[index]
  assert(validator !== undefined, 'an index of the set has a validator')
  return validator.key
}
