/** From what a caller names to what this daemon has: chains by label or id, members by id or display name. */

import { ApiError, type MemberName } from '@wardline/api'
import { isHex32, type MemberId } from '@wardline/codec'
import { readMember } from '@wardline/ledger'
import type { Membership } from '../membership.ts'

/** The chain of that label or id, or the only one; undefined where the caller means none that is here. */
export function chainIfNamed(memberships: readonly Membership[], name: string | undefined): Membership | undefined {
  if (name === undefined) return memberships.length === 1 ? memberships[0] : undefined
  return memberships.find(({ label, chain }) => label === name || chain.id === name)
}

/** The chain that the caller means. @throws ApiError `not-found | invalid-params` */
export function chainNamed(memberships: readonly Membership[], name: string | undefined): Membership {
  const found = chainIfNamed(memberships, name)
  if (found !== undefined) return found
  if (memberships.length === 0) throw new ApiError('not-found', 'this daemon takes part in no chain')
  if (name !== undefined) throw new ApiError('not-found', 'this daemon takes part in no chain of that name')
  throw new ApiError('invalid-params', `name a chain: this daemon takes part in ${memberships.length}`)
}

/** @throws ApiError `not-found | ambiguous` */
export function memberNamed({ chain, names }: Membership, reference: string): MemberId {
  if (isHex32(reference)) {
    const id = reference as MemberId
    if (readMember(chain.state, id) !== undefined) return id
  }
  const members = [...names].filter(([, name]) => name === reference).map(([member]) => member)
  const [only, ...others] = members
  if (only === undefined) throw new ApiError('not-found', 'the chain has no member of that id or name')
  if (others.length > 0) throw new ApiError('ambiguous', 'several members have that name; give the id', { members })
  return only
}

export function nameOf({ names }: Membership, member: MemberId): MemberName {
  return { member, name: names.get(member) ?? null }
}
