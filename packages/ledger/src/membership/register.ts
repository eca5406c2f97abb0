/**
 * `member.register`: a new member, by the registrar, or by a hospital for its own staff within what its own registration
 * lets it confer. Names travel in cards, off the chain.
 */
import {
  bytes32,
  bytesOf,
  type CborValue,
  encodeCbor,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Reader,
  type SealKey,
  type SignKey,
  uint
} from '@wardline/codec'
import type { SignatureCheck } from '@wardline/consensus'
import { isAcceptableSealKey, isUsableSignKey } from '@wardline/crypto'
import { type JudgeContext, type KindRules, MODES, type Subject } from '../kind.ts'
import { readHosts, readMode, readRegistrar } from '../parameters.ts'
import type { RefusalCode } from '../refusals.ts'
import { stateKeys } from '../state-keys.ts'
import {
  type Grants,
  type Member,
  memberIdOf,
  nullableBytes,
  ROLES,
  type Role,
  readAttributes,
  readGrants,
  STAFF_ROLES,
  type StaffRole,
  writeMember
} from './member.ts'
import { keyProofMessage, registrationStatement } from './statements.ts'

export type RegisterBody = {
  readonly role: Exclude<Role, 'registrar'>
  readonly sign: SignKey
  readonly seal: SealKey | null
  /** The libp2p key; hospitals have one, and only they. */
  readonly host: SignKey | null
  /** The author's own memberId, which makes the new member its staff; null when the registrar registers. */
  readonly hospital: MemberId | null
  /** Codes, ascending, each once. */
  readonly attributes: readonly string[]
  /** What a hospital may confer on its staff; null for all others. */
  readonly grants: Grants | null
  /** Block time at which the registration ends, milliseconds; null for no end. */
  readonly until: number | null
  /** The `sign` key's signature over `registrationStatement`. */
  readonly proof: Uint8Array
  /** The `host` key's signature over the same; null without a host key. */
  readonly hostProof: Uint8Array | null
}

const readShape = mapOf({
  role: oneOf(...ROLES),
  sign: bytes32<SignKey>,
  seal: nullable(bytes32<SealKey>),
  host: nullable(bytes32<SignKey>),
  hospital: nullable(bytes32<MemberId>),
  attributes: readAttributes,
  grants: nullable(readGrants),
  until: nullable(uint),
  proof: bytesOf(64),
  hostProof: nullable(bytesOf(64))
})

const read: Reader<RegisterBody> = (value) => {
  const body = readShape(value)
  if (body === undefined || body.role === 'registrar') return undefined
  const isHospital = body.role === 'hospital'
  if (isHospital !== (body.host !== null) || isHospital !== (body.grants !== null)) return undefined
  if (isHospital !== (body.hostProof !== null) || (isHospital && body.seal === null)) return undefined
  return { ...body, role: body.role }
}

export function encodeRegisterBody(body: RegisterBody): CborValue {
  return {
    role: body.role,
    sign: nameBytes(body.sign),
    seal: nullableBytes(body.seal),
    host: nullableBytes(body.host),
    hospital: nullableBytes(body.hospital),
    attributes: body.attributes,
    grants: body.grants,
    until: body.until,
    proof: body.proof,
    hostProof: body.hostProof
  }
}

function fault({ body }: Subject<RegisterBody>) {
  const acceptable =
    (body.seal === null || isAcceptableSealKey(body.seal)) &&
    (body.host === null || isUsableSignKey(body.host)) &&
    isUsableSignKey(body.sign)
  return acceptable ? undefined : 'key-not-acceptable'
}

function checks({ chain, author, body }: Subject<RegisterBody>): readonly SignatureCheck[] {
  const message = keyProofMessage(registrationStatement(chain, author.member, body))
  const proof = { key: body.sign, message, signature: body.proof }
  if (body.host === null || body.hostProof === null) return [proof]
  return [proof, { key: body.host, message, signature: body.hostProof }]
}

function judge(context: JudgeContext, { author, body }: Subject<RegisterBody>): RefusalCode | undefined {
  const { state, timeMs } = context
  if (body.until !== null && body.until <= timeMs) return 'until-passed'
  const refusal =
    body.hospital === null
      ? author.member === readRegistrar(state)
        ? undefined
        : 'not-registrar'
      : judgeStaff(context.author, author.member, body)
  if (refusal !== undefined) return refusal
  // Every record of the alliance would be this hospital's too, which is not for the registrar alone to say.
  if (body.role === 'hospital' && readMode(state) === 'DSS') return 'approvals-required'
  if (state.get(stateKeys.member(memberIdOf(body.sign))) !== undefined) return 'member-exists'
  if (body.host === null) return undefined
  if (state.get(stateKeys.host(body.host)) !== undefined) return 'host-in-use'
  return readHosts(state) < limits.peersMax ? undefined : 'too-many-hosts'
}

/** A hospital confers no more than it was given, and for no longer. */
function judgeStaff(hospital: Member, id: MemberId, body: RegisterBody): RefusalCode | undefined {
  if (body.hospital !== id || hospital.role !== 'hospital') return 'not-own-hospital'
  const { grants, until } = hospital
  if (grants === null || !isStaffRole(body.role) || !grants.roles.includes(body.role)) return 'out-of-scope'
  if (!body.attributes.every((attribute) => grants.attributes?.includes(attribute) ?? true)) return 'out-of-scope'
  return until === null || (body.until !== null && body.until <= until) ? undefined : 'out-of-scope'
}

function isStaffRole(role: Role): role is StaffRole {
  return (STAFF_ROLES as readonly Role[]).includes(role)
}

export const register: KindRules<RegisterBody> = {
  modes: MODES,
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault,
  checks,
  judge,
  apply(state, { author, body }, position) {
    const id = memberIdOf(body.sign)
    writeMember(state, id, {
      registered: position.height,
      by: author.member,
      role: body.role,
      keys: [{ key: body.sign, from: position.time }],
      seals: body.seal === null ? [] : [{ key: body.seal, from: position.time }],
      host: body.host,
      vote: null,
      hospital: body.hospital,
      attributes: body.attributes,
      grants: body.grants,
      until: body.until,
      revoked: null
    })
    if (body.host === null) return
    state.set(stateKeys.host(body.host), encodeCbor(nameBytes(id)))
    state.set(stateKeys.hosts, encodeCbor(readHosts(state) + 1))
  }
}
