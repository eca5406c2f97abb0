/**
 * `member.rotate`: new keys for a member, in one of three ways.
 *
 * - `announce`, by the member itself: the new keys are in force once the genesis delay has passed, by block time.
 * - `veto`, by the member's old key or the registrar, before that: the announced keys never come into force. So a stolen
 *   key can be kept from replacing itself, for as long as its owner watches.
 * - `recover`, by anybody with the approvals of a quorum of validators: at once, and instead of anything announced.
 *
 * A key carries the block time from which it is in force, so nothing has to run when a delay ends.
 */
import {
  arrayOf,
  assert,
  bytes32,
  bytesOf,
  type CborValue,
  integerFrom,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Reader,
  type SealKey,
  type SignKey,
  uint,
  unreachable
} from '@wardline/codec'
import type { SignatureCheck } from '@wardline/consensus'
import { quorum } from '@wardline/consensus'
import { isAcceptableSealKey, isUsableSignKey, statementMessage } from '@wardline/crypto'
import { type JudgeContext, type KindRules, MODES, type Subject } from '../kind.ts'
import type { StateView } from '../overlay.ts'
import { readParameters, readRegistrar, readValidators } from '../parameters.ts'
import type { RefusalCode } from '../refusals.ts'
import {
  currentKey,
  type DatedKey,
  hasPendingKey,
  isAscending,
  type Member,
  nullableBytes,
  readMember,
  writeMember
} from './member.ts'
import { keyProofMessage, recoveryStatement, rotationStatement } from './statements.ts'

/** One validator's consent to a recovery. */
export type Approval = {
  readonly member: MemberId
  /** The member's current signing key. */
  readonly key: SignKey
  /** Its signature over `recoveryStatement`, under `wardline/approval/1`. */
  readonly signature: Uint8Array
}

export type AnnounceBody = {
  readonly action: 'announce'
  /** The author. */
  readonly member: MemberId
  /** The new signing key, or null to keep the present one. At least one of `sign` and `seal` is given. */
  readonly sign: SignKey | null
  readonly seal: SealKey | null
  /** The new signing key's signature over `rotationStatement`; null iff `sign` is. */
  readonly proof: Uint8Array | null
}

export type VetoBody = { readonly action: 'veto'; readonly member: MemberId }

export type RecoverBody = {
  readonly action: 'recover'
  readonly member: MemberId
  readonly sign: SignKey
  readonly seal: SealKey | null
  readonly proof: Uint8Array
  readonly epoch: number
  /** Block time from which the approvals are void, milliseconds. */
  readonly expires: number
  /** Ascending by member, each once. */
  readonly approvals: readonly Approval[]
}

export type RotateBody = AnnounceBody | VetoBody | RecoverBody

const readAnnounceShape = mapOf({
  action: oneOf('announce'),
  member: bytes32<MemberId>,
  sign: nullable(bytes32<SignKey>),
  seal: nullable(bytes32<SealKey>),
  proof: nullable(bytesOf(64))
})

const readAnnounce: Reader<AnnounceBody> = (value) => {
  const body = readAnnounceShape(value)
  if (body === undefined || (body.sign === null) !== (body.proof === null)) return undefined
  return body.sign === null && body.seal === null ? undefined : body
}

const readVeto: Reader<VetoBody> = mapOf({ action: oneOf('veto'), member: bytes32<MemberId> })

const readRecoverShape: Reader<RecoverBody> = mapOf({
  action: oneOf('recover'),
  member: bytes32<MemberId>,
  sign: bytes32<SignKey>,
  seal: nullable(bytes32<SealKey>),
  proof: bytesOf(64),
  epoch: integerFrom(0, Number.MAX_SAFE_INTEGER),
  expires: uint,
  approvals: arrayOf(
    mapOf({ member: bytes32<MemberId>, key: bytes32<SignKey>, signature: bytesOf(64) }),
    1,
    limits.cosignaturesMax
  )
})

const readRecover: Reader<RecoverBody> = (value) => {
  const body = readRecoverShape(value)
  return body !== undefined && isAscending(body.approvals.map(({ member }) => member)) ? body : undefined
}

const read: Reader<RotateBody> = (value) => readAnnounce(value) ?? readVeto(value) ?? readRecover(value)

