/**
 * Whether a receiver that claims `mismatch` is right: what anybody who has the envelope can check, with the content key that the
 * receiver revealed or, where the envelope is not even sealed as its transaction says, without.
 */
import type { ContentKey, MemberId, TransactionId } from '@wardline/codec'
import { commitContent, decodeContent, openWithContentKey } from '@wardline/crypto'
import { envelopeCommitment, type ParsedTransaction } from '@wardline/ledger'
import type { CustodyGraph } from './graph.ts'
import { sealContextOf } from './seal-context.ts'

type Send = ParsedTransaction<'stt.send'>

/**
 * `proven`: the sender sealed something else than it committed to. `refuted`: the envelope holds what was committed to, under the
 * very key that the receiver revealed. `unproven`: there is no key, or the envelope does not decrypt under it: either of the two
 * may be lying. `other-envelope`: these bytes are not the envelope of that transmission, so nothing can be said.
 */
export type MismatchVerdict = 'proven' | 'refuted' | 'unproven' | 'other-envelope'

export function verifyMismatch(send: Send, envelope: Uint8Array, contentKey: ContentKey | undefined): MismatchVerdict {
  if (envelopeCommitment(envelope) !== send.payload?.commitment) return 'other-envelope'
  const context = sealContextOf(send, envelope)
  if (context === undefined) return 'proven'
  const opened = contentKey && openWithContentKey(context, envelope, contentKey)
  if (opened === undefined) return 'unproven'
  const content = decodeContent(opened)
  return content !== undefined && commitContent(content) === send.body.content ? 'refuted' : 'proven'
}

/** What is to be said of one receiver's claim; `claimed`: it revealed no key, and the envelope alone does not prove it right. */
export type ClaimVerdict = Exclude<MismatchVerdict, 'other-envelope'> | 'claimed'

/** @returns undefined where these bytes are not the envelope of that transmission */
export function judgeClaim(
  send: Send,
  envelope: Uint8Array,
  contentKey: ContentKey | undefined
): ClaimVerdict | undefined {
  const verdict = verifyMismatch(send, envelope, contentKey)
  if (verdict === 'other-envelope') return undefined
  return verdict === 'unproven' && contentKey === undefined ? 'claimed' : verdict
}

export type JudgedClaim = {
  readonly transmission: TransactionId
  readonly sender: MemberId
  readonly receiver: MemberId
  readonly verdict: ClaimVerdict
}

/**
 * What the claims in `graph` come to that are about the hand-off of this envelope, at most one of each receiver; undefined where
 * it is the envelope of none of `sends`, which are those of the graph.
 */
export function judgeClaims(
  graph: CustodyGraph,
  sends: readonly Send[],
  envelope: Uint8Array
): readonly JudgedClaim[] | undefined {
  const commitment = envelopeCommitment(envelope)
  const send = sends.find(({ payload }) => payload?.commitment === commitment)
  const transmission = graph.transmissions.find(({ id }) => id === send?.id)
  if (send === undefined || transmission === undefined) return undefined
  return transmission.to.flatMap(({ member, state, contentKey }) => {
    const verdict = state === 'mismatch' ? judgeClaim(send, envelope, contentKey) : undefined
    return verdict === undefined
      ? []
      : [{ transmission: send.id, sender: send.author.member, receiver: member, verdict }]
  })
}
