/** What is said of a receiver's claim that an envelope did not hold what its sender had committed to. */
import type { Result } from '@wardline/api'

type Claim = NonNullable<Result<'record.trace'>['edges'][number]['mismatch']>

const CLAIMS: Readonly<Record<Claim, string>> = {
  claimed: 'claimed; no content key was revealed',
  revealed: 'claimed with its content key; a hospital that has the envelope can check it',
  proven: 'proven; the envelope does not hold what was committed to',
  refuted: 'refuted; the envelope holds what was committed to',
  unproven: 'claimed; the envelope does not open under the revealed key'
}

/** @param sent which of the sender's hand-offs, in words that end the clause: `as 9f3c…`, or a time */
export function claimLine(receiver: string, sender: string, sent: string, claim: Claim): string {
  return `${receiver} says of what ${sender} sent ${sent}: mismatch, ${CLAIMS[claim]}`
}
