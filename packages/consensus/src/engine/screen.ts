/** The cheap questions that a message must pass before any signature is verified. */
import { bytesEqual, limits, unreachable, type View } from '@wardline/codec'
import { type Certificate, hasQuorumForm, type SignatureCheck } from '../certificate.ts'
import { headerDigest } from '../header.ts'
import type { Message } from '../messages.ts'
import { leaderVote, leavesRoot, type Proposal } from '../proposal.ts'
import { leaderOf } from '../validators.ts'
import { type Vote, voteBytes } from '../vote.ts'
import { knowsCertificate } from './advance.ts'
import { screenAsk, screenStatus } from './audit.ts'
import {
  CERTIFICATE_CHECKS_PER_SECOND,
  CERTIFICATE_DEBT_MAX,
  FUTURE_VOTE_CHECKS_PER_SECOND,
  PROPOSALS_PER_VIEW,
  VIEWS_KEPT
} from './bounds.ts'
import { isClosed } from './epoch.ts'
import { wouldAccuse } from './evidence.ts'
import type { Screening } from './interface.ts'
import { judgeHeader, judgeJustification } from './justification.ts'
import { lags } from './lag.ts'
import { wouldBreakSilence } from './presence.ts'
import type { Allowance, Heard, State } from './state.ts'
import { heardVote, isKnownSignature } from './tally.ts'

export function screenMessage(state: State, message: Message, from: string, nowMs: number): Screening {
  switch (message.kind) {
    case 'vote':
      return screenVote(state, message.vote, from, nowMs)
    case 'certificate':
      return screenCertificate(state, message.certificate, from, nowMs)
    case 'proposal':
      return screenProposal(state, message.proposal, from, nowMs)
    case 'status-ask':
      return screenAsk(state, message.ask, nowMs)
    case 'status': {
      const { certificate } = message.status
      return screenStatus(state, message.status, () =>
        certificate === null ? [] : unknownSignatures(state, certificate)
      )
    }
    default:
      return unreachable(message)
  }
}

function screenVote(state: State, vote: Vote, from: string, nowMs: number): Screening {
  const { epoch } = state.config.set
  if (vote.epoch > epoch) return ignore('later-epoch')
  if (vote.epoch < epoch) return screenEarlierVote(state, vote, nowMs)
  const signer = state.indexes.get(vote.signer)
  if (signer === undefined) return reject('unknown-signer')
  if (signer === state.selfIndex) return ignore('own-vote')
  const check = () => voteCheck(state, vote, signer)
  const { floor, current } = state
  if (isClosed(state)) return lags(state, vote, nowMs) ? verify([check()], false) : ignore('epoch-ended')

  if (vote.view > current.view + 1) {
    const claim = state.future.get(signer)
    const isSeen =
      claim !== undefined &&
      (vote.view < claim.view || (vote.view === claim.view && claim.votes.some((kept) => kept.kind === vote.kind)))
    if (isSeen) return ignore('seen')
    return takeFutureVote(state, from, nowMs) ? verify([check()], false) : busy('too-many-future-votes')
  }
  const isLagging = lags(state, vote, nowMs)
  if (vote.view <= floor.view || vote.view < current.view - VIEWS_KEPT) {
    return isLagging || wouldBreakSilence(state, vote, signer) ? verify([check()], false) : ignore('old-view')
  }
  const heard = heardVote(state, vote.kind, vote.view, signer)
  if (heard === undefined) return verify([check()], true)
  if (heard.vote.digest !== vote.digest || !bytesEqual(heard.vote.signature, vote.signature)) {
    return wouldAccuse(state, vote, signer) ? verify([check()], true) : ignore('slot-taken')
  }
  const isForwarded = takeForward(state, heard, vote.attempt, nowMs)
  return isForwarded || isLagging ? verify([], isForwarded) : ignore('seen')
}

