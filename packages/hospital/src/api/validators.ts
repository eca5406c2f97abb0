/** Who votes, and changing that: drafts and approvals, which travel between hospitals as files. */
import { type Api, ApiError, type Result } from '@wardline/api'
import { type MemberId, unreachable } from '@wardline/codec'
import { approvalBytes, crashesTolerated, faultsTolerated, quorum, type ValidatorSet } from '@wardline/consensus'
import { createVoteSigner, type VoteSigner, verifySignature } from '@wardline/crypto'
import {
  type ChangeDraft,
  changeApprovalText,
  changeDraftText,
  changeFingerprint,
  judgeChange,
  type Problem,
  parseChangeApproval,
  parseChangeDraft,
  possessionCheck,
  provePossession,
  REFUSALS,
  type ValidatorChange,
  type VoteApproval,
  validatorChangeDigest,
  validatorsIn,
  withChange
} from '@wardline/ledger'
import { changeValidators } from '../author.ts'
import type { Membership, Memberships } from '../membership.ts'
import { refusal } from '../refusal.ts'
import { chainNamed, memberNamed, nameOf, seenBy } from './lookup.ts'
import { answerSubmission } from './submitted.ts'

type Methods = Pick<
  Api,
  'validator.list' | 'validator.propose' | 'validator.review' | 'validator.approve' | 'validator.submit'
>

const DAY_MS = 24 * 60 * 60 * 1000
/** How long approvals hold unless the drafter says otherwise: people carry them. */
const APPROVALS_MS = 7 * DAY_MS
/** The block over which a key proves itself was the newest final one of its holder at most this long ago, by block time. */
const SYNCED_AGE_MAX_MS = APPROVALS_MS

export function validatorMethods(memberships: Memberships): Methods {
  return {
    async 'validator.list'({ chain: name }, { role }) {
      const member = seenBy(role, chainNamed(memberships, name))
      const set = validatorsIn(member.chain.state)
      const list = set.validators.map(({ member: id, key }) => ({
        ...nameOf(member, id),
        key,
        self: id === member.chain.self
      }))
      return { chain: member.chain.id, epoch: set.epoch, ...toleranceOf(set.validators.length), list }
    },

    async 'validator.propose'({ chain: name, action, member: reference, expiresMs }) {
      const member = chainNamed(memberships, name)
      const { chain, clock } = member
      const of = reference === undefined ? chain.self : memberNamed(member, reference)
      const expires = expiresMs ?? clock.nowMs() + APPROVALS_MS
      const draft = await draftOf(member, action, of, expires)
      const problem = judgeChange(chain, draft.change)
      if (problem !== undefined) throw refusal(problem)
      return { ...reviewOf(member, draft), draft: changeDraftText(draft) }
    },

    async 'validator.review'({ chain: name, draft }, { role }) {
      const member = seenBy(role, chainNamed(memberships, name))
      return reviewOf(member, readDraft(draft))
    },

    async 'validator.approve'({ chain: name, draft: text }) {
      const member = chainNamed(memberships, name)
      const { chain } = member
      const draft = readDraft(text)
      const review = reviewOf(member, draft)
      const [problem] = review.problems
      if (problem !== undefined) throw new ApiError(problem.code, problem.problem)
      const signer = await votingKey(member)
      if (signer === undefined) throw refusal('not-a-validator')
      const digest = validatorChangeDigest(chain.id, draft.change)
      const { epoch } = validatorsIn(chain.state)
      const signature = signer.sign(approvalBytes(chain.id, epoch, digest))
      const approval = { member: chain.self, key: signer.publicKey, signature }
      return { ...review, approval: changeApprovalText({ chain: chain.id, digest, approval }) }
    },

    async 'validator.submit'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const { change, proof, chain } = readDraft(params.draft)
      if (chain !== member.chain.id) throw refusal('wrong-chain')
      const digest = validatorChangeDigest(chain, change)
      const approvals = params.approvals.map((text) => readApproval(text, digest))
      const byMember = new Map(approvals.map((approval) => [approval.member, approval]))
      const sorted = [...byMember.values()].sort((a, b) => (a.member < b.member ? -1 : 1))
      const submission = await changeValidators(member, { ...change, proof, approvals: sorted })
      return answerSubmission(member, submission, params, signal)
    }
  }
}

/** @throws ApiError `invalid-params` where a key is needed and the member is another hospital */
async function draftOf(
  member: Membership,
  action: ValidatorChange['action'],
  of: MemberId,
  expires: number
): Promise<ChangeDraft> {
  const { chain } = member
  const { epoch } = validatorsIn(chain.state)
  const terms = { action, member: of, epoch, expires }
  if (action === 'remove') return { chain: chain.id, change: { ...terms, vote: null, synced: null }, proof: null }
  if (of !== chain.self) {
    throw new ApiError(
      'invalid-params',
      'only the hospital that votes with a key can prove it: let it draft this itself'
    )
  }
  const signer = await newKey(member, action)
  const { height, digest } = chain.head()
  const change = { ...terms, vote: signer.publicKey, synced: { height, digest } }
  return { chain: chain.id, change, proof: provePossession(chain.id, change, signer) }
}

