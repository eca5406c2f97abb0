/** `dss.enrol`: a patient, by its alias, agrees to being on record in this alliance, until a time and on a basis. */
import { type CborValue, mapOf, oneOf, type Read, uint } from '@wardline/codec'
import { appendEntry } from '../entries.ts'
import type { AliasAuthor, KindRules } from '../kind.ts'
import { BASES, isOutOfOrder, writeEnrolment } from './enrolment.ts'

const read = mapOf({ until: uint, basis: oneOf(...BASES) })

/** `until`: block time at which the enrolment ends, milliseconds. */
export type EnrolBody = Read<typeof read>

export function encodeEnrolBody({ until, basis }: EnrolBody): CborValue {
  return { until, basis }
}

export const enrol: KindRules<EnrolBody, AliasAuthor> = {
  modes: ['DSS'],
  author: 'alias',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault: () => undefined,
  checks: () => [],
  judge({ state, timeMs }, { author: { alias }, created, body }) {
    if (body.until <= timeMs) return 'until-passed'
    return isOutOfOrder(state, alias, created) ? 'out-of-order' : undefined
  },
  apply(state, { chain, id, author: { alias }, sponsor, created, body }, { height, time }) {
    writeEnrolment(state, alias, { id, sponsor: sponsor.member, ...body, withdrawn: null, created, height, time })
    appendEntry(state, chain, alias, id)
  }
}
