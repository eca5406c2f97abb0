/**
 * Who signed what, by every disk together: a validator's votes are in its own journal, and in the certificates that the
 * others keep. What a disk has forgotten since is remembered here, so a vote that excludes an earlier one is found however
 * many restarts lie between them.
 */
import {
  type Certificate,
  headerDigest,
  type JournalEntry,
  type ValidatorSet,
  type VoteKind
} from '@wardline/consensus'

export type SignedVotes = {
  /** Tells the validators of an epoch, whom its certificates name by number; again is no harm. */
  epoch(set: ValidatorSet): void
  journal(validator: string, entries: readonly JournalEntry[]): void
  certificate(certificate: Certificate): void
  /** Epochs of which certificates were seen, and whose validators nobody has told. */
  untold(): readonly number[]
  /** One line for each pair of votes that exclude each other. */
  conflicts(): readonly string[]
  /** Votes known, each counted once. */
  count(): number
}

type Slot = { notarize?: string; finalize?: string; nullify?: string }

export function createSignedVotes(): SignedVotes {
  const sets = new Map<number, ValidatorSet>()
  /** Certificates of epochs whose validators have not been told yet. */
  const waiting = new Map<number, Certificate[]>()
  const slots = new Map<string, Slot>()
  const conflicts = new Set<string>()
  let count = 0

  const note = (validator: string, kind: VoteKind, epoch: number, view: number, digest: string): void => {
    const name = `${epoch} ${view} ${validator}`
    const slot = slots.get(name) ?? {}
    slots.set(name, slot)
    const conflict = (other: VoteKind) =>
      conflicts.add(
        `${validator} signed ${kind} and ${other} in view ${view} of epoch ${epoch}, which exclude each other`
      )
    if (kind !== 'nullify') {
      for (const other of ['notarize', 'finalize'] as const) {
        const signed = slot[other]
        if (signed !== undefined && signed !== digest) conflict(other)
      }
    }
    if (kind === 'finalize' && slot.nullify !== undefined) conflict('nullify')
    if (kind === 'nullify' && slot.finalize !== undefined) conflict('finalize')
    if (slot[kind] === undefined) count += 1
    slot[kind] ??= digest
  }

  const noteCertificate = (certificate: Certificate): void => {
    const { kind, epoch, view, digest, signers } = certificate
    const set = sets.get(epoch)
    if (set === undefined) {
      waiting.set(epoch, [...(waiting.get(epoch) ?? []), certificate])
      return
    }
    for (const signer of signers) {
      const validator = set.validators[signer]
      if (validator !== undefined) note(validator.member, kind, epoch, view, digest)
    }
  }

  return {
    epoch(set) {
      sets.set(set.epoch, set)
      const known = waiting.get(set.epoch) ?? []
      waiting.delete(set.epoch)
      for (const certificate of known) noteCertificate(certificate)
    },
    journal(validator, entries) {
      for (const entry of entries) {
        switch (entry.kind) {
          case 'voted':
            note(validator, entry.vote.kind, entry.vote.epoch, entry.vote.view, entry.vote.digest)
            break
          case 'proposed': {
            // A closing block is proposed again in later views: the view is the proposal's, not its header's.
            const { header, view } = entry.proposal
            note(validator, 'notarize', header.epoch, view, headerDigest(header))
            break
          }
          case 'entered':
            if (entry.certificate !== null) noteCertificate(entry.certificate)
            break
          case 'kept':
            noteCertificate(entry.certificate)
            break
          case 'pruned':
            break
        }
      }
    },
    certificate: noteCertificate,
    conflicts: () => [...conflicts],
    untold: () => [...waiting.keys()],
    count: () => count
  }
}
