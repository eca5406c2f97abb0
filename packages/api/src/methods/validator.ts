/** Methods on the validators of a chain, and on changing them. Drafts and approvals are files that hospitals exchange. */
import { limits } from '@wardline/codec'
import { z } from 'zod'
import { administrators, everybody, type Method, method } from '../method.ts'
import {
  actor,
  chain,
  chainId,
  count,
  heightNumber,
  memberName,
  memberRef,
  signKey,
  submitted,
  timeMs,
  timeoutMs,
  wait,
  withReceipt
} from '../schema.ts'
import { VALIDATOR_ACTIONS } from '../vocabulary.ts'

const draft = z.string().min(2).max(4096).describe('The text of a draft, as validator.propose gives it')

const tolerance = z.object({
  validators: count,
  quorum: count.describe('Votes that make a block final'),
  crashesTolerated: count.describe('Validators that may be away while blocks become final'),
  faultsTolerated: count.describe('Validators that may lie without a fork')
})

const reviewed = z.object({
  chain: chainId,
  action: z.enum(VALIDATOR_ACTIONS),
  ...memberName.shape,
  vote: signKey.nullable().describe('The key that it will vote with; null for a removal'),
  epoch: count.describe('The epoch whose validators approve'),
  expiresMs: timeMs.describe('When the approvals become void'),
  syncedHeight: heightNumber.nullable().describe('A final block that the holder of the key had; null for a removal'),
  fingerprint: z.string().describe('What hospitals read to each other to know that they approve the same'),
  before: tolerance,
  after: tolerance,
  problems: z
    .array(z.object({ code: z.string(), problem: z.string() }))
    .describe('What keeps this daemon from approving it; none if nothing does')
})

export const validatorMethods = {
  'validator.list': method({
    summary: 'Lists the validators of the present epoch, and says what they tolerate.',
    roles: everybody,
    params: z.strictObject({ chain }),
    result: z.object({
      chain: chainId,
      epoch: count,
      ...tolerance.shape,
      list: z.array(z.object({ ...memberName.shape, key: signKey, self: z.boolean() }))
    })
  }),
  'validator.propose': method({
    summary:
      'Drafts a change of the validators: that this hospital votes, that it votes with a new key, which is made and kept here, or that a member votes no more.',
    roles: administrators,
    audited: true,
    params: z.strictObject({
      chain,
      action: z.enum(VALIDATOR_ACTIONS),
      member: memberRef.describe('Whom it concerns; left out: this hospital, which alone can prove a key').optional(),
      expiresMs: timeMs.describe('When approvals become void; left out: in seven days').optional(),
      actor
    }),
    result: reviewed.extend({ draft: z.string().describe('The file for the other hospitals') }),
    errors: ['not-found', 'ambiguous', 'refused', 'unavailable']
  }),
  'validator.review': method({
    summary: 'Says what a draft would change, and what keeps this daemon from approving it.',
    roles: everybody,
    params: z.strictObject({ chain, draft }),
    result: reviewed
  }),
  'validator.approve': method({
    summary:
      'Approves a draft with the vote key of this hospital; only a validator can, and only if its daemon finds nothing against it.',
    roles: administrators,
    audited: true,
    params: z.strictObject({ chain, draft, actor }),
    result: reviewed.extend({ approval: z.string().describe('The file for who submits the change') }),
    errors: ['refused']
  }),
  'validator.submit': method({
    summary: 'Submits a change of the validators with the approvals of a quorum; its block ends the epoch.',
    roles: administrators,
    audited: true,
    params: z.strictObject({
      chain,
      draft,
      approvals: z.array(z.string().min(2).max(4096)).min(1).max(limits.validatorsMax),
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: submitted,
    errors: ['refused', 'timeout', 'unavailable']
  })
} as const satisfies Record<string, Method>
