/** Counting votes: the first vote of each signer, view and kind is kept, and a quorum of them makes a certificate. */
import { bytesEqual, type View } from '@wardline/codec'
import type { Certificate } from '../certificate.ts'
import type { Vote, VoteKind } from '../vote.ts'
import { VIEWS_KEPT } from './bounds.ts'
import { accuse } from './evidence.ts'
import { noteVote } from './presence.ts'
import type { Heard, KindTally, State, ViewTally } from './state.ts'

/** The kept vote of `signer`, if any. */
export function heardVote(state: State, kind: VoteKind, view: View, signer: number): Heard | undefined {
  return state.tallies.get(view)?.[kind].bySigner[signer]
}

/**
 * Keeps `vote` (verified, or this node's own) unless its signer already has one of this kind in the view.
 * @returns the certificate that it completes
 */
export function countVote(state: State, vote: Vote, signer: number, attempt: number): Certificate | undefined {
  noteVote(state, vote, signer)
  accuse(state, vote, signer)
  const tally = tallyOf(state, vote.view)[vote.kind]
  if (tally.bySigner[signer] !== undefined) return undefined
  tally.bySigner[signer] = { vote, attempt, carriedAtMs: state.nowMs }
  const count = (tally.counts.get(vote.digest) ?? 0) + 1
  tally.counts.set(vote.digest, count)
  return count === state.quorum ? assemble(state, tally, vote) : undefined
}

/** Keeps the votes that a verified certificate consists of, so that they are not verified again. */
export function countCertificate(state: State, certificate: Certificate): void {
  if (certificate.view > state.current.view + 1 || certificate.view < state.current.view - VIEWS_KEPT) return
  const { kind, epoch, view, digest } = certificate
  for (const [at, index] of certificate.signers.entries()) {
    const signer = state.config.set.validators[index]?.member
    const signature = certificate.signatures[at]
    if (signer === undefined || signature === undefined) continue
    countVote(state, { kind, epoch, view, digest, signer, signature, attempt: 0 }, index, -1)
  }
}

/** Whether any vote of `signer` in `view` is kept. */
export function hasVoted(state: State, view: View, signer: number): boolean {
  const tally = state.tallies.get(view)
  return tally !== undefined && [tally.notarize, tally.nullify, tally.finalize].some((kind) => kind.bySigner[signer])
}

/** Distinct signers of nullify(view). */
export function nullifyCount(state: State, view: View): number {
  const tally = state.tallies.get(view)
  if (tally === undefined) return 0
  for (const count of tally.nullify.counts.values()) return count
  return 0
}

/** Whether `signature` is that of a vote already verified. */
export function isKnownSignature(state: State, certificate: Certificate, at: number): boolean {
  const signer = certificate.signers[at]
  const signature = certificate.signatures[at]
  if (signer === undefined || signature === undefined) return false
  const heard = heardVote(state, certificate.kind, certificate.view, signer)?.vote
  if (heard !== undefined) return heard.digest === certificate.digest && bytesEqual(heard.signature, signature)
  const kept = keptCertificate(state, certificate)
  const keptSignature = kept?.signatures[kept.signers.indexOf(signer)]
  return keptSignature !== undefined && bytesEqual(keptSignature, signature)
}

function keptCertificate(state: State, { kind, epoch, view, digest }: Certificate): Certificate | null | undefined {
  if (kind === 'nullify') return state.nullifications.get(view)
  const kept = kind === 'notarize' ? state.notarizations.get(view) : state.floor.certificate
  // The start of the epoch was finalized by that of an earlier one.
  return kept?.epoch === epoch && kept.view === view && kept.digest === digest ? kept : undefined
}

/** Drops tallies below `view`. Old certificates come late, so the views are in no order. */
export function dropTalliesBelow(state: State, view: View): void {
  for (const key of state.tallies.keys()) if (key < view) state.tallies.delete(key)
}

function tallyOf(state: State, view: View): ViewTally {
  const known = state.tallies.get(view)
  if (known !== undefined) return known
  const size = state.config.set.validators.length
  const empty = (): KindTally => ({ bySigner: new Array<Heard | undefined>(size), counts: new Map() })
  const tally = { notarize: empty(), nullify: empty(), finalize: empty() }
  state.tallies.set(view, tally)
  return tally
}

function assemble(state: State, tally: KindTally, vote: Vote): Certificate {
  const signers: number[] = []
  const signatures: Uint8Array[] = []
  for (let index = 0; index < state.config.set.validators.length; index++) {
    const heard = tally.bySigner[index]
    if (heard?.vote.digest !== vote.digest) continue
    signers.push(index)
    signatures.push(heard.vote.signature)
  }
  return { kind: vote.kind, epoch: vote.epoch, view: vote.view, digest: vote.digest, signers, signatures }
}
