/**
 * Evidence: two votes by which one signer broke what `maySign` promises. No correct node signs such a pair, across crashes
 * too, so evidence never frames one; and it needs nothing but the two signatures to be judged.
 */
import {
  type ChainId,
  type Digest,
  type Epoch,
  type MemberId,
  type SignKey,
  unreachable,
  type View
} from '@wardline/codec'
import type { Certificate, SignatureCheck } from './certificate.ts'
import type { ValidatorSet } from './validators.ts'
import { NO_DIGEST, type VoteKind, type VoteStatement, voteBytes } from './vote.ts'

/** Which promise was broken. The kinds of the two votes, in the order in which `Evidence` has them. */
export const CONFLICTS = ['notarize-notarize', 'finalize-finalize', 'notarize-finalize', 'nullify-finalize'] as const
export type Conflict = (typeof CONFLICTS)[number]

/** A vote, but for what both votes of a pair have in common. */
export type SignedBallot = {
  readonly kind: VoteKind
  readonly digest: Digest
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Two votes of `signer` in one view. Their order is fixed: by kind, notarize, nullify, finalize; then by digest. */
export type Evidence = {
  readonly signer: MemberId
  readonly epoch: Epoch
  readonly view: View
  readonly votes: readonly [SignedBallot, SignedBallot]
}

type SignedVote = VoteStatement & { readonly signer: MemberId; readonly signature: Uint8Array }

/** What two votes in the order of `Evidence` break; undefined if one signer may have signed both. */
export function conflictOf(
  first: Omit<SignedBallot, 'signature'>,
  second: Omit<SignedBallot, 'signature'>
): Conflict | undefined {
  const sameDigest = first.digest === second.digest
  switch (first.kind) {
    case 'notarize':
      if (second.kind === 'nullify' || sameDigest) return undefined
      return second.kind === 'notarize' ? 'notarize-notarize' : 'notarize-finalize'
    case 'nullify':
      return second.kind === 'finalize' ? 'nullify-finalize' : undefined
    case 'finalize':
      return second.kind === 'finalize' && !sameDigest ? 'finalize-finalize' : undefined
    default:
      return unreachable(first.kind)
  }
}

/** The evidence that two genuine votes are, if any. */
export function evidenceOf(one: SignedVote, other: SignedVote): Evidence | undefined {
  if (one.signer !== other.signer || one.epoch !== other.epoch || one.view !== other.view) return undefined
  const votes = inOrder(one, other)
  if (conflictOf(...votes) === undefined) return undefined
  const { signer, epoch, view } = one
  return { signer, epoch, view, votes }
}

/** Whether the pair has the one form that evidence has: its votes in order, and in conflict. */
export function hasEvidenceForm({ votes: [first, second] }: Pick<Evidence, 'votes'>): boolean {
  const isInOrder = KIND_ORDER[first.kind] < KIND_ORDER[second.kind] || first.digest < second.digest
  const hasDigests = [first, second].every(({ kind, digest }) => (kind === 'nullify') === (digest === NO_DIGEST))
  return isInOrder && hasDigests && conflictOf(first, second) !== undefined
}

/** The two signatures that make a pair of good form evidence against the holder of `key`. */
export function evidenceChecks(
  chain: ChainId,
  key: SignKey,
  { epoch, view, votes }: Omit<Evidence, 'signer'>
): readonly SignatureCheck[] {
  return votes.map(({ kind, digest, signature }) => ({
    key,
    message: voteBytes(kind, chain, epoch, view, digest),
    signature
  }))
}

/** Whether `evidence` proves that the validator of `set` whom it names signed two votes that exclude each other. */
export function verifyEvidence(
  set: ValidatorSet,
  chain: ChainId,
  evidence: Evidence,
  verify: (key: SignKey, message: Uint8Array, signature: Uint8Array) => boolean
): boolean {
  const offender = set.validators.find(({ member }) => member === evidence.signer)
  if (offender === undefined || evidence.epoch !== set.epoch || !hasEvidenceForm(evidence)) return false
  return evidenceChecks(chain, offender.key, evidence).every(({ key, message, signature }) =>
    verify(key, message, signature)
  )
}

/**
 * Every pair of conflicting votes among those that genuine certificates consist of. Two conflicting certificates of one view
 * share at least 2q-n signers, and all of those are named. A fork always has such two: the view in which its lower branch
 * became final was either nullified or notarized otherwise before the upper branch could pass it.
 */
export function forkEvidence(set: ValidatorSet, certificates: readonly Certificate[]): readonly Evidence[] {
  const found = new Map<string, Evidence>()
  const seen = new Map<string, SignedVote[]>()
  for (const certificate of certificates) {
    for (const [at, index] of certificate.signers.entries()) {
      const signer = set.validators[index]?.member
      const signature = certificate.signatures[at]
      if (certificate.epoch !== set.epoch || signer === undefined || signature === undefined) continue
      const vote = { ...statementOf(certificate), signer, signature }
      const slot = `${signer} ${vote.view}`
      const before = seen.get(slot) ?? []
      for (const earlier of before) {
        const evidence = evidenceOf(earlier, vote)
        if (evidence !== undefined && !found.has(evidenceName(evidence))) found.set(evidenceName(evidence), evidence)
      }
      seen.set(slot, [...before, vote])
    }
  }
  return [...found.values()]
}

/** Of all evidence that names the same signer, view and conflict, one is enough. */
export function evidenceName({ signer, epoch, view, votes }: Evidence): string {
  return `${signer}/${epoch}/${view}/${conflictOf(...votes)}`
}

const KIND_ORDER = { notarize: 1, nullify: 2, finalize: 3 } as const

function inOrder(one: SignedBallot, other: SignedBallot): readonly [SignedBallot, SignedBallot] {
  const byKind = KIND_ORDER[one.kind] - KIND_ORDER[other.kind]
  const isFirst = byKind < 0 || (byKind === 0 && one.digest < other.digest)
  return isFirst ? [ballotOf(one), ballotOf(other)] : [ballotOf(other), ballotOf(one)]
}

function ballotOf({ kind, digest, signature }: SignedBallot): SignedBallot {
  return { kind, digest, signature }
}

function statementOf({ kind, epoch, view, digest }: VoteStatement): VoteStatement {
  return { kind, epoch, view, digest }
}
