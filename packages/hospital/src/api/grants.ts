/** What a patient permits on an SPV chain: by the wallet that this hospital keeps for it. */
import { type Api, ApiError } from '@wardline/api'
import { assert, limits, type TransactionId, unreachable } from '@wardline/codec'
import {
  type Expression,
  GRANT_MS_BY_DEFAULT,
  type Grantee,
  type GrantTerms,
  grantsRange,
  readBucket,
  readGrant,
  type Scope
} from '@wardline/ledger'
import { grantStatus } from '@wardline/views'
import type { Membership, Memberships } from '../membership.ts'
import { refusal } from '../refusal.ts'
import { type ExpressionParam, type GranteeParam, type ScopeParam, termsRow } from './grant-terms.ts'
import { chainOfMode, memberNamed, seenBy } from './lookup.ts'
import { aliasNamed, say, walletNamed } from './patients.ts'

type Methods = Pick<Api, 'grant.create' | 'grant.revoke' | 'grant.list'>
type Row = Awaited<ReturnType<Api['grant.list']>>['grants'][number]

export function grantMethods(memberships: Memberships): Methods {
  return {
    async 'grant.create'(params, { signal }) {
      const member = chainOfMode(memberships, params.chain, 'SPV')
      const signer = await walletNamed(member, params)
      // From a block that is final already, so that a leader whose clock is behind makes no grant of the future.
      const { time } = member.chain.head()
      const body: GrantTerms = {
        grantee: granteeOf(member, params.grantee),
        scope: scopeOf(params.scope),
        purposes: [...new Set(params.purposes)].sort(),
        from: params.fromMs ?? time,
        to: params.toMs ?? Math.max(member.clock.nowMs(), time) + GRANT_MS_BY_DEFAULT,
        mayDelegate: false
      }
      const answer = await say(member, signer, { kind: 'spv.grant', body }, params, signal)
      return { ...answer, grant: answer.id }
    },

    async 'grant.revoke'(params, { signal }) {
      const member = chainOfMode(memberships, params.chain, 'SPV')
      const grant = readGrant(member.chain.state, params.grant)
      if (grant === undefined) throw refusal('unknown-grant')
      const signer = await walletNamed(member, grant)
      const body = { grant: params.grant }
      return { ...(await say(member, signer, { kind: 'spv.revoke', body }, params, signal, body)), ...body }
    },

    async 'grant.list'({ chain: name, after, limit, ...who }, { role }) {
      const member = seenBy(role, chainOfMode(memberships, name, 'SPV'))
      const { chain, clock } = member
      const alias = await aliasNamed(member, who, role)
      const range = grantsRange(alias)
      const timeMs = Math.max(clock.nowMs(), chain.head().time)
      const from = after === undefined ? `state/${range.from}` : `state/${range.from}${after}0`
      const grants: Row[] = []
      let next: string | null = null
      for await (const [key] of chain.store.range({ from, to: `state/${range.to}` })) {
        const bucket = key.slice('state/'.length)
        for (const { id } of readBucket(chain.state, bucket)) grants.push(rowOf(member, id, timeMs))
        if (grants.length < limit) continue
        next = bucket.slice(range.from.length)
        break
      }
      return { chain: chain.id, alias, grants, next }
    }
  }
}

function granteeOf(member: Membership, grantee: GranteeParam): Grantee {
  if ('member' in grantee) return { member: memberNamed(member, grantee.member) }
  if ('role' in grantee) return { role: grantee.role, hospital: memberNamed(member, grantee.hospital) }
  return { expression: expressionOf(member, grantee.expression, limits.expressionDepthMax) }
}

function expressionOf(member: Membership, expression: ExpressionParam, levels: number): Expression {
  if (levels === 0)
    throw new ApiError('invalid-params', `an expression has at most ${limits.expressionDepthMax} levels`)
  const inner = (part: ExpressionParam) => expressionOf(member, part, levels - 1)
  if ('attribute' in expression) {
    const { attribute, authority } = expression
    return { kind: 'attribute', attribute, authority: memberNamed(member, authority) }
  }
  if ('not' in expression) return { kind: 'not', of: inner(expression.not) }
  if ('and' in expression) return { kind: 'and', of: expression.and.map(inner) }
  return { kind: 'or', of: expression.or.map(inner) }
}

function scopeOf(scope: ScopeParam): Scope {
  switch (scope.kind) {
    case 'all':
      return scope
    case 'records':
      return { kind: 'records', records: [...new Set(scope.records)].sort() }
    case 'anchored':
      return { kind: 'anchored', from: scope.fromMs, to: scope.toMs }
    default:
      return unreachable(scope)
  }
}

function rowOf(member: Membership, id: TransactionId, timeMs: number): Row {
  const grant = readGrant(member.chain.state, id)
  assert(grant !== undefined, 'a grant in a bucket has a row')
  const { terms, height, time, revoked } = grant
  return {
    grant: id,
    ...termsRow(member, terms),
    sinceMs: time,
    sinceHeight: height,
    revoked: revoked && { id: revoked.id, timeMs: revoked.time, height: revoked.height },
    status: grantStatus(grant, timeMs)
  }
}
