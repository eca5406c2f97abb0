/** From what a caller names to what this daemon has: chains by label or id, members by id or display name. */

import { ApiError, type MemberName, type Role } from '@wardline/api'
import { assert, type ChainId, type Height, isHex32, type MemberId, type RecordId } from '@wardline/codec'
import { type Mode, readMember, readRecord, type StoredRecord } from '@wardline/ledger'
import type { Membership, Memberships } from '../membership.ts'
import type { RunningChain } from '../running-chain.ts'

/** The chain of that label or id, or the only one; undefined where the caller means none that is here, or one of several. */
export function chainIfNamed(memberships: Memberships, name: string | undefined): Membership | undefined {
  const members = memberships()
  if (name === undefined) return members.length === 1 ? members[0] : undefined
  return members.find(({ label, chain }) => label === name || chain.id === name)
}

/** The chain that the caller means. @throws ApiError `not-found | ambiguous` */
export function chainNamed(memberships: Memberships, name: string | undefined): Membership {
  const found = chainIfNamed(memberships, name)
  if (found !== undefined) return found
  if (name !== undefined) throw new ApiError('not-found', 'this daemon takes part in no chain of that name')
  return onlyOne(memberships(), 'this daemon takes part in no chain')
}

/**
 * The chain that the caller of a method for one mode means (or for several): the one named, or the only one of that mode.
 * @throws ApiError `not-found | ambiguous`, and `wrong-mode` where the one named has another mode
 */
export function chainOfMode(memberships: Memberships, name: string | undefined, ...modes: readonly Mode[]): Membership {
  const has = ({ chain }: Membership) => modes.includes(chain.genesis.mode)
  const kind = modes.join(' or ')
  if (name === undefined) return onlyOne(memberships().filter(has), `this daemon takes part in no ${kind} chain`)
  const named = chainNamed(memberships, name)
  if (has(named)) return named
  throw new ApiError('wrong-mode', `this needs a ${kind} chain, and ${named.label} is ${named.chain.genesis.mode}`)
}

/** With all that works on it, a chain that was looked up just now. */
export function runningOn(running: readonly RunningChain[], member: Membership): RunningChain {
  const one = running.find((other) => other.member === member)
  assert(one !== undefined, 'a chain that was looked up just now runs')
  return one
}

function onlyOne(members: readonly Membership[], none: string): Membership {
  const [only, ...others] = members
  if (only === undefined) throw new ApiError('not-found', none)
  if (others.length === 0) return only
  const chains = members.map(({ label }) => label)
  throw new ApiError('ambiguous', `name the chain, one of ${chains.join(', ')}`, { chains })
}

/** @throws ApiError `not-found | ambiguous` */
export function memberNamed(member: Membership, reference: string): MemberId {
  const members = membersNamed(member, reference)
  const [only, ...others] = members
  if (only === undefined) throw new ApiError('not-found', 'the chain has no member of that id or name')
  if (others.length > 0) throw new ApiError('ambiguous', 'several members have that name; give the id', { members })
  return only
}

/** The only member of that id or name, if there is one. */
export function memberIfNamed(member: Membership, reference: string): MemberId | undefined {
  const members = membersNamed(member, reference)
  return members.length === 1 ? members[0] : undefined
}

function membersNamed({ chain, names }: Membership, reference: string): readonly MemberId[] {
  if (isHex32(reference)) {
    const id = reference as MemberId
    if (readMember(chain.state, id) !== undefined) return [id]
  }
  return [...names].filter(([, name]) => name === reference).map(([member]) => member)
}

/** The chain as a caller of this role may know it: `read` gets no names of staff, not by asking for one either. */
export function seenBy(role: Role, member: Membership): Membership {
  return role === 'read' ? { ...member, names: member.publicNames } : member
}

export function nameOf({ names }: Membership, member: MemberId): MemberName {
  return { member, name: names.get(member) ?? null }
}

/** The record of a transmission that the rows show. The state has it a moment later, if its block is being written. */
export async function recordOf({ chain }: Membership, id: RecordId): Promise<StoredRecord> {
  const record = readRecord(chain.state, id) ?? (await chain.atRest(() => readRecord(chain.state, id)))
  assert(record !== undefined, 'a final transmission is of a record')
  return record
}

/**
 * What an answer says it is of: taken before anything is read, so that nothing is missing from it that was final at this
 * height. A block that is written meanwhile may show in it already.
 */
export function headOf({ chain }: Membership): { readonly chain: ChainId; readonly height: Height } {
  return { chain: chain.id, height: chain.head().height }
}
