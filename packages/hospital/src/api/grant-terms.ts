/** The terms of a grant as a caller gets them. */
import type { Params, Result } from '@wardline/api'
import { type MemberId, unreachable } from '@wardline/codec'
import { authoritiesOf, type Expression, type Grantee, type GrantTerms, type Scope } from '@wardline/ledger'
import type { Membership } from '../membership.ts'
import { nameOf } from './lookup.ts'

export type GranteeParam = Params<'grant.create'>['grantee']
export type ExpressionParam = Extract<GranteeParam, { readonly expression: unknown }>['expression']
export type ScopeParam = Params<'grant.create'>['scope']
type Row = NonNullable<Result<'audit.patient'>['entries'][number]['terms']>

export function termsRow(member: Membership, { grantee, scope, purposes, from, to }: GrantTerms): Row {
  return {
    grantee: 'expression' in grantee ? { expression: expressionRow(grantee.expression) } : grantee,
    members: membersIn(grantee).map((id) => nameOf(member, id)),
    scope: scopeRow(scope),
    purposes: [...purposes],
    fromMs: from,
    toMs: to
  }
}

function membersIn(grantee: Grantee): readonly MemberId[] {
  if ('member' in grantee) return [grantee.member]
  return 'role' in grantee ? [grantee.hospital] : [...authoritiesOf(grantee.expression)]
}

function expressionRow(expression: Expression): ExpressionParam {
  switch (expression.kind) {
    case 'attribute':
      return { attribute: expression.attribute, authority: expression.authority }
    case 'not':
      return { not: expressionRow(expression.of) }
    case 'and':
      return { and: expression.of.map(expressionRow) }
    case 'or':
      return { or: expression.of.map(expressionRow) }
    default:
      return unreachable(expression)
  }
}

function scopeRow(scope: Scope): ScopeParam {
  switch (scope.kind) {
    case 'all':
      return { kind: 'all' }
    case 'records':
      return { kind: 'records', records: [...scope.records] }
    case 'anchored':
      return { kind: 'anchored', fromMs: scope.from, toMs: scope.to }
    default:
      return unreachable(scope)
  }
}