/** The newest vote key; for a rotation one that does not vote yet, made if need be. */
async function newKey(member: Membership, action: 'add' | 'rotate'): Promise<VoteSigner> {
  const newest = (await voteSigners(member)).at(-1)
  switch (action) {
    case 'add':
      if (newest !== undefined) return newest
      break
    case 'rotate': {
      const present = presentKey(member)
      if (newest !== undefined && newest.publicKey !== present) return newest
      break
    }
    default:
      unreachable(action)
  }
  return createVoteSigner(await member.voteKeys.make())
}

async function voteSigners({ voteKeys }: Membership): Promise<readonly VoteSigner[]> {
  return (await voteKeys.all()).map(createVoteSigner)
}

function presentKey({ chain }: Membership) {
  return validatorsIn(chain.state).validators.find(({ member }) => member === chain.self)?.key
}

/** The key with which this hospital votes in the present epoch. */
async function votingKey(member: Membership): Promise<VoteSigner | undefined> {
  const present = presentKey(member)
  return (await voteSigners(member)).find(({ publicKey }) => publicKey === present)
}

type Review = Result<'validator.review'>

function reviewOf(member: Membership, draft: ChangeDraft): Review {
  const { chain } = member
  const { change } = draft
  const before = validatorsIn(chain.state)
  const problems = draft.chain === chain.id ? problemsOf(member, draft, before) : [ofCode('wrong-chain')]
  return {
    chain: chain.id,
    action: change.action,
    ...nameOf(member, change.member),
    vote: change.vote,
    epoch: change.epoch,
    expiresMs: change.expires,
    syncedHeight: change.synced?.height ?? null,
    fingerprint: changeFingerprint(draft),
    before: toleranceOf(before.validators.length),
    after: toleranceOf(withChange(before.validators, change).length),
    problems: [...problems]
  }
}

type Found = Review['problems'][number]

/** What no rule of the chain looks at is looked at here, by every validator for itself: the block of the proof. */
function problemsOf({ chain, clock }: Membership, { change, proof }: ChangeDraft, set: ValidatorSet): readonly Found[] {
  const found: Found[] = []
  if (change.epoch < set.epoch) found.push(ofCode('epoch-ended'))
  if (change.epoch > set.epoch) found.push(ofCode('wrong-epoch'))
  if (change.expires <= Math.max(clock.nowMs(), chain.head().time)) found.push(ofCode('approvals-expired'))
  const refused = judgeChange(chain, change)
  if (refused !== undefined) found.push(ofCode(refused))
  const check = possessionCheck(chain.id, change, proof)
  if (check !== undefined && !verifySignature(check.key, check.message, check.signature)) {
    found.push(ofCode('bad-signature'))
  }
  const { synced } = change
  if (synced === null) return found
  const { height, digest } = synced
  const head = chain.head()
  const block = height === 0 ? undefined : chain.query.block(height)
  const known =
    height === 0
      ? { digest: chain.id as string, timeMs: chain.genesis.created }
      : block && { digest: block.digest as string, timeMs: block.header.time }
  if (known === undefined) {
    found.push({
      code: 'block-unknown',
      problem: `The key proves itself over block ${height}, and this daemon has ${head.height}: wait until it has caught up.`
    })
  } else if (known.digest !== digest) {
    found.push({
      code: 'other-block',
      problem: 'The key proves itself over a block that is not on this chain: its holder is not synced, or on a fork.'
    })
  } else if (head.time - known.timeMs > SYNCED_AGE_MAX_MS) {
    found.push({
      code: 'block-too-old',
      problem: 'The key proves itself over a block of more than seven days ago: let its holder draft the change again.'
    })
  }
  return found
}

function ofCode(code: keyof typeof REFUSALS): Found {
  return { code, problem: REFUSALS[code].sentence }
}

function readDraft(text: string): ChangeDraft {
  const parsed = parseChangeDraft(text)
  if (parsed.kind === 'ok') return parsed.draft
  throw unreadable('draft', parsed.problems)
}

function readApproval(text: string, digest: ReturnType<typeof validatorChangeDigest>): VoteApproval {
  const parsed = parseChangeApproval(text)
  if (parsed.kind === 'failed') throw unreadable('approval', parsed.problems)
  const { approval } = parsed
  if (approval.digest === digest) return approval.approval
  throw new ApiError('invalid-params', 'an approval is for another change than the draft')
}

function unreadable(what: string, problems: readonly Problem[]): ApiError {
  return new ApiError(
    'invalid-params',
    `the ${what} cannot be read: ${problems.map(({ message }) => message).join(' ')}`
  )
}

function toleranceOf(n: number): Review['before'] {
  return {
    validators: n,
    quorum: n === 0 ? 0 : quorum(n),
    crashesTolerated: n === 0 ? 0 : crashesTolerated(n),
    faultsTolerated: n === 0 ? 0 : faultsTolerated(n)
  }
}
