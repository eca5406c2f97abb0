/** What a caller hears of a transaction that it caused. */
import { ApiError, type Submitted } from '@wardline/api'
import { type Height, type TransactionId, unreachable } from '@wardline/codec'
import type { Outcome, Submission } from '@wardline/node'
import { type About, about } from '../about.ts'
import { hasLeft } from '../deadline.ts'
import type { Membership } from '../membership.ts'
import { refusal } from '../refusal.ts'

export type WaitParams = { readonly wait: 'accepted' | 'final'; readonly timeoutMs: number; readonly receipt: boolean }

/**
 * Turns a submission into the answer, after waiting as the caller asked.
 * @param ids what the transaction is about
 * @throws ApiError with the refusal's code, `busy`, `unavailable`, or `timeout`; its data has the chain, `ids`, and the id of
 *   what stays accepted
 */
export function answerSubmission(
  member: Membership,
  submission: Submission,
  params: WaitParams,
  signal: AbortSignal | undefined,
  ids: About = {}
): Promise<Submitted> {
  const known = submission.kind === 'refused' ? ids : { id: submission.id, ...ids }
  return about({ chain: member.chain.id, ...known }, () => answerOf(member, submission, params, signal))
}

async function answerOf(
  member: Membership,
  submission: Submission,
  { wait, timeoutMs, receipt }: WaitParams,
  signal: AbortSignal | undefined
): Promise<Submitted> {
  switch (submission.kind) {
    case 'refused':
      throw refusal(submission.code)
    case 'ended':
      return ended(member, submission.id, submission.outcome, receipt)
    case 'accepted': {
      const { id } = submission
      if (wait === 'accepted') {
        const code = member.chain.pending(id)?.code ?? null
        return { chain: member.chain.id, id, state: 'accepted', code, height: null }
      }
      const outcome = await member.chain.outcome(id, timeoutMs, endOfWaiting(member, signal))
      if (outcome === undefined && member.left.aborted) throw hasLeft()
      if (outcome === undefined) throw new ApiError('timeout', 'the transaction is accepted and not final yet')
      return ended(member, id, outcome, receipt)
    }
    default:
      return unreachable(submission)
  }
}

/** Aborted when the caller is gone, or this hospital from the chain. */
function endOfWaiting({ left }: Membership, signal: AbortSignal | undefined): AbortSignal {
  return signal === undefined ? left : AbortSignal.any([signal, left])
}

/** @throws ApiError `not-found` if the receipt cannot be made yet */
export async function receiptOf(member: Membership, id: TransactionId, anchor?: Height): Promise<string | undefined> {
  try {
    return await member.chain.query.receipt(id, anchor)
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError('not-found', error.message, undefined, { cause: error })
    throw error
  }
}

async function ended(member: Membership, id: TransactionId, outcome: Outcome, receipt: boolean): Promise<Submitted> {
  const base = { chain: member.chain.id, id }
  switch (outcome.kind) {
    case 'committed': {
      const proof = receipt ? await receiptOf(member, id) : undefined
      const answer = { ...base, state: 'committed', code: null, height: outcome.height } as const
      return proof === undefined ? answer : { ...answer, receipt: proof }
    }
    case 'expired':
      return { ...base, state: 'expired', code: 'expired', height: null }
    case 'refused':
      return { ...base, state: 'refused', code: outcome.code, height: null }
    default:
      return unreachable(outcome)
  }
}
