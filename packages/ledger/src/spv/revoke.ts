/** `spv.revoke`: the patient takes a grant back, from the next decision on. Any hospital may sponsor it. */
import { assert, bytes32, type CborValue, mapOf, nameBytes, type Read, type TransactionId } from '@wardline/codec'
import { appendEntry } from '../entries.ts'
import type { AliasAuthor, KindRules } from '../kind.ts'
import { bucketOf, readBucket, readGrant, summaryOf, writeBucket, writeGrant } from './rows.ts'

const read = mapOf({ grant: bytes32<TransactionId> })

export type GrantRevokeBody = Read<typeof read>

export function encodeGrantRevokeBody({ grant }: GrantRevokeBody): CborValue {
  return { grant: nameBytes(grant) }
}

export const revokeGrant: KindRules<GrantRevokeBody, AliasAuthor> = {
  modes: ['SPV'],
  author: 'alias',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault: () => undefined,
  checks: () => [],
  judge({ state }, { author, body }) {
    const grant = readGrant(state, body.grant)
    if (grant === undefined) return 'unknown-grant'
    if (grant.alias !== author.alias) return 'not-own-grant'
    return grant.revoked === null ? undefined : 'already-revoked'
  },
  apply(state, { chain, id, author: { alias }, body }, { height, time }) {
    const grant = readGrant(state, body.grant)
    assert(grant !== undefined, 'an accepted revocation has a grant')
    const revoked = { ...grant, revoked: { id, height, time } }
    writeGrant(state, body.grant, revoked)
    const key = bucketOf(alias, grant.terms)
    const bucket = readBucket(state, key)
    // One that ended long ago may have left a full bucket.
    if (bucket.some((summary) => summary.id === body.grant)) {
      const changed = summaryOf(body.grant, revoked)
      writeBucket(
        state,
        key,
        bucket.map((summary) => (summary.id === body.grant ? changed : summary))
      )
    }
    appendEntry(state, chain, alias, id)
  }
}
