/** Members: who is registered, and changing that. */
import { type Api, ApiError } from '@wardline/api'
import { assert, type MemberId } from '@wardline/codec'
import {
  cardMember,
  currentKey,
  type Member,
  memberRange,
  parseCard,
  readMember,
  readValidators,
  STAFF_ROLES,
  verifyCard
} from '@wardline/ledger'
import { register, revoke, rotate } from '../author.ts'
import { type Membership, type Memberships, nextBlockMs, registeredSeals } from '../membership.ts'
import { refusal } from '../refusal.ts'
import { chainNamed, memberNamed, nameOf, seenBy } from './lookup.ts'
import { answerSubmission } from './submitted.ts'

type Methods = Pick<Api, 'member.list' | 'member.register' | 'member.revoke' | 'member.rotate' | 'member.veto'>

export function memberMethods(memberships: Memberships): Methods {
  return {
    async 'member.list'({ chain: name, after, limit }, { role: asker }) {
      const member = seenBy(asker, chainNamed(memberships, name))
      const { chain } = member
      const validators = new Set(readValidators(chain.state).members)
      const prefix = `state/${memberRange.from}`
      const range = {
        from: after === undefined ? prefix : `${prefix}${after}0`,
        to: `state/${memberRange.to}`
      }
      const rows: { readonly id: MemberId; readonly registered: Member }[] = []
      for await (const [key] of chain.store.range(range)) {
        const id = key.slice(prefix.length) as MemberId
        const registered = readMember(chain.state, id)
        // A row of a block that is being written; the state does not have it yet.
        if (registered !== undefined) rows.push({ id, registered })
        if (rows.length > limit) break
      }
      // Not before the last row was read: each has a key in force at the head that has it.
      const timeMs = Math.max(member.clock.nowMs(), chain.head().time)
      const page = rows.slice(0, limit)
      return {
        chain: chain.id,
        members: page.map(({ id, registered }) => {
          const { role, hospital, attributes, keys, seals, by, registered: sinceHeight, until } = registered
          const key = currentKey(keys, timeMs)
          assert(key !== undefined, 'a member has a key in force')
          return {
            ...nameOf(member, id),
            role,
            hospital,
            attributes: [...attributes],
            status: statusOf(member, registered, timeMs),
            validator: validators.has(id),
            keyIndex: key.index,
            key: key.key,
            sealKey: currentKey(seals, timeMs)?.key ?? null,
            by,
            sinceHeight,
            untilMs: until,
            nextKeysFromMs: nextKeysFrom(registered, timeMs)
          }
        }),
        next: rows.length > limit ? (page.at(-1)?.id ?? null) : null
      }
    },

    async 'member.register'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const { chain } = member
      const parsed = parseCard(params.card)
      const problems = parsed.kind === 'failed' ? parsed.problems : verifyCard(parsed.card)
      if (parsed.kind === 'failed' || problems.length > 0) {
        throw new ApiError(
          'invalid-params',
          `the card is not acceptable: ${problems.map(({ message }) => message).join(' ')}`
        )
      }
      const { card } = parsed
      const { registration } = card
      if (registration === null || registration.chain !== chain.id || registration.by !== chain.self) {
        const how = `wardline id export --chain ${member.label} --chain-id ${chain.id} --registered-by ${chain.self}`
        throw new ApiError('invalid-params', `the card was not made to be registered here; its owner runs "${how}"`)
      }
      const isHospital = params.role === 'hospital'
      if (isHospital !== (card.host !== null)) {
        // The proofs cover all keys of the card, so none can be left out.
        const which = isHospital
          ? 'has no network key, which a hospital needs'
          : 'has a network key, which only hospitals have'
        throw new ApiError('invalid-params', `the card ${which}`)
      }
      const grants = params.grants ?? { roles: [...STAFF_ROLES], attributes: null }
      const submission = await register(member, {
        role: params.role,
        sign: card.sign,
        seal: card.seal,
        host: card.host,
        hospital: params.staff ? chain.self : null,
        attributes: [...new Set(params.attributes)].sort(),
        grants: isHospital
          ? {
              roles: [...new Set(grants.roles)].sort(),
              attributes: grants.attributes === null ? null : [...new Set(grants.attributes)].sort()
            }
          : null,
        until: params.untilMs ?? null,
        proof: registration.sign,
        hostProof: registration.host
      })
      const registered = { member: cardMember(card) }
      return { ...(await answerSubmission(member, submission, params, signal, registered)), ...registered }
    },

    async 'member.revoke'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const revoked = memberNamed(member, params.member)
      const submission = await revoke(member, { member: revoked })
      return { ...(await answerSubmission(member, submission, params, signal)), member: revoked }
    },

    async 'member.rotate'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const { self } = member.chain
      const { key: sealKey, submission } = await member.ownSeals.renew({
        check: () => requireNoneWaits(member),
        announce: (seal) => rotate(member, { action: 'announce', member: self, sign: null, seal, proof: null })
      })
      const answer = await answerSubmission(member, submission, params, signal)
      const announced = registeredSeals(member).find(({ key }) => key === sealKey)
      return { ...answer, member: self, sealKey, fromMs: announced?.from ?? null }
    },

    async 'member.veto'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const of = params.member === undefined ? member.chain.self : memberNamed(member, params.member)
      const submission = await rotate(member, { action: 'veto', member: of })
      return { ...(await answerSubmission(member, submission, params, signal)), member: of }
    }
  }
}

/** @throws ApiError `rotation-pending` where an announcement waits to come into force, or for a block */
function requireNoneWaits(member: Membership): void {
  const { chain } = member
  const self = readMember(chain.state, chain.self)
  const timeMs = nextBlockMs(member)
  if (self !== undefined && nextKeysFrom(self, timeMs) !== null) throw refusal('rotation-pending')
  for (const waiting of chain.mempool()) {
    const isAnnounced = waiting.kind === 'member.rotate' && waiting.body.action === 'announce'
    if (isAnnounced && waiting.body.member === chain.self) throw refusal('rotation-pending')
  }
}

/** When keys that the member announced come into force; null where none waits. */
function nextKeysFrom({ keys, seals }: Member, timeMs: number): number | null {
  return [...keys, ...seals].find(({ from }) => from > timeMs)?.from ?? null
}

function statusOf(
  { chain }: Membership,
  member: Member,
  timeMs: number
): 'active' | 'suspended' | 'revoked' | 'expired' {
  if (member.revoked !== null) return 'revoked'
  if (member.until !== null && member.until <= timeMs) return 'expired'
  const hospital = member.hospital === null ? undefined : readMember(chain.state, member.hospital)
  return hospital !== undefined && hospital.revoked !== null ? 'suspended' : 'active'
}