/** Of an earlier epoch a vote matters only for what it says of its signer: that it has missed the end of that epoch. */
function screenEarlierVote(state: State, vote: Vote, nowMs: number): Screening {
  const validator = state.config.earlier(vote.epoch)?.validators.find(({ member }) => member === vote.signer)
  if (validator === undefined || !lags(state, vote, nowMs)) return ignore('earlier-epoch')
  const message = voteBytes(vote.kind, state.config.chain, vote.epoch, vote.view, vote.digest)
  return verify([{ key: validator.key, message, signature: vote.signature }], false)
}

function screenCertificate(state: State, certificate: Certificate, from: string, nowMs: number): Screening {
  if (certificate.epoch > state.config.set.epoch) return ignore('later-epoch')
  if (certificate.epoch < state.config.set.epoch) return ignore('earlier-epoch')
  if (!hasQuorumForm(state.config.set, certificate)) return reject('no-quorum')
  if (knowsCertificate(state, certificate)) return ignore('seen')
  const checks = unknownSignatures(state, certificate)
  if (checks.length > 0 && !takeCertificates(state, from, nowMs, 1)) return busy('too-many-certificates')
  return verify(checks, true)
}

function screenProposal(state: State, proposal: Proposal, from: string, nowMs: number): Screening {
  const { header, view, leaves, parentCertificate, skips } = proposal
  const { set, chain } = state.config
  if (header.chain !== chain) return reject('other-chain')
  if (header.epoch > set.epoch) return ignore('later-epoch')
  if (header.epoch < set.epoch) return ignore('earlier-epoch')
  if (isClosed(state)) return ignore('epoch-ended')
  const leader = leaderOf(set, view)
  if (leaderOf(set, header.view).member !== header.proposer) return reject('wrong-leader')
  const signer = state.indexes.get(leader.member)
  if (signer === undefined || signer === state.selfIndex) return ignore('own-proposal')
  if (view <= state.floor.view) return ignore('old-view')

  const digest = headerDigest(header)
  const slot = state.proposals.get(view)
  const vote = leaderVote(proposal, digest, leader.member)
  if (slot !== undefined && slot.digest !== digest) {
    if (!wouldAccuse(state, vote, signer)) return ignore('slot-taken')
    return verify([voteCheck(state, vote, signer)], false, { kind: 'vote', vote })
  }
  if (slot !== undefined && slot.state !== 'open') return ignore('seen')
  if (view < state.current.view) {
    if (view < state.current.view - VIEWS_KEPT) return ignore('old-view')
    const notarized = state.notarizations.get(view)?.digest
    if (notarized !== digest && state.nullifications.has(view)) return ignore('old-view')
  }
  if (leaves.length > limits.blockTransactionsMax) return reject('too-many-leaves')
  const justification = judgeJustification(state, proposal)
  if (justification === 'unjustified') return reject('unjustified')
  if (justification === 'skips-missing') return ignore('skips-missing')
  const certificates = parentCertificate === null ? skips : [parentCertificate, ...skips]
  const unknown = certificates.map((one) => unknownSignatures(state, one)).filter(({ length }) => length > 0)
  if (!takeProposal(state, view, from, nowMs, unknown.length)) return busy('too-many-proposals')
  if (leavesRoot(leaves) !== header.txRoot) return reject('wrong-leaves')

  const checks: SignatureCheck[] = []
  const heard = heardVote(state, 'notarize', view, signer)?.vote
  if (heard === undefined || heard.digest !== digest || !bytesEqual(heard.signature, vote.signature)) {
    checks.push(voteCheck(state, vote, signer))
  }
  for (const signatures of unknown) checks.push(...signatures)
  return verify(checks, judgeHeader(state, proposal, nowMs) === undefined)
}

function voteCheck(state: State, vote: Vote, signer: number): SignatureCheck {
  const message = voteBytes(vote.kind, state.config.chain, vote.epoch, vote.view, vote.digest)
  return { key: keyOf(state, signer), message, signature: vote.signature }
}