export function encodeRotateBody(body: RotateBody): CborValue {
  const member = nameBytes(body.member)
  switch (body.action) {
    case 'announce': {
      const { action, proof } = body
      return { action, member, sign: nullableBytes(body.sign), seal: nullableBytes(body.seal), proof }
    }
    case 'veto':
      return { action: body.action, member }
    case 'recover': {
      const { action, proof, epoch, expires } = body
      const approvals = body.approvals.map((approval) => ({
        member: nameBytes(approval.member),
        key: nameBytes(approval.key),
        signature: approval.signature
      }))
      const keys = { sign: nameBytes(body.sign), seal: nullableBytes(body.seal) }
      return { action, member, ...keys, proof, epoch, expires, approvals }
    }
    default:
      return unreachable(body)
  }
}

function fault({ body }: Subject<RotateBody>) {
  if (body.action === 'veto') return undefined
  const acceptable =
    (body.seal === null || isAcceptableSealKey(body.seal)) && (body.sign === null || isUsableSignKey(body.sign))
  return acceptable ? undefined : 'key-not-acceptable'
}

function checks({ chain, body }: Subject<RotateBody>): readonly SignatureCheck[] {
  if (body.action === 'veto' || body.sign === null || body.proof === null) return []
  const proof = { key: body.sign, message: keyProofMessage(rotationStatement(chain, body)), signature: body.proof }
  if (body.action === 'announce') return [proof]
  const message = statementMessage('wardline/approval/1', recoveryStatement(chain, body, body))
  return [proof, ...body.approvals.map(({ key, signature }) => ({ key, message, signature }))]
}

function judge(context: JudgeContext, { author, body }: Subject<RotateBody>): RefusalCode | undefined {
  const { state, timeMs } = context
  const member = readMember(state, body.member)
  if (member === undefined) return 'unknown-member'
  if (member.revoked !== null) return 'member-revoked'
  switch (body.action) {
    case 'announce':
      if (author.member !== body.member) return 'not-permitted'
      return hasPendingKey(member, timeMs) ? 'rotation-pending' : judgeNewKeys(member, body)
    case 'veto':
      if (author.member !== body.member && author.member !== readRegistrar(state)) return 'not-permitted'
      return hasPendingKey(member, timeMs) ? undefined : 'no-rotation-pending'
    case 'recover':
      return judgeNewKeys(withoutPending(member, timeMs), body) ?? judgeApprovals(state, body, timeMs)
    default:
      return unreachable(body)
  }
}

function judgeNewKeys(member: Member, { sign, seal }: AnnounceBody | RecoverBody): RefusalCode | undefined {
  if (member.keys.some(({ key }) => key === sign) || member.seals.some(({ key }) => key === seal)) return 'key-in-use'
  const isFull = (keys: readonly unknown[]) => keys.length >= limits.memberKeysMax
  return (sign !== null && isFull(member.keys)) || (seal !== null && isFull(member.seals)) ? 'too-many-keys' : undefined
}

function judgeApprovals(state: StateView, body: RecoverBody, timeMs: number): RefusalCode | undefined {
  const validators = readValidators(state)
  if (body.epoch !== validators.epoch) return 'wrong-epoch'
  if (body.expires <= timeMs) return 'approvals-expired'
  for (const approval of body.approvals) {
    if (!validators.members.includes(approval.member)) return 'not-a-validator'
    const approver = readMember(state, approval.member)
    assert(approver !== undefined, 'a validator is a member')
    if (currentKey(approver.keys, timeMs)?.key !== approval.key) return 'stale-approval-key'
  }
  return body.approvals.length < quorum(validators.members.length) ? 'too-few-approvals' : undefined
}

/** The member as if what it announced, and what is not in force yet, had never been. */
function withoutPending(member: Member, timeMs: number): Member {
  const inForce = ({ from }: DatedKey<unknown>) => from <= timeMs
  return { ...member, keys: member.keys.filter(inForce), seals: member.seals.filter(inForce) }
}

function withKeys(member: Member, { sign, seal }: AnnounceBody | RecoverBody, from: number): Member {
  return {
    ...member,
    keys: sign === null ? member.keys : [...member.keys, { key: sign, from }],
    seals: seal === null ? member.seals : [...member.seals, { key: seal, from }]
  }
}

export const rotate: KindRules<RotateBody> = {
  modes: MODES,
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault,
  checks,
  judge,
  apply(state, { body }, { time }) {
    const member = readMember(state, body.member)
    assert(member !== undefined, 'an accepted rotation has a member')
    switch (body.action) {
      case 'announce':
        return writeMember(state, body.member, withKeys(member, body, time + readParameters(state).rotationDelayMs))
      case 'veto':
        return writeMember(state, body.member, withoutPending(member, time))
      case 'recover':
        return writeMember(state, body.member, withKeys(withoutPending(member, time), body, time))
      default:
        return unreachable(body)
    }
  }
}
