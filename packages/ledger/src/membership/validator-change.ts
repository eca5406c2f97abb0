/**
 * `validator.change`: one hospital gets a vote, loses it, or votes with another key. By anybody, with the approvals of a
 * quorum of the present validators. It is the last transaction of its block, which ends the epoch.
 *
 * A new key proves that its holder has it, over a block that was final for the holder's own daemon: whoever approves looks
 * whether that is a recent block of the chain, which no rule could without keeping every block in the state.
 */
import {
  assert,
  bytes32,
  bytesOf,
  type CborValue,
  type ChainId,
  type Digest,
  encodeCbor,
  epoch,
  type Height,
  integerFrom,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Reader,
  readHeight,
  type SignKey,
  taggedHash,
  uint,
  unreachable
} from '@wardline/codec'
import type { SignatureCheck, Validator } from '@wardline/consensus'
import { isUsableSignKey, type VoteSigner } from '@wardline/crypto'
import { type JudgeContext, type KindRules, MODES, type Subject } from '../kind.ts'
import { encodeValidators, readValidators } from '../parameters.ts'
import type { RefusalCode } from '../refusals.ts'
import { stateKeys } from '../state-keys.ts'
import { type Member, nullableBytes, readMember, writeMember } from './member.ts'
import { keyProofVote } from './statements.ts'
import {
  encodeVoteApprovals,
  judgeVoteApprovals,
  readVoteApprovals,
  type VoteApproval,
  type VoteApprovalTerms,
  validatorsIn,
  voteApprovalChecks
} from './validators.ts'

export const VALIDATOR_ACTIONS = ['add', 'remove', 'rotate'] as const
export type ValidatorAction = (typeof VALIDATOR_ACTIONS)[number]

/** What is approved. */
export type ValidatorChange = VoteApprovalTerms & {
  readonly action: ValidatorAction
  readonly member: MemberId
  /** The key that the member votes with from the next epoch on; null iff it is removed. */
  readonly vote: SignKey | null
  /** A final block that the holder of the new key has; null iff there is none. */
  readonly synced: { readonly height: Height; readonly digest: Digest } | null
}

export type ValidatorChangeBody = ValidatorChange & {
  /** The new key's signature over `possessionMessage`; null iff there is none. */
  readonly proof: Uint8Array | null
  /** Ascending by member, each once. */
  readonly approvals: readonly VoteApproval[]
}

const readShape = mapOf({
  action: oneOf(...VALIDATOR_ACTIONS),
  member: bytes32<MemberId>,
  vote: nullable(bytes32<SignKey>),
  epoch: integerFrom(0, Number.MAX_SAFE_INTEGER),
  expires: uint,
  synced: nullable(mapOf({ height: readHeight, digest: bytes32<Digest> })),
  proof: nullable(bytesOf(64)),
  approvals: readVoteApprovals
})

const read: Reader<ValidatorChangeBody> = (value) => {
  const body = readShape(value)
  if (body === undefined) return undefined
  const hasKey = body.action !== 'remove'
  const isWhole = [body.vote, body.synced, body.proof].every((part) => (part !== null) === hasKey)
  return isWhole ? body : undefined
}

export function encodeValidatorChangeBody(body: ValidatorChangeBody): CborValue {
  return { ...changeFields(body), proof: body.proof, approvals: encodeVoteApprovals(body.approvals) }
}

function changeFields({ action, member, vote, epoch, expires, synced }: ValidatorChange) {
  return {
    action,
    member: nameBytes(member),
    vote: nullableBytes(vote),
    epoch,
    expires,
    synced: synced && { height: synced.height, digest: nameBytes(synced.digest) }
  }
}

/** The name of a change on `chain`: what each approval is for. */
export function validatorChangeDigest(chain: ChainId, change: ValidatorChange): Digest {
  return taggedHash<Digest>(
    'wardline/validator-change/1',
    encodeCbor({ chain: nameBytes(chain), ...changeFields(change) })
  )
}

