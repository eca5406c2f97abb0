/** The one guard in front of every consensus signature. */
import type { Digest, Epoch, View } from '@wardline/codec'
import type { VoteKind } from './vote.ts'

/** What the journal says was signed in one view. At most one digest is ever named, and never both nullify and finalize. */
export type Slot = {
  readonly notarize: Digest | null
  readonly nullify: boolean
  readonly finalize: Digest | null
}

export const EMPTY_SLOT: Slot = { notarize: null, nullify: false, finalize: null }

/** What bounds signing in every view. */
export type SigningBounds = {
  /** The epoch of the block after the last finalized one: nothing is signed in an epoch that has ended. */
  readonly epoch: Epoch
  /** View of the last finalized block; nothing is signed at or below it. */
  readonly floorView: View
  /** Views below were perhaps signed by a journal that is gone: nothing is signed there. 0 when no view is. */
  readonly noVoteBelow: View
}

export type Ballot = { readonly kind: VoteKind; readonly epoch: Epoch; readonly view: View; readonly digest: Digest }

/** Whether `ballot` may be signed by a node whose journal holds `slot` for that view. Signing the same again is allowed. */
export function maySign(bounds: SigningBounds, slot: Slot, ballot: Ballot): boolean {
  if (ballot.epoch !== bounds.epoch || ballot.view <= bounds.floorView || ballot.view < bounds.noVoteBelow) return false
  switch (ballot.kind) {
    case 'notarize':
      return noneOr(slot.notarize, ballot.digest) && noneOr(slot.finalize, ballot.digest) && !slot.nullify
    case 'nullify':
      return slot.finalize === null
    case 'finalize':
      return noneOr(slot.finalize, ballot.digest) && !slot.nullify && noneOr(slot.notarize, ballot.digest)
  }
}

/** The slot after `ballot` was signed. */
export function signedSlot(slot: Slot, ballot: Ballot): Slot {
  switch (ballot.kind) {
    case 'notarize':
      return { ...slot, notarize: ballot.digest }
    case 'nullify':
      return { ...slot, nullify: true }
    case 'finalize':
      return { ...slot, finalize: ballot.digest }
  }
}

function noneOr(signed: Digest | null, digest: Digest): boolean {
  return signed === null || signed === digest
}
