/** Whether a transaction may follow on a state, and what it then changes. The one judge, for submit, receive, leader and voter. */
import { encodeCbor, limits, type SignKey } from '@wardline/codec'
import type { MemberAuthor, Position } from './kind.ts'
import { applyBody, judgeBody, traitsOf } from './kinds.ts'
import { type Member, readMember, standing } from './membership/member.ts'
import type { Overlay, StateView } from './overlay.ts'
import { readMode } from './parameters.ts'
import { REFUSALS, type RefusalCode } from './refusals.ts'
import { stateKeys } from './state-keys.ts'
import type { ParsedTransaction } from './transaction.ts'

export type Verdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'refuse'; readonly code: RefusalCode; readonly permanent: boolean }

const accepted: Verdict = { kind: 'accept' }

/**
 * Judges a transaction, whose signatures have all been verified, against `state` as part of a block of time `blockTimeMs`.
 * Reads no clock and no payload. What `permanent` promises, and on which state, says refusals.ts.
 */
export function judge(state: StateView, tx: ParsedTransaction, blockTimeMs: number): Verdict {
  const code = refusalOf(state, tx, blockTimeMs)
  return code === undefined ? accepted : { kind: 'refuse', code, permanent: REFUSALS[code].permanent }
}

function refusalOf(state: StateView, tx: ParsedTransaction, timeMs: number): RefusalCode | undefined {
  const traits = traitsOf(tx.kind)
  if (!traits.modes.includes(readMode(state))) return 'kind-not-here'
  if (traits.lifetime === 'bounded') {
    if (tx.expires <= timeMs) return 'expired'
    if (tx.expires > timeMs + limits.transactionLifeMsMax) return 'too-far-expiry'
    if (state.get(stateKeys.seen(tx.expires, tx.id)) !== undefined) return 'id-used'
  }
  const signatory = tx.sponsor ?? { ...tx.author, key: tx.key }
  const author = readMember(state, signatory.member)
  if (author === undefined) return 'unknown-author'
  if (tx.sponsor !== undefined && author.role !== 'hospital') return 'sponsor-not-hospital'
  return (
    standing(state, author, timeMs) ??
    refusalOfKey(author, signatory, timeMs) ??
    judgeBody({ state, timeMs, author }, tx)
  )
}

/** The key must be the one registered under its number, and the newest one in force. */
function refusalOfKey(
  author: Member,
  { keyIndex, key }: MemberAuthor & { readonly key: SignKey },
  timeMs: number
): RefusalCode | undefined {
  const registered = author.keys[keyIndex]
  if (registered?.key !== key) return 'key-mismatch'
  if (registered.from > timeMs) return 'key-not-yet'
  const next = author.keys[keyIndex + 1]
  return next !== undefined && next.from <= timeMs ? 'key-revoked' : undefined
}

/** Writes what an accepted transaction changes, and that its id is used. */
export function apply(state: Overlay, tx: ParsedTransaction, position: Position): void {
  applyBody(state, tx, position)
  if (traitsOf(tx.kind).lifetime === 'bounded')
    state.set(stateKeys.seen(tx.expires, tx.id), encodeCbor(position.height))
}
