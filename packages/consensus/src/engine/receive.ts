/** Messages whose signatures hold, and the driver's verdicts on proposals: rules 1 and 7 (README). */
import { unreachable } from '@wardline/codec'
import type { Certificate } from '../certificate.ts'
import { headerDigest } from '../header.ts'
import type { Message } from '../messages.ts'
import { leaderVote, type Proposal } from '../proposal.ts'
import { leaderOf } from '../validators.ts'
import type { Vote } from '../vote.ts'
import { acceptCertificates, acceptVote, castNotarize, giveUpView } from './advance.ts'
import { receiveAsk, receiveStatus } from './audit.ts'
import { VIEWS_KEPT } from './bounds.ts'
import { addBlock, commitFinalized } from './chain.ts'
import { compareClocks } from './clocks.ts'
import { isClosed } from './epoch.ts'
import type { Input } from './interface.ts'
import { judgeHeader, judgeJustification } from './justification.ts'
import { answerLagging, keepFutureVote, lags } from './lag.ts'
import { noteVote } from './presence.ts'
import type { State } from './state.ts'

export function receiveMessage(state: State, from: string, message: Message): void {
  switch (message.kind) {
    case 'vote':
      receiveVote(state, message.vote)
      break
    case 'certificate':
      receiveCertificate(state, message.certificate)
      break
    case 'proposal':
      receiveProposal(state, from, message.proposal)
      break
    case 'status-ask':
      receiveAsk(state, message.ask)
      break
    case 'status':
      receiveStatus(state, message.status)
      break
    default:
      unreachable(message)
  }
}

/** Once the epoch has ended only a finalization of another block matters: it says that more are faulty than may be. */
function receiveCertificate(state: State, certificate: Certificate): void {
  if (certificate.epoch !== state.config.set.epoch) return
  if (isClosed(state) && certificate.kind !== 'finalize') return
  acceptCertificates(state, [certificate])
}

function receiveVote(state: State, vote: Vote): void {
  if (vote.epoch !== state.config.set.epoch || isClosed(state)) {
    if (lags(state, vote, state.nowMs)) answerLagging(state, vote.signer, vote.epoch)
    return
  }
  const signer = state.indexes.get(vote.signer)
  if (signer === undefined || signer === state.selfIndex) return
  noteVote(state, vote, signer)
  if (vote.view > state.current.view + 1) {
    keepFutureVote(state, vote, signer)
    return
  }
  if (lags(state, vote, state.nowMs)) answerLagging(state, vote.signer, vote.epoch)
  if (vote.view > state.floor.view && vote.view >= state.current.view - VIEWS_KEPT) {
    acceptVote(state, vote, signer, vote.attempt)
  }
}

function receiveProposal(state: State, from: string, proposal: Proposal): void {
  const { header, view } = proposal
  const leader = leaderOf(state.config.set, view).member
  const signer = state.indexes.get(leader)
  if (signer === undefined || header.epoch !== state.config.set.epoch || isClosed(state)) return
  if (view <= state.floor.view) return
  // The state may have moved since the screening; the certificates stay true, whatever becomes of the proposal.
  const justification = judgeJustification(state, proposal)
  const { parentCertificate, skips } = proposal
  acceptCertificates(state, parentCertificate === null ? skips : [parentCertificate, ...skips])
  if (justification !== 'justified' || view <= state.floor.view || view > state.current.view) return

  const digest = headerDigest(header)
  const slot = state.proposals.get(view)
  if (slot !== undefined && (slot.digest !== digest || slot.state !== 'open')) return
  const fault = judgeHeader(state, proposal, state.nowMs)
  compareClocks(state, proposal, signer)
  state.proposals.set(view, { digest, state: fault === undefined ? 'checking' : 'invalid' })
  if (fault === undefined) addBlock(state, digest, header)
  acceptVote(state, leaderVote(proposal, digest, leader), signer, -1)
  commitFinalized(state)

  if (fault !== undefined) {
    const aheadMs = header.time - state.nowMs
    state.outputs.push({ kind: 'refused', member: leader, view, code: fault, aheadMs })
    if (view === state.current.view) giveUpView(state)
    return
  }
  if (view === state.current.view) state.current.hasProposal = true
  else if (state.notarizations.get(view)?.digest !== digest) return
  state.outputs.push({ kind: 'check', proposal, digest, from, nowMs: state.nowMs })
}

/** The driver's verdict on a proposal. A late one still tells whether the slot may be filled again. */
export function receiveChecked(state: State, input: Extract<Input, { kind: 'checked' }>): void {
  const header = state.blocks.get(input.digest)
  const { view } = input
  const slot = state.proposals.get(view)
  if (header === undefined || slot?.digest !== input.digest || slot.state !== 'checking') return
  switch (input.verdict) {
    case 'valid':
      slot.state = 'valid'
      if (view === state.current.view) castNotarize(state, view, input.digest, header)
      break
    case 'invalid':
      slot.state = 'invalid'
      if (view === state.current.view) giveUpView(state)
      break
    case 'unavailable':
      slot.state = 'open'
      break
    default:
      unreachable(input.verdict)
  }
}
