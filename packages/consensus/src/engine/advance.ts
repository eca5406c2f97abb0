/**
 * Votes become certificates, certificates move the view and the chain: rules 2, 3 and 4 (README). One file,
 * because each leads to the next: with one validator a single vote runs through all of them.
 */
import { assert, type Digest, type View } from '@wardline/codec'
import type { Certificate } from '../certificate.ts'
import type { Header } from '../header.ts'
import type { Proposal } from '../proposal.ts'
import { NO_DIGEST, type Vote } from '../vote.ts'
import { VIEWS_KEPT } from './bounds.ts'
import { commitFinalized, want } from './chain.ts'
import { watchFrom } from './presence.ts'
import { isIdleBlock, journal, newCurrent, otherSigners, type State, sendToAll, signingBounds } from './state.ts'
import { countCertificate, countVote, dropTalliesBelow } from './tally.ts'

/** Signs and sends notarize for a checked block of another leader. */
export function castNotarize(state: State, view: View, digest: Digest, header: Header): void {
  const cast = state.voter?.cast('notarize', view, digest, signingBounds(state))
  if (cast === undefined || !cast.isNew) return
  journal(state, { kind: 'voted', vote: cast.vote, header })
  sendToAll(state, { kind: 'vote', vote: cast.vote })
  acceptVote(state, cast.vote, state.selfIndex, 0)
}

/** Signs this node's own block and sends it as a proposal, unless the view may not be voted for any more. */
export function castProposal(state: State, digest: Digest, proposal: Omit<Proposal, 'signature'>): void {
  const cast = state.voter?.cast('notarize', proposal.view, digest, signingBounds(state))
  if (cast === undefined) return
  assert(cast.isNew, 'a leader signs one proposal per view')
  const signed: Proposal = { ...proposal, signature: cast.vote.signature }
  state.ownProposal = signed
  journalProposal(state, signed)
  sendToAll(state, { kind: 'proposal', proposal: signed })
  acceptVote(state, cast.vote, state.selfIndex, 0)
}

export function castNullify(state: State, view: View): void {
  const cast = state.voter?.cast('nullify', view, NO_DIGEST, signingBounds(state))
  if (cast === undefined || !cast.isNew) return
  journal(state, { kind: 'voted', vote: cast.vote, header: null })
  sendToAll(state, { kind: 'vote', vote: cast.vote })
  acceptVote(state, cast.vote, state.selfIndex, 0)
}

/** Without the nullifications that the journal holds already: over many failed views they would be most of what is written. */
function journalProposal(state: State, proposal: Proposal): void {
  const skips = proposal.skips.filter(({ view }) => !state.journaledNullifications.has(view))
  journal(state, { kind: 'proposed', proposal: { ...proposal, skips } })
  for (const { view } of skips) state.journaledNullifications.add(view)
}

/**
 * Nullifies the current view because no block of its leader can be voted for: at once while the members that may be faulty,
 * each in its turn, can be why the views before it failed. After more failures in a row it is not the leaders that are
 * wrong, but a quorum that does not agree, and the next view would end no better: then only the view timer, which backs off,
 * ends this one.
 */
export function giveUpView(state: State): void {
  const { view, skippedBefore } = state.current
  if (skippedBefore <= state.faults) castNullify(state, view)
  else state.current.isGivenUp = true
}

function castFinalize(state: State, notarization: Certificate): void {
  const { view, digest } = notarization
  const cast = state.voter?.cast('finalize', view, digest, signingBounds(state))
  if (cast === undefined || !cast.isNew) return
  // Without the notarization on disk, nodes that finalized on votes of faulty members could forget why they left the
  // view while the rest nullified it, and no certificate could ever form.
  if (!state.journaledNotarizations.has(view)) {
    state.journaledNotarizations.add(view)
    journal(state, { kind: 'kept', certificate: notarization })
  }
  journal(state, { kind: 'voted', vote: cast.vote, header: null })
  sendToAll(state, { kind: 'vote', vote: cast.vote })
  acceptVote(state, cast.vote, state.selfIndex, 0)
}

/** Signs what this node would have signed if it had been allowed to before. */
export function castOwed(state: State): void {
  for (const certificate of [...state.notarizations.values()]) castFinalize(state, certificate)
  const { view, timerFired } = state.current
  const slot = state.proposals.get(view)
  const header = slot && state.blocks.get(slot.digest)
  if (slot?.state === 'valid' && header !== undefined) castNotarize(state, view, slot.digest, header)
  if (timerFired) castNullify(state, view)
}

