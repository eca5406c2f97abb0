/** What this daemon can tell of a claimed mismatch: more where it has the envelope, as sender and receivers do. */
import type { TraceEdge } from '@wardline/api'
import { type Edge, judgeClaim } from '@wardline/custody'
import type { Membership } from '../membership.ts'

/** Envelopes that are decrypted for one answer, a few milliseconds each; claims beyond them are said as the chain has them. */
const CHECKS_MAX = 16

export type ClaimCheck = (edge: Omit<Edge, 'recordId'>) => TraceEdge['mismatch']

/** For the edges of one answer. */
export function claimCheck({ chain }: Membership): ClaimCheck {
  let left = CHECKS_MAX
  return ({ transmission, delivery: { state, contentKey } }) => {
    if (state !== 'mismatch') return null
    const unchecked = contentKey === undefined ? 'claimed' : 'revealed'
    if (left === 0) return unchecked
    const send = chain.query.transaction(transmission.id)
    const envelope = send?.kind === 'stt.send' ? chain.payloads.get(send) : undefined
    if (send?.kind !== 'stt.send' || envelope === undefined) return unchecked
    left -= 1
    return judgeClaim(send, envelope, contentKey) ?? unchecked
  }
}
