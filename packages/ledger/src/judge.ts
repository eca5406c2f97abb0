/** Whether a transaction may follow on a state, and what it then changes. The one judge, for submit, receive, leader and voter. */
import { encodeCbor, limits } from '@wardline/codec'
import type { Position } from './kind.ts'
import { applyBody, judgeBody } from './kinds.ts'
import { type Member, readMember, standing } from './membership/member.ts'
import type { Overlay, StateView } from './overlay.ts'
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
  if (tx.expires <= timeMs) return 'expired'
  if (tx.expires > timeMs + limits.transactionLifeMsMax) return 'too-far-expiry'
  if (state.get(stateKeys.seen(tx.expires, tx.id)) !== undefined) return 'id-used'
  const author = readMember(state, tx.author.member)
  if (author === undefined) return 'unknown-author'
  return standing(state, author, timeMs) ?? refusalOfKey(author, tx, timeMs) ?? judgeBody({ state, timeMs, author }, tx)
}

/** The key must be the one registered under its number, and the newest one in force. */
function refusalOfKey(author: Member, tx: ParsedTransaction, timeMs: number): RefusalCode | undefined {
  const { keyIndex } = tx.author
  const registered = author.keys[keyIndex]
  if (registered?.key !== tx.key) return 'key-mismatch'
  if (registered.from > timeMs) return 'key-not-yet'
  const next = author.keys[keyIndex + 1]
  return next !== undefined && next.from <= timeMs ? 'key-revoked' : undefined
}

/** Writes what an accepted transaction changes, and that its id is used. */
export function apply(state: Overlay, tx: ParsedTransaction, position: Position): void {
  applyBody(state, tx, position)
  state.set(stateKeys.seen(tx.expires, tx.id), encodeCbor(position.height))
}
