/** Methods on grants, and on the log of what was accessed. */
import { limits } from '@wardline/codec'
import { z } from 'zod'
import { everybody, type Method, method, writers } from '../method.ts'
import {
  actor,
  alias,
  chain,
  chainId,
  count,
  cursor,
  hash,
  heightNumber,
  isOnePatient,
  memberName,
  memberRef,
  ONE_PATIENT,
  pageLimit,
  patientOf,
  recordId,
  submitted,
  timeMs,
  timeoutMs,
  transactionId,
  wait,
  withReceipt
} from '../schema.ts'
import { ACCESS_KINDS, ACCESS_STATUSES, PURPOSES, STAFF_ROLES } from '../vocabulary.ts'

/** As `Expression` of the ledger, with members by reference. */
type ExpressionInput =
  | { attribute: string; authority: string }
  | { and: ExpressionInput[] }
  | { or: ExpressionInput[] }
  | { not: ExpressionInput }

const expression: z.ZodType<ExpressionInput, ExpressionInput> = z
  .lazy(() =>
    z.union([
      z.strictObject({ attribute: z.string().min(1).max(32), authority: memberRef }),
      z.strictObject({ and: z.array(expression).min(1).max(limits.expressionAtomsMax) }),
      z.strictObject({ or: z.array(expression).min(1).max(limits.expressionAtomsMax) }),
      z.strictObject({ not: expression })
    ])
  )
  .describe(`An attribute from an authority, or and, or, not of such; at most ${limits.expressionAtomsMax} attributes`)

function atomsOf(one: ExpressionInput): number {
  if ('attribute' in one) return 1
  if ('not' in one) return atomsOf(one.not)
  return ('and' in one ? one.and : one.or).reduce((sum, part) => sum + atomsOf(part), 0)
}

const grantee = z
  .union([
    z.strictObject({ member: memberRef }),
    z.strictObject({ role: z.enum(STAFF_ROLES), hospital: memberRef }),
    z.strictObject({ expression })
  ])
  .refine(
    (given) => !('expression' in given) || atomsOf(given.expression) <= limits.expressionAtomsMax,
    `must have at most ${limits.expressionAtomsMax} attributes`
  )
  .describe('One member itself, a role at a hospital, or whoever an expression over attributes fits')

const grantScope = z
  .union([
    z.strictObject({ kind: z.literal('all') }),
    z.strictObject({ kind: z.literal('records'), records: z.array(recordId).min(1).max(limits.accessRecordsMax) }),
    z.strictObject({ kind: z.literal('anchored'), fromMs: timeMs, toMs: timeMs })
  ])
  .describe('All records of the alias, these, or those anchored in a time')

const grantTerms = z.object({
  grantee,
  members: z.array(memberName).describe('Whom the grantee names, with their display names'),
  scope: grantScope,
  purposes: z.array(z.enum(PURPOSES)),
  fromMs: timeMs.describe('The grant is good from this block time on'),
  toMs: timeMs.describe('The grant is good before this block time')
})

/** Where the grants to one grantee lie, of all to an alias. */
const BUCKET = new RegExp(`^(?:m/[0-9a-f]{64}|r/[0-9a-f]{64}/(?:${STAFF_ROLES.join('|')})|x)$`)

const auditEntry = z.object({
  number: count.describe('From 1, without a gap'),
  hash: hash.describe('Links the entry to all before it'),
  kind: z.enum(ACCESS_KINDS),
  transaction: transactionId,
  hospital: memberName.describe('Who wrote it, or sponsored what the patient wrote'),
  timeMs,
  height: heightNumber,
  record: recordId.nullable().describe('What was anchored'),
  commitment: hash.nullable().describe('To its content'),
  grant: transactionId
    .nullable()
    .describe('The grant that was made, taken back, or covered the access by the chain’s own evaluation'),
  grantStatus: z.enum(['not-yet', 'active', 'expired', 'revoked']).nullable().describe('How it stands now'),
  terms: grantTerms
    .nullable()
    .describe('Of a grant that was made: to whom, for which records, for what and when; else null'),
  custodial: z
    .boolean()
    .nullable()
    .describe(
      'Of an alias that was opened, as that says: true, by a wallet that the hospital keeps; false, by the patient’s own'
    ),
  request: hash.nullable().describe('The signed request that the access answers'),
  accessor: memberName.nullable(),
  purpose: z.enum(PURPOSES).nullable(),
  records: z.array(recordId).nullable(),
  decision: z.enum(['permit', 'deny']).nullable(),
  status: z
    .enum(ACCESS_STATUSES)
    .nullable()
    .describe(
      'What the chain found of the decision: covered: permitted, and a grant covers it; late: as covered, and the entry came late; violation: permitted, and no grant covers it; denied. Whether records were taken it does not say'
    ),
  code: z.string().nullable().describe('Why it was denied, or what the grant lacked')
})

