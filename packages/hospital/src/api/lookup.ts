/** From what a caller names to what this daemon has: chains by label or id, members by id or display name. */

import { ApiError, type MemberName } from '@wardline/api'
import { isHex32, type MemberId } from '@wardline/codec'
import { readMember } from '@wardline/ledger'
import type { Membership } from '../membership.ts'

/** The chain that the caller means. @throws ApiError `not-found | invalid-params` */
export function chainNamed(memberships: readonly Membership[], name: string | undefined): Membership {
  if (name === undefined) {
    const [only, ...others] = memberships
    if (only === undefined) throw new ApiError('not-found', 'this daemon takes part in no chain')
    if (others.length === 0) return only
    throw new ApiError('invalid-params', `name a chain: this daemon takes part in ${memberships.length}`)
  }
  const found = memberships.find(({ label, chain }) => label === name || chain.id === name)
  if (found === undefined) throw new ApiError('not-found', 'this daemon takes part in no chain of that name')
  return found
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
