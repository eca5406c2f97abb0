/** Methods on members and on the staff whose keys this hospital keeps. */
import { limits } from '@wardline/codec'
import { z } from 'zod'
import { administrators, everybody, type Method, method } from '../method.ts'
import {
  actor,
  chain,
  chainId,
  count,
  heightNumber,
  memberId,
  memberName,
  memberRef,
  pageLimit,
  sealKey,
  signKey,
  submitted,
  timeMs,
  timeoutMs,
  wait,
  wellFormed,
  withReceipt
} from '../schema.ts'
import { MEMBER_ROLES, STAFF_ROLES } from '../vocabulary.ts'

export const memberMethods = {
  'member.list': method({
    summary: 'Lists the members of a chain, revoked ones included.',
    roles: everybody,
    params: z.strictObject({
      chain,
      after: memberId.describe('Continue after this member').optional(),
      limit: pageLimit
    }),
    result: z.object({
      chain: chainId,
      members: z.array(
        z.object({
          ...memberName.shape,
          role: z.enum(['registrar', ...MEMBER_ROLES]),
          hospital: memberId.nullable().describe('The hospital whose staff this is'),
          attributes: z.array(z.string()),
          status: z.enum(['active', 'suspended', 'revoked', 'expired']),
          validator: z.boolean(),
          keyIndex: count,
          key: signKey,
          sealKey: sealKey.nullable(),
          by: memberId.nullable().describe('Who registered it; null for founders'),
          sinceHeight: heightNumber,
          untilMs: timeMs.nullable(),
          nextKeysFromMs: timeMs
            .nullable()
            .describe(
              'From when keys that it announced replace those it has, by block time; a veto before that stops it'
            )
        })
      ),
      next: memberId.nullable().describe('Pass as `after` for the rest; null at the end')
    })
  }),
  'member.register': method({
    summary: 'Registers a member from its card, with roles; only a registrar, or a hospital for its own staff.',
    roles: administrators,
    audited: true,
    params: z.strictObject({
      chain,
      card: z.string().min(2).max(16_384).describe("The text of the member's card file, made for this chain's id"),
      role: z.enum(MEMBER_ROLES),
      staff: z.boolean().default(false).describe('Register as staff of this hospital rather than as the registrar'),
      attributes: z.array(z.string().min(1).max(64)).max(limits.attributesMax).default([]),
      grants: z
        .strictObject({
          roles: z.array(z.enum(STAFF_ROLES)),
          attributes: z.array(z.string().min(1).max(64)).max(limits.attributesMax).nullable().describe('null: any')
        })
        .describe('What a new hospital may give its staff; left out: any role and attribute')
        .optional(),
      untilMs: timeMs.describe('End of the registration; left out: none').optional(),
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: submitted.extend({ member: memberId }),
    errors: ['refused', 'timeout', 'unavailable']
  }),
  'member.revoke': method({
    summary: 'Ends a membership; a hospital’s staff is suspended with it.',
    roles: administrators,
    audited: true,
    params: z.strictObject({
      chain,
      member: memberRef,
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: submitted.extend({ member: memberId }),
    errors: ['refused', 'not-found', 'ambiguous', 'timeout', 'unavailable']
  }),
  'member.rotate': method({
    summary:
      'Makes a new sealing key of this hospital, keeps it with the earlier ones, and announces it on the chain; it is in force once the genesis delay has passed.',
    roles: administrators,
    audited: true,
    params: z.strictObject({ chain, wait, timeoutMs, receipt: withReceipt, actor }),
    result: submitted.extend({
      member: memberId,
      sealKey,
      fromMs: timeMs
        .nullable()
        .describe('From when others seal to it, by block time; null until the announcement is final')
    }),
    errors: ['refused', 'timeout', 'unavailable']
  }),
  'member.veto': method({
    summary:
      'Takes back keys that a member announced, before they are in force; by the member itself or the registrar.',
    roles: administrators,
    audited: true,
    params: z.strictObject({
      chain,
      member: memberRef.describe('Whose; left out: this hospital’s own').optional(),
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: submitted.extend({ member: memberId }),
    errors: ['refused', 'not-found', 'ambiguous', 'timeout', 'unavailable']
  }),
  'person.create': method({
    summary: 'Makes the keys of a member of staff, keeps them in this hospital, and registers the person on the chain.',
    roles: administrators,
    audited: true,
    params: z.strictObject({
      chain,
      name: wellFormed(256).describe('Display name on this daemon; it never reaches the chain'),
      role: z.enum(STAFF_ROLES),
      attributes: z.array(z.string().min(1).max(64)).max(limits.attributesMax).default([]),
      reference: wellFormed(128)
        .describe('What the hospital’s own systems call the person; the same again answers the same member')
        .optional(),
      untilMs: timeMs.describe('End of the registration; left out: none').optional(),
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: submitted.extend({ member: memberId, name: z.string() }),
    errors: ['refused', 'timeout', 'unavailable', 'busy']
  })
} as const satisfies Record<string, Method>
