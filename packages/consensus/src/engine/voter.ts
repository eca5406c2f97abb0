/**
 * The only holder of the signing key. It remembers what the journal says was signed and asks `maySign` before every vote.
 */
import { assert, type ChainId, type Digest, type Epoch, type MemberId, type View } from '@wardline/codec'
import type { VoteSigner } from '@wardline/crypto'
import { EMPTY_SLOT, maySign, type SigningBounds, type Slot, signedSlot } from '../may-sign.ts'
import { type Vote, type VoteKind, voteBytes } from '../vote.ts'

export type Voter = {
  /**
   * This node's vote if it may be signed. `isNew` is false when it was signed before: it is journaled and was sent already.
   */
  cast(kind: VoteKind, view: View, digest: Digest, bounds: SigningBounds): { vote: Vote; isNew: boolean } | undefined
  /** Takes over a vote that the journal holds. */
  restore(vote: Vote): void
  slot(view: View): Slot
  /** Votes signed in `view`, in the order of signing. */
  votesIn(view: View): readonly Vote[]
  /** Everything signed and not forgotten, by view in the order first signed. */
  all(): Iterable<readonly Vote[]>
  /** Forgets views at or below `floor`, which `maySign` refuses anyway. */
  forgetUpTo(floor: View): void
}

/** A voter of one epoch. */
export function createVoter(chain: ChainId, epoch: Epoch, member: MemberId, signer: VoteSigner): Voter {
  const views = new Map<View, { slot: Slot; votes: Vote[] }>()

  const note = (vote: Vote): void => {
    const entry = views.get(vote.view) ?? { slot: EMPTY_SLOT, votes: [] }
    entry.slot = signedSlot(entry.slot, vote)
    entry.votes.push(vote)
    views.set(vote.view, entry)
  }
  const signed = (kind: VoteKind, view: View): Vote | undefined =>
    views.get(view)?.votes.find((vote) => vote.kind === kind)

  return {
    cast(kind, view, digest, bounds) {
      const ballot = { kind, epoch, view, digest }
      if (!maySign(bounds, views.get(view)?.slot ?? EMPTY_SLOT, ballot)) return undefined
      const before = signed(kind, view)
      if (before !== undefined) return { vote: before, isNew: false }
      const signature = signer.sign(voteBytes(kind, chain, epoch, view, digest))
      const vote: Vote = { ...ballot, signer: member, signature, attempt: 0 }
      note(vote)
      return { vote, isNew: true }
    },
    restore(vote) {
      const before = signed(vote.kind, vote.view)
      assert(before === undefined || before.digest === vote.digest, 'the journal holds one vote per view and kind')
      if (before === undefined) note(vote)
    },
    slot: (view) => views.get(view)?.slot ?? EMPTY_SLOT,
    votesIn: (view) => views.get(view)?.votes ?? [],
    *all() {
      for (const entry of views.values()) yield entry.votes
    },
    forgetUpTo(floor) {
      for (const view of views.keys()) if (view <= floor) views.delete(view)
    }
  }
}
