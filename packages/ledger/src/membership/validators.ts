/** The validators as state: who they are, which keys they vote with, and what they approve together. */
import {
  arrayOf,
  assert,
  bytes32,
  bytesOf,
  type CborValue,
  type ChainId,
  type Digest,
  epoch,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  type Reader,
  type SignKey
} from '@wardline/codec'
import { approvalBytes, quorum, type SignatureCheck, type ValidatorSet, validatorSet } from '@wardline/consensus'
import type { StateView } from '../overlay.ts'
import { readValidators } from '../parameters.ts'
import type { RefusalCode } from '../refusals.ts'
import { isAscending, readMember } from './member.ts'

/** The set of the epoch that the next block belongs to. @throws AssertionError if the state is not that of a chain */
export function validatorsIn(state: StateView): ValidatorSet {
  const names = readValidators(state)
  return validatorSet(
    names.epoch,
    names.members.map((member) => ({ member, key: voteKeyOf(state, member) }))
  )
}

function voteKeyOf(state: StateView, member: MemberId): SignKey {
  const key = readMember(state, member)?.vote ?? null
  assert(key !== null, 'a validator has a vote key')
  return key
}

/** One validator's consent, by the key that it votes with. */
export type VoteApproval = {
  readonly member: MemberId
  readonly key: SignKey
  /** Over `approvalBytes` of the epoch and of the digest that names what is approved. */
  readonly signature: Uint8Array
}

/** What approvals are bound to, besides what they approve. */
export type VoteApprovalTerms = {
  /** The epoch whose validators approve. */
  readonly epoch: number
  /** Block time from which the approvals are void, milliseconds. */
  readonly expires: number
}

/** Approvals ascending by member, each once. */
export const readVoteApprovals: Reader<readonly VoteApproval[]> = (value) => {
  const list = readList(value)
  return list !== undefined && isAscending(list.map(({ member }) => member)) ? list : undefined
}

const readList = arrayOf(
  mapOf({ member: bytes32<MemberId>, key: bytes32<SignKey>, signature: bytesOf(64) }),
  1,
  limits.validatorsMax
)

export function encodeVoteApprovals(approvals: readonly VoteApproval[]): CborValue {
  return approvals.map(({ member, key, signature }) => ({ member: nameBytes(member), key: nameBytes(key), signature }))
}

/** The signatures of approvals of `digest`. */
export function voteApprovalChecks(
  chain: ChainId,
  terms: VoteApprovalTerms,
  digest: Digest,
  approvals: readonly VoteApproval[]
): readonly SignatureCheck[] {
  const message = approvalBytes(chain, epoch(terms.epoch), digest)
  return approvals.map(({ key, signature }) => ({ key, message, signature }))
}

/** Why these approvals, whose signatures hold, are not those of a quorum of the present validators. */
export function judgeVoteApprovals(
  state: StateView,
  terms: VoteApprovalTerms,
  approvals: readonly VoteApproval[],
  timeMs: number
): RefusalCode | undefined {
  const set = validatorsIn(state)
  if (terms.epoch < set.epoch) return 'epoch-ended'
  if (terms.epoch > set.epoch) return 'wrong-epoch'
  if (terms.expires <= timeMs) return 'approvals-expired'
  const keys = new Map(set.validators.map(({ member, key }) => [member, key]))
  for (const { member, key } of approvals) {
    if (!keys.has(member)) return 'not-a-validator'
    if (keys.get(member) !== key) return 'stale-approval-key'
  }
  return approvals.length < quorum(set.validators.length) ? 'too-few-approvals' : undefined
}