/** Counts a vote that is known to be genuine and acts on the certificate it may complete. */
export function acceptVote(state: State, vote: Vote, signer: number, attempt: number): void {
  const certificate = countVote(state, vote, signer, attempt)
  if (certificate !== undefined) acceptCertificates(state, [certificate])
}

/** Keeps certificates that are known to be genuine, ascending by view, and acts on them: enter, finalize, commit. */
export function acceptCertificates(state: State, certificates: readonly Certificate[]): void {
  const fresh: Certificate[] = []
  let highest: Certificate | undefined
  for (const certificate of certificates) {
    if (keepCertificate(state, certificate)) fresh.push(certificate)
    if (highest === undefined || certificate.view >= highest.view) highest = certificate
  }
  if (highest !== undefined && highest.view >= state.current.view) enterView(state, highest)
  for (const certificate of fresh) if (certificate.kind === 'notarize') castFinalize(state, certificate)
  if (fresh.some((certificate) => certificate.kind === 'finalize')) commitFinalized(state)
}

/** @returns whether the certificate says something new */
export function keepCertificate(state: State, certificate: Certificate): boolean {
  if (knowsCertificate(state, certificate)) return false
  const { view, digest } = certificate
  switch (certificate.kind) {
    case 'notarize': {
      state.notarizations.set(view, certificate)
      const header = state.blocks.get(digest)
      if (header === undefined) want(state, digest, view, otherSigners(state, certificate))
      if (header === undefined || !isIdleBlock(state, header)) state.fullViews.add(view)
      break
    }
    case 'nullify':
      state.nullifications.set(view, certificate)
      break
    case 'finalize':
      state.pendingFinalization = certificate
      break
  }
  countCertificate(state, certificate)
  return true
}

/** Whether this kind of certificate for this view is held, or too old to matter. */
export function knowsCertificate(state: State, certificate: Certificate): boolean {
  const { view } = certificate
  if (view <= state.floor.view) return true
  switch (certificate.kind) {
    case 'notarize':
      return state.notarizations.has(view)
    case 'nullify':
      return state.nullifications.has(view)
    case 'finalize':
      return state.pendingFinalization !== null && state.pendingFinalization.view >= view
  }
}

/** Enters the view after `certificate`'s. What the new view asks for is done by `pursueView`. */
export function enterView(state: State, certificate: Certificate): void {
  const view = (certificate.view + 1) as View
  assert(view > state.current.view, 'views only advance')
  const skipped = certificate.kind === 'nullify' ? skippedBefore(state, view) : 0
  if (view > state.current.view + 1) watchFrom(state, view)
  state.current = newCurrent(view, certificate, skipped, state.nowMs, state.config.timing.retryMs)
  journalEntered(state)
  forgetOldViews(state)
}

/** Before any vote in the view: the certificate that let this node in. */
export function journalEntered(state: State): void {
  if (state.voter === null || state.audit?.isLost === true) return
  const { view, certificate } = state.current
  journal(state, { kind: 'entered', epoch: state.config.set.epoch, view, certificate })
  if (certificate !== null) noteJournaled(state, certificate)
}

/** The journal holds this certificate. */
export function noteJournaled(state: State, { kind, view }: Certificate): void {
  if (kind === 'notarize') state.journaledNotarizations.add(view)
  else if (kind === 'nullify') state.journaledNullifications.add(view)
}

/** Beyond this many the view timer is at its longest, and not all leaders can have been faulty. */
const SKIPS_COUNTED_MAX = 64

export function skippedBefore(state: State, view: View): number {
  let count = 0
  while (count < SKIPS_COUNTED_MAX && state.nullifications.has((view - 1 - count) as View)) count += 1
  return count
}

/** Drops what was said in views too far behind the current one. */
export function forgetOldViews(state: State): void {
  const oldest = (state.current.view - VIEWS_KEPT) as View
  dropTalliesBelow(state, oldest)
  for (const [view, slot] of state.proposals) {
    if (view >= oldest) continue
    state.proposals.delete(view)
    // A block that is proposed again may be notarized in another view.
    if (![...state.notarizations.values()].some(({ digest }) => digest === slot.digest))
      state.blocks.delete(slot.digest)
  }
}
