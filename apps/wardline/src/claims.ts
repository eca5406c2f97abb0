/** What is said of a receiver's claim that an envelope did not hold what its sender had committed to. */
import type { Result } from '@wardline/api'

export const CLAIMS: Readonly<Record<NonNullable<Result<'record.trace'>['edges'][number]['mismatch']>, string>> = {
  claimed: 'claimed; no content key was revealed',
  revealed: 'claimed with its content key; a hospital that has the envelope can check it',
  proven: 'proven; the envelope does not hold what was committed to',
  refuted: 'refuted; the envelope holds what was committed to',
  unproven: 'claimed; the envelope does not open under the revealed key'
}