export const grantMethods = {
  'grant.create': method({
    summary:
      'Grants access to records of a patient, by the wallet that this hospital keeps. Called again after a broken connection it makes a second grant: first see in grant.list whether it is there, once nothing waits in the mempool (status).',
    roles: writers,
    modes: ['spv'],
    audited: true,
    params: z
      .strictObject({
        chain,
        ...patientOf,
        grantee,
        scope: grantScope.default({ kind: 'all' }),
        purposes: z.array(z.enum(PURPOSES)).min(1).max(PURPOSES.length),
        fromMs: timeMs.describe('By block time; left out: at once').optional(),
        toMs: timeMs.describe('By block time; left out: for thirty days').optional(),
        wait,
        timeoutMs,
        receipt: withReceipt,
        actor
      })
      .refine(isOnePatient, ONE_PATIENT),
    result: submitted.extend({ alias, grant: transactionId.describe('Names the grant: its transaction') }),
    errors: ['refused', 'not-found', 'ambiguous', 'timeout', 'unavailable', 'busy']
  }),
  'grant.revoke': method({
    summary: 'Takes a grant back, by the wallet that this hospital keeps for the patient who gave it.',
    roles: writers,
    modes: ['spv'],
    audited: true,
    params: z.strictObject({ chain, grant: transactionId, wait, timeoutMs, receipt: withReceipt, actor }),
    result: submitted.extend({ alias, grant: transactionId }),
    errors: ['refused', 'not-found', 'timeout', 'unavailable', 'busy']
  }),
  'grant.list': method({
    summary: 'Lists the grants of an alias, without those that ended long ago.',
    roles: everybody,
    modes: ['spv'],
    audited: true,
    params: z
      .strictObject({
        chain,
        ...patientOf,
        after: cursor(BUCKET),
        limit: pageLimit,
        actor
      })
      .refine(isOnePatient, ONE_PATIENT),
    result: z.object({
      chain: chainId,
      alias,
      grants: z
        .array(
          grantTerms.extend({
            grant: transactionId,
            sinceMs: timeMs.describe('Time of the block that made it'),
            sinceHeight: heightNumber,
            revoked: z.object({ id: transactionId, timeMs, height: heightNumber }).nullable(),
            status: z.enum(['active', 'not-yet', 'expired', 'revoked'])
          })
        )
        .describe('A page holds a few more than `limit` where one grantee has many'),
      next: z.string().nullable()
    }),
    errors: ['not-found', 'not-permitted', 'unavailable']
  }),
  'audit.patient': method({
    summary:
      'Lists everything that the chain knows of a patient, newest first: grants, and what was decided of every access, denied ones too; whether records were then taken is not on the chain.',
    roles: everybody,
    modes: ['spv'],
    audited: true,
    params: z
      .strictObject({
        chain,
        ...patientOf,
        before: z
          .string()
          .regex(/^[0-9]{1,15}$/, 'must be the `next` of an answer')
          .describe('Continue with the `next` of the last answer')
          .optional(),
        limit: pageLimit,
        actor
      })
      .refine(isOnePatient, ONE_PATIENT),
    result: z.object({
      chain: chainId,
      alias,
      height: heightNumber.describe('The head when this was read'),
      count: count.describe('Entries in all'),
      head: hash.nullable().describe('What links all entries; null while there is none'),
      entries: z.array(auditEntry),
      next: z.string().nullable().describe('Pass as `before` for the rest; null at the end')
    }),
    errors: ['not-found', 'not-permitted', 'unavailable']
  })
} as const satisfies Record<string, Method>
