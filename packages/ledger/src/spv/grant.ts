/**
 * `spv.grant`: a patient, by its alias, permits somebody to read records. The transaction's id is the grant's name. Terms
 * that nobody can ever meet (an expression that contradicts itself) are taken: they permit nothing.
 */
import { type Alias, limits } from '@wardline/codec'
import { appendEntry } from '../entries.ts'
import type { AliasAuthor, JudgeContext, KindRules, Subject } from '../kind.ts'
import { readMember } from '../membership/member.ts'
import type { StateView } from '../overlay.ts'
import type { RefusalCode } from '../refusals.ts'
import { authoritiesOf } from './expression.ts'
import {
  bucketOf,
  type GrantSummary,
  readAnchoredRecord,
  readBucket,
  readOpenedAlias,
  summaryOf,
  writeBucket,
  writeGrant
} from './rows.ts'
import { encodeTerms, type Grantee, type GrantTerms, readTerms, termsFault } from './terms.ts'

export type GrantBody = GrantTerms

/**
 * Grants that ended this long ago, by block time, make room in a full bucket. Nothing is decided so far back: an entry about
 * an older decision is late whatever it says.
 */
const ENDED_KEPT_MS = 48 * 60 * 60 * 1000

export const encodeGrantBody = encodeTerms

function judge({ state, timeMs }: JudgeContext, { author: { alias }, body }: Subject<GrantBody, AliasAuthor>) {
  if (readOpenedAlias(state, alias) === undefined) return 'unknown-alias'
  if (body.to <= timeMs) return 'grant-over'
  // What costs most comes last: a full bucket is known without looking at the records.
  const kept = stillKept(readBucket(state, bucketOf(alias, body)), timeMs)
  if (kept.length >= limits.grantsPerBucketMax) return 'too-many-grants'
  return granteeRefusal(state, body.grantee) ?? scopeRefusal(state, alias, body)
}

function granteeRefusal(state: StateView, grantee: Grantee): RefusalCode | undefined {
  if ('expression' in grantee) {
    for (const authority of authoritiesOf(grantee.expression)) {
      if (readMember(state, authority) === undefined) return 'unknown-grantee'
    }
    return undefined
  }
  const isKnown =
    'member' in grantee
      ? readMember(state, grantee.member) !== undefined
      : readMember(state, grantee.hospital)?.role === 'hospital'
  return isKnown ? undefined : 'unknown-grantee'
}

function scopeRefusal(state: StateView, alias: Alias, { scope }: GrantTerms): RefusalCode | undefined {
  if (scope.kind !== 'records') return undefined
  for (const record of scope.records) {
    const anchored = readAnchoredRecord(state, record)
    if (anchored === undefined) return 'unknown-record'
    if (anchored.alias !== alias) return 'alias-mismatch'
  }
  return undefined
}

/** A full bucket without the grants that ended long ago; another as it is. */
function stillKept(bucket: readonly GrantSummary[], timeMs: number): readonly GrantSummary[] {
  if (bucket.length < limits.grantsPerBucketMax) return bucket
  return bucket.filter(({ to, revoked }) => Math.min(to, revoked?.time ?? to) + ENDED_KEPT_MS > timeMs)
}

export const grant: KindRules<GrantBody, AliasAuthor> = {
  modes: ['SPV'],
  author: 'alias',
  read: readTerms,
  payload: 'none',
  lifetime: 'bounded',
  fault: ({ body }) => termsFault(body),
  checks: () => [],
  judge,
  apply(state, { chain, id, author: { alias }, body: terms }, { height, time }) {
    const row = { alias, terms, height, time, revoked: null }
    writeGrant(state, id, row)
    const key = bucketOf(alias, terms)
    writeBucket(state, key, [...stillKept(readBucket(state, key), time), summaryOf(id, row)])
    appendEntry(state, chain, alias, id)
  }
}
