/** Whether bytes are the payload that a transaction names. No rule asks this: it decides what is kept, handed out and voted for. */
import { type Hash, limits, taggedHash, unreachable } from '@wardline/codec'
import { commitContent, decodeContent } from '@wardline/crypto'
import { namesOfSubject } from './descriptor.ts'
import { readFence } from './fence.ts'
import { traitsOf } from './kinds.ts'
import type { StateView } from './overlay.ts'
import { envelopeCommitment, readRecall } from './stt/record.ts'
import type { ParsedTransaction } from './transaction.ts'

/**
 * - `payload-mismatch`: these are not the bytes that the transaction names; whoever gave them is at fault
 * - `content-mismatch`: they are, and what they hold is not the content that the body commits to; the author is at fault
 * - `bad-descriptor`: they are, and what would say whether the chain's fence excludes the record has another shape than
 *   expected; the author is at fault
 * - `excluded-label`: they are, and the chain's fence excludes one of the record's labels; the author is at fault
 * - `recalled`: they are, and the record has been recalled; nobody is at fault
 */
export type PayloadFault = 'payload-mismatch' | 'content-mismatch' | 'bad-descriptor' | 'excluded-label' | 'recalled'

/** What `payload.commitment` must be for a payload that everybody holds: `SHA-256("wardline/payload/1" || bytes)`. */
export function payloadCommitment(payload: Uint8Array): Hash {
  return taggedHash('wardline/payload/1', payload)
}

/** @param payload at most `limits.payloadBytesMax` bytes, as somebody handed them over */
export function payloadFault(
  state: StateView,
  transaction: ParsedTransaction,
  payload: Uint8Array
): PayloadFault | undefined {
  const named = transaction.payload
  if (named === undefined || named.size !== payload.length || payload.length > limits.payloadBytesMax) {
    return 'payload-mismatch'
  }
  const who = traitsOf(transaction.kind).payload
  switch (who) {
    case 'none':
      return 'payload-mismatch'
    case 'receivers':
      if (envelopeCommitment(payload) !== named.commitment) return 'payload-mismatch'
      return isRecalled(state, transaction) ? 'recalled' : undefined
    case 'everyone':
      return payloadCommitment(payload) === named.commitment
        ? contentFault(state, transaction, payload)
        : 'payload-mismatch'
    default:
      return unreachable(who)
  }
}

/** Whether what this transaction sends has been recalled: then nobody keeps its payload or hands it out. */
export function isRecalled(state: StateView, transaction: ParsedTransaction): boolean {
  return transaction.kind === 'stt.send' && readRecall(state, transaction.body.recordId) !== undefined
}

function contentFault(state: StateView, { body }: ParsedTransaction, payload: Uint8Array): PayloadFault | undefined {
  const content = decodeContent(payload)
  if (content === undefined || !('content' in body) || commitContent(content) !== body.content) {
    return 'content-mismatch'
  }
  const names = namesOfSubject(content.descriptor)
  if (names === undefined) return 'bad-descriptor'
  const excluded = readFence(state)?.excludedLabels.map(asLabel) ?? []
  return names.some((name) => excluded.includes(asLabel(name))) ? 'excluded-label' : undefined
}

/**
 * As a fence writes labels: EHRs write `Sexual Health`, `sexual_health` and `sexual–health` for the same. Characters that
 * nobody sees, such as U+200B, are left out first, for they separate nothing. A label without any of `a-z 0-9` stays as it
 * is in small letters, so that two of them are not the same.
 */
export function asLabel(text: string): string {
  const plain = text
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toLowerCase()
  const label = plain.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')
  return label === '' ? plain : label
}
