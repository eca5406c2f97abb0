/** `alias.open`: a patient, by a new alias, makes itself known to a hospital, which alone anchors records under it. */
import { bool, bytes32, type CborValue, type MemberId, mapOf, nameBytes, type Read } from '@wardline/codec'
import { appendEntry } from '../entries.ts'
import type { AliasAuthor, KindRules } from '../kind.ts'
import { readOpenedAlias, writeOpenedAlias } from './rows.ts'

const read = mapOf({ hospital: bytes32<MemberId>, custodial: bool })

/**
 * `hospital`: whose alias it becomes. It must be the sponsor: whoever saw what the wallet signed could sponsor it first.
 * `custodial`: the hospital keeps the wallet.
 */
export type OpenBody = Read<typeof read>

export function encodeOpenBody({ hospital, custodial }: OpenBody): CborValue {
  return { hospital: nameBytes(hospital), custodial }
}

export const open: KindRules<OpenBody, AliasAuthor> = {
  modes: ['SPV'],
  author: 'alias',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault: () => undefined,
  checks: () => [],
  judge({ state }, { author, sponsor, body }) {
    if (sponsor.member !== body.hospital) return 'wrong-sponsor'
    return readOpenedAlias(state, author.alias) === undefined ? undefined : 'alias-exists'
  },
  apply(state, { chain, id, author: { alias }, body }, { height, time }) {
    writeOpenedAlias(state, alias, { ...body, height, time })
    appendEntry(state, chain, alias, id)
  }
}
