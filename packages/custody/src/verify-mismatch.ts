/**
 * Whether a receiver that claims `mismatch` is right: what anybody who has the envelope can check, with the content key that the
 * receiver revealed or, where the envelope is not even sealed as its transaction says, without.
 */
import type { ContentKey, MemberId, TransactionId } from '@wardline/codec'
import { commitContent, decodeContent, openWithContentKey } from '@wardline/crypto'
import { envelopeCommitment, type ParsedTransaction } from '@wardline/ledger'
import type { CustodyGraph, Delivery } from './graph.ts'
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

export type JudgedEnvelope = {
  /** The hand-offs that commit to it; more than one where a sender forwarded what it was sent as it was. */
  readonly transmissions: readonly TransactionId[]
  /** At most one of each receiver of each. */
  readonly claims: readonly JudgedClaim[]
}

export type JudgedClaim = {
  readonly transmission: TransactionId
  readonly sender: MemberId
  readonly receiver: MemberId
  readonly verdict: ClaimVerdict
}

/**
 * What the claims in `graph` come to that are about hand-offs of this envelope; undefined where it is the envelope of none of
 * `sends`, which are those of the graph.
 */
export function judgeClaims(
  graph: CustodyGraph,
  sends: readonly Send[],
  envelope: Uint8Array
): JudgedEnvelope | undefined {
  const commitment = envelopeCommitment(envelope)
  const of = new Map(sends.flatMap((send) => (send.payload?.commitment === commitment ? [[send.id, send]] : [])))
  if (of.size === 0) return undefined
  const claims = graph.transmissions.flatMap(({ id, to }) => {
    const send = of.get(id)
    return send === undefined ? [] : to.flatMap((delivery) => claimIn(send, envelope, delivery))
  })
  return { transmissions: [...of.keys()], claims }
}

function claimIn(send: Send, envelope: Uint8Array, { member, state, contentKey }: Delivery): readonly JudgedClaim[] {
  const verdict = state === 'mismatch' ? judgeClaim(send, envelope, contentKey) : undefined
  if (verdict === undefined) return []
  return [{ transmission: send.id, sender: send.author.member, receiver: member, verdict }]
}