/** What the new key of a change signs: 85 bytes that are no vote. */
function possessionMessage(chain: ChainId, change: ValidatorChange): Uint8Array {
  return keyProofVote(encodeCbor({ use: 'validator', change: nameBytes(validatorChangeDigest(chain, change)) }))
}

/** The proof of a change by the holder of its new key. */
export function provePossession(chain: ChainId, change: ValidatorChange, signer: VoteSigner): Uint8Array {
  assert(signer.publicKey === change.vote, 'the new key proves itself')
  return signer.sign(possessionMessage(chain, change))
}

/** The check of the proof; undefined where there is no new key. */
export function possessionCheck(
  chain: ChainId,
  change: ValidatorChange,
  proof: Uint8Array | null
): SignatureCheck | undefined {
  if (change.vote === null || proof === null) return undefined
  return { key: change.vote, message: possessionMessage(chain, change), signature: proof }
}

/** The validators that a change leaves of `validators`, in no order. It has been found acceptable, or taken from a header. */
export function withChange(
  validators: readonly Validator[],
  { action, member, vote }: Pick<ValidatorChange, 'action' | 'member' | 'vote'>
): readonly Validator[] {
  const others = validators.filter((validator) => validator.member !== member)
  return action === 'remove' || vote === null ? others : [...others, { member, key: vote }]
}

function fault({ body }: Subject<ValidatorChangeBody>) {
  return body.vote === null || isUsableSignKey(body.vote) ? undefined : 'key-not-acceptable'
}

function checks({ chain, body }: Subject<ValidatorChangeBody>): readonly SignatureCheck[] {
  const approvals = voteApprovalChecks(chain, body, validatorChangeDigest(chain, body), body.approvals)
  const proof = possessionCheck(chain, body, body.proof)
  return proof === undefined ? approvals : [proof, ...approvals]
}

/** Why the validators of this state cannot be changed so, whoever approves. */
export function judgeChange(
  { state }: Pick<JudgeContext, 'state'>,
  { action, member: id, vote }: ValidatorChange
): RefusalCode | undefined {
  const member = readMember(state, id)
  if (member === undefined) return 'unknown-member'
  if (member.revoked !== null) return 'member-revoked'
  const { validators } = validatorsIn(state)
  const isValidator = validators.some((validator) => validator.member === id)
  const isKeyInUse = validators.some(({ key }) => key === vote)
  switch (action) {
    case 'add':
      if (isValidator) return 'already-validator'
      if (!isEligible(member)) return 'not-eligible'
      if (validators.length >= limits.validatorsMax) return 'too-many-validators'
      return isKeyInUse ? 'vote-key-in-use' : undefined
    case 'rotate':
      if (!isValidator) return 'member-not-validator'
      return isKeyInUse ? 'vote-key-in-use' : undefined
    case 'remove':
      if (!isValidator) return 'member-not-validator'
      return validators.length === 1 ? 'last-validator' : undefined
    default:
      return unreachable(action)
  }
}

/** One whose registration ends would be cut off from the others at that time, and count as one that has failed. */
function isEligible({ role, host, until }: Member): boolean {
  return role === 'hospital' && host !== null && until === null
}

export const validatorChange: KindRules<ValidatorChangeBody> = {
  modes: MODES,
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault,
  checks,
  judge: (context, { body }) =>
    judgeVoteApprovals(context.state, body, body.approvals, context.timeMs) ?? judgeChange(context, body),
  apply(state, { body }) {
    const member = readMember(state, body.member)
    assert(member !== undefined, 'an accepted change has a member')
    const validators = withChange(validatorsIn(state).validators, body)
    writeMember(state, body.member, { ...member, vote: body.vote })
    const members = validators.map((validator) => validator.member).sort()
    const next = epoch(readValidators(state).epoch + 1)
    state.set(stateKeys.validators, encodeValidators({ epoch: next, members }))
  }
}
