/** `dss.withdraw`: a patient, by its alias, ends its enrolment. What is on record stays there; `access.ts` says who still reads it. */
import { assert, type CborValue, mapOf, type Read } from '@wardline/codec'
import { appendEntry } from '../entries.ts'
import type { AliasAuthor, KindRules } from '../kind.ts'
import { enrolmentRefusal, isOutOfOrder, readEnrolment, writeEnrolment } from './enrolment.ts'

const read = mapOf({})

export type WithdrawBody = Read<typeof read>

export function encodeWithdrawBody(_body: WithdrawBody): CborValue {
  return {}
}

export const withdraw: KindRules<WithdrawBody, AliasAuthor> = {
  modes: ['DSS'],
  author: 'alias',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault: () => undefined,
  checks: () => [],
  judge: ({ state, timeMs }, { author: { alias }, created }) =>
    isOutOfOrder(state, alias, created) ? 'out-of-order' : enrolmentRefusal(state, alias, timeMs),
  apply(state, { chain, id, author: { alias }, created }) {
    const enrolment = readEnrolment(state, alias)
    assert(enrolment !== undefined, 'an accepted withdrawal has an enrolment')
    writeEnrolment(state, alias, { ...enrolment, withdrawn: id, created })
    appendEntry(state, chain, alias, id)
  }
}
