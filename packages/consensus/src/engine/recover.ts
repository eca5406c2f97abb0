/** Start-up: the journal and the last final block become the state that a crash left. */
import { assert, limits, type View } from '@wardline/codec'
import type { Certificate } from '../certificate.ts'
import { headerDigest } from '../header.ts'
import type { Proposal } from '../proposal.ts'
import { leaderOf } from '../validators.ts'
import type { Vote } from '../vote.ts'
import {
  acceptCertificates,
  acceptVote,
  forgetOldViews,
  journalEntered,
  keepCertificate,
  noteJournaled,
  skippedBefore
} from './advance.ts'
import { askAll, beginAudit, settleAudit } from './audit.ts'
import { addBlock, commitFinalized } from './chain.ts'
import type { Recovered } from './interface.ts'
import { watchFrom } from './presence.ts'
import { newestWithin } from './propose.ts'
import { newCurrent, type State, sendToAll } from './state.ts'
import { republish } from './timers.ts'

/** Takes over what the journal says, without acting on it. */
export function restore(state: State, recovered: Recovered): void {
  const { epoch } = state.config.set
  for (const entry of recovered.journal) {
    switch (entry.kind) {
      case 'entered':
        if (entry.epoch !== epoch) break
        if (entry.certificate?.epoch === epoch) restoreCertificate(state, entry.certificate)
        if (entry.view > state.floor.view && entry.view >= state.current.view) {
          state.current = newCurrent(entry.view, entry.certificate, 0, 0, state.config.timing.retryMs)
          state.startup = { isJournalLost: false, isAudited: false, isEntryJournaled: true }
        }
        break
      case 'kept':
        if (entry.certificate.epoch === epoch) restoreCertificate(state, entry.certificate)
        break
      case 'proposed': {
        const { header, view, signature } = entry.proposal
        if (header.epoch !== epoch || view <= state.floor.view) break
        const digest = headerDigest(header)
        const { member: signer } = leaderOf(state.config.set, view)
        addBlock(state, digest, header)
        for (const skip of entry.proposal.skips) restoreCertificate(state, skip)
        state.proposals.set(view, { digest, state: 'valid' })
        state.ownProposal = entry.proposal
        state.voter?.restore({ kind: 'notarize', epoch, view, digest, signer, signature, attempt: 0 })
        break
      }
      case 'voted':
        if (entry.vote.epoch !== epoch || entry.vote.view <= state.floor.view) break
        state.voter?.restore(entry.vote)
        if (entry.header !== null) {
          addBlock(state, entry.vote.digest, entry.header)
          state.proposals.set(entry.vote.view, { digest: entry.vote.digest, state: 'valid' })
        }
        break
      case 'pruned':
        break
    }
  }
  if (state.ownProposal !== null) state.ownProposal = withSkips(state, state.ownProposal)
}

function restoreCertificate(state: State, certificate: Certificate): void {
  keepCertificate(state, certificate)
  noteJournaled(state, certificate)
}

/** The proposal as it was sent: nullifications that earlier entries held were not journaled with it again. */
function withSkips(state: State, proposal: Proposal): Proposal {
  const skips: Certificate[] = []
  const parentView = proposal.parentCertificate?.view ?? 0
  for (let view = parentView + 1; view < proposal.view; view++) {
    const skip = state.nullifications.get(view as View)
    if (skip !== undefined) skips.push(skip)
  }
  return { ...proposal, skips: newestWithin(skips, limits.proposalSkipsBytesMax) }
}

/** The first step after `restore`: own votes enter the own tally, and what others may lack is sent again. */
export function start(state: State): void {
  const { current, startup } = state
  assert(startup !== null, 'an engine starts once')
  state.startup = null
  const skipped = current.certificate?.kind === 'nullify' ? skippedBefore(state, current.view) : 0
  state.current = newCurrent(current.view, current.certificate, skipped, state.nowMs, state.config.timing.retryMs)
  watchFrom(state, current.view)
  if (startup.isJournalLost || !startup.isAudited) beginAudit(state, startup.isJournalLost)
  if (!startup.isEntryJournaled) journalEntered(state)
  resumeOwnView(state)

  const own: Vote[] = []
  for (const votes of state.voter?.all() ?? []) own.push(...votes)
  for (const vote of own) acceptVote(state, vote, state.selfIndex, 0)
  const notarizations = [...state.notarizations.values()]
  for (const notarization of notarizations) state.notarizations.delete(notarization.view)
  acceptCertificates(state, notarizations)
  forgetOldViews(state)
  settleAudit(state)
  commitFinalized(state)
  republish(state)
  if (state.ownProposal !== null && state.ownProposal.view === state.current.view) {
    sendToAll(state, { kind: 'proposal', proposal: state.ownProposal })
  }
  askAll(state)
}

/** A leader that already proposed in this view never builds another block; a voter that already voted is awake. */
function resumeOwnView(state: State): void {
  const { view } = state.current
  state.current.hasProposal = state.proposals.has(view)
  const isLeader = state.voter !== null && leaderOf(state.config.set, view).member === state.config.self?.member
  if (isLeader && state.ownProposal?.view === view) state.current.build = { kind: 'done' }
}