/** Checks for the signatures of a well-formed certificate that were not verified before. */
function unknownSignatures(state: State, certificate: Certificate): readonly SignatureCheck[] {
  let message: Uint8Array | undefined
  const checks: SignatureCheck[] = []
  for (const [at, signer] of certificate.signers.entries()) {
    const signature = certificate.signatures[at]
    if (signature === undefined || isKnownSignature(state, certificate, at)) continue
    message ??= voteBytes(certificate.kind, state.config.chain, certificate.epoch, certificate.view, certificate.digest)
    checks.push({ key: keyOf(state, signer), message, signature })
  }
  return checks
}

function keyOf(state: State, signer: number) {
  const validator = state.config.set.validators[signer]
  if (validator === undefined) throw new RangeError('no validator with this index')
  return validator.key
}

/**
 * Whether this copy of a known vote is carried on: one per retry is. `attempt` is not signed, so a relay may put any number
 * there; that does no harm, since whichever copy is carried says the same.
 */
function takeForward(state: State, heard: Heard, attempt: number, nowMs: number): boolean {
  const sinceMs = nowMs - heard.carriedAtMs
  const isDue = heard.attempt < 0 || sinceMs >= state.config.timing.retryMs || sinceMs < 0
  if (!isDue || attempt === heard.attempt) return false
  heard.attempt = attempt
  heard.carriedAtMs = nowMs
  return true
}

/** Takes `count` of the peer's certificate checks if it has any left, even if that overdraws them. */
function takeCertificates(state: State, from: string, nowMs: number, count: number): boolean {
  const allowance = allowanceOf(state, from, nowMs)
  if (allowance.certificates < 1) return false
  allowance.certificates = Math.max(allowance.certificates - count, -CERTIFICATE_DEBT_MAX)
  return true
}

/** Proposals near this node's view are what it waits for: a few are free. @param unknown certificates to be checked in it */
function takeProposal(state: State, view: View, from: string, nowMs: number, unknown: number): boolean {
  const allowance = allowanceOf(state, from, nowMs)
  if (view > state.current.view + 1 || allowance.proposals === 0) {
    return takeCertificates(state, from, nowMs, Math.max(unknown, 1))
  }
  allowance.proposals -= 1
  return true
}

function takeFutureVote(state: State, from: string, nowMs: number): boolean {
  const allowance = allowanceOf(state, from, nowMs)
  if (allowance.futureVotes < 1) return false
  allowance.futureVotes -= 1
  return true
}

/** The peer's allowance, filled up to now. */
function allowanceOf(state: State, from: string, nowMs: number): Allowance {
  const { allowances, current } = state
  let allowance = allowances.get(from)
  if (allowance === undefined) {
    const [oldest] = allowances.keys()
    if (oldest !== undefined && allowances.size >= limits.peersMax) allowances.delete(oldest)
    allowance = {
      atMs: nowMs,
      certificates: Infinity,
      futureVotes: Infinity,
      view: current.view,
      proposals: PROPOSALS_PER_VIEW
    }
    allowances.set(from, allowance)
  }
  const seconds = Math.max(nowMs - allowance.atMs, 0) / 1000
  allowance.atMs = nowMs
  const filled = (left: number, perSecond: number) => Math.min(left + seconds * perSecond, perSecond)
  allowance.certificates = filled(allowance.certificates, CERTIFICATE_CHECKS_PER_SECOND)
  allowance.futureVotes = filled(allowance.futureVotes, FUTURE_VOTE_CHECKS_PER_SECOND)
  if (allowance.view !== current.view) {
    allowance.view = current.view
    allowance.proposals = PROPOSALS_PER_VIEW
  }
  return allowance
}

function reject(code: string): Screening {
  return { kind: 'reject', code }
}

function ignore(code: string): Screening {
  return { kind: 'ignore', code }
}

function busy(code: string): Screening {
  return { kind: 'busy', code }
}

function verify(checks: readonly SignatureCheck[], forward: boolean, instead?: Message): Screening {
  return { kind: 'verify', checks, forward, ...(instead && { instead }) }
}
