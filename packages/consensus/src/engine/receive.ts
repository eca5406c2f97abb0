/** Messages whose signatures hold, and the driver's verdicts on proposals: rules 1 and 7 (README). */
import { unreachable } from '@wardline/codec'
import { headerDigest } from '../header.ts'
import type { Message } from '../messages.ts'
import type { Proposal } from '../proposal.ts'
import type { Vote } from '../vote.ts'
import { acceptCertificates, acceptVote, castNotarize, castNullify } from './advance.ts'
import { VIEWS_KEPT } from './bounds.ts'
import { addBlock, commitFinalized } from './chain.ts'
import type { Input } from './interface.ts'
import { judgeHeader, judgeJustification } from './justification.ts'
import { answerLagging, keepFutureVote, lags } from './lag.ts'
import type { State } from './state.ts'

export function receiveMessage(state: State, from: string, message: Message): void {
  switch (message.kind) {
    case 'vote':
      receiveVote(state, message.vote)
      break
    case 'certificate':
      acceptCertificates(state, [message.certificate])
      break
    case 'proposal':
      receiveProposal(state, from, message.proposal)
      break
    default:
      unreachable(message)
  }
}

function receiveVote(state: State, vote: Vote): void {
  const signer = state.indexes.get(vote.signer)
  if (signer === undefined || signer === state.selfIndex) return
  if (vote.view > state.current.view + 1) {
    keepFutureVote(state, vote, signer)
    return
  }
  if (lags(state, vote, signer, state.nowMs)) answerLagging(state, vote.signer, signer)
  if (vote.view > state.floor.view && vote.view >= state.current.view - VIEWS_KEPT) {
    acceptVote(state, vote, signer, vote.attempt)
  }
}

function receiveProposal(state: State, from: string, proposal: Proposal): void {
  const { header } = proposal
  const signer = state.indexes.get(header.proposer)
  if (signer === undefined || header.view <= state.floor.view) return
  // The state may have moved since the screening; the certificates stay true, whatever becomes of the proposal.
  const justification = judgeJustification(state, proposal)
  const { parentCertificate, skips } = proposal
  acceptCertificates(state, parentCertificate === null ? skips : [parentCertificate, ...skips])
  if (justification !== 'justified' || header.view <= state.floor.view || header.view > state.current.view) return

  const digest = headerDigest(header)
  const slot = state.proposals.get(header.view)
  if (slot !== undefined && (slot.digest !== digest || slot.state !== 'open')) return
  const fault = judgeHeader(state, header, state.nowMs)
  state.proposals.set(header.view, { digest, state: fault === undefined ? 'checking' : 'invalid' })
  if (fault === undefined) addBlock(state, digest, header)
  const { epoch, view } = header
  const vote: Vote = {
    kind: 'notarize',
    epoch,
    view,
    digest,
    signer: header.proposer,
    signature: proposal.signature,
    attempt: 0
  }
  acceptVote(state, vote, signer, -1)
  commitFinalized(state)

  if (fault !== undefined) {
    if (view === state.current.view) castNullify(state, view)
    return
  }
  if (view === state.current.view) state.current.hasProposal = true
  else if (state.notarizations.get(view)?.digest !== digest) return
  state.outputs.push({ kind: 'check', proposal, digest, from, nowMs: state.nowMs })
}

/** The driver's verdict on a proposal. A late one still tells whether the slot may be filled again. */
export function receiveChecked(state: State, input: Extract<Input, { kind: 'checked' }>): void {
  const header = state.blocks.get(input.digest)
  const slot = header && state.proposals.get(header.view)
  if (header === undefined || slot?.digest !== input.digest || slot.state !== 'checking') return
  switch (input.verdict) {
    case 'valid':
      slot.state = 'valid'
      if (header.view === state.current.view) castNotarize(state, input.digest, header)
      break
    case 'invalid':
      slot.state = 'invalid'
      if (header.view === state.current.view) castNullify(state, header.view)
      break
    case 'unavailable':
      slot.state = 'open'
      break
    default:
      unreachable(input.verdict)
  }
}
