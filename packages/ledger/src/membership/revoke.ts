/**
 * `member.revoke`: ends a membership, for good. By the registrar, or by a hospital for its own staff. Expelling a hospital
 * suspends its staff, who are found through their `hospital` and are not written to.
 */
import {
  assert,
  bytes32,
  type CborValue,
  encodeCbor,
  type MemberId,
  mapOf,
  nameBytes,
  type Read
} from '@wardline/codec'
import { type KindRules, MODES } from '../kind.ts'
import { readHosts, readRegistrar, readValidators } from '../parameters.ts'
import { stateKeys } from '../state-keys.ts'
import { readMember, writeMember } from './member.ts'

const read = mapOf({ member: bytes32<MemberId> })

export type RevokeBody = Read<typeof read>

export function encodeRevokeBody(body: RevokeBody): CborValue {
  return { member: nameBytes(body.member) }
}

export const revoke: KindRules<RevokeBody> = {
  modes: MODES,
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault: () => undefined,
  checks: () => [],
  judge({ state }, { author, body }) {
    const member = readMember(state, body.member)
    if (member === undefined) return 'unknown-member'
    const registrar = readRegistrar(state)
    if (author.member !== registrar && author.member !== member.hospital) return 'not-permitted'
    if (member.revoked !== null) return 'member-revoked'
    if (body.member === registrar) return 'is-registrar'
    return readValidators(state).members.includes(body.member) ? 'is-validator' : undefined
  },
  apply(state, { body }, position) {
    const member = readMember(state, body.member)
    assert(member !== undefined, 'an accepted revocation has a member')
    writeMember(state, body.member, { ...member, revoked: position.height })
    if (member.host === null) return
    state.set(stateKeys.host(member.host), null)
    state.set(stateKeys.hosts, encodeCbor(readHosts(state) - 1))
  }
}
