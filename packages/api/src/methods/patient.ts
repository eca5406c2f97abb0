/** Methods on patients: their aliases, enrolments and timelines. */
import { z } from 'zod'
import { everybody, type Method, method, writers } from '../method.ts'
import {
  actor,
  alias,
  chain,
  chainId,
  count,
  hash,
  heightNumber,
  isOnePatient,
  memberName,
  memberRef,
  ONE_PATIENT,
  pageLimit,
  patient,
  recordId,
  submitted,
  timeMs,
  timeoutMs,
  transactionId,
  wait,
  withReceipt
} from '../schema.ts'
import { BASES, PURPOSES, TIMELINE_KINDS } from '../vocabulary.ts'

const timelineEntry = z.object({
  number: count.describe('From 1, without a gap'),
  hash: hash.describe('Links the entry to all before it'),
  kind: z.enum(TIMELINE_KINDS),
  transaction: transactionId,
  hospital: memberName.describe('Who wrote it, or sponsored what the patient wrote'),
  timeMs,
  height: heightNumber,
  record: recordId.nullable().describe('Null where the entry writes no version of a record'),
  version: count.nullable(),
  isLatest: z.boolean().describe('Whether it is the newest version of its record'),
  supersedes: transactionId.nullable(),
  commitment: hash.nullable().describe('To the content'),
  doctors: z.array(z.object({ ...memberName.shape, role: z.enum(['doctor', 'nurse']) })),
  concurrent: z.boolean().describe('Its authors had not seen the newest record before it'),
  sizeBytes: count.nullable().describe('Of the payload'),
  payloadHere: z.boolean().nullable(),
  reads: z
    .array(z.object({ record: recordId, transaction: transactionId }))
    .nullable()
    .describe('The versions that were read, by the transactions that wrote them; null where the entry is no look'),
  reader: memberName.nullable(),
  purpose: z.enum(PURPOSES).nullable(),
  basis: z.enum(BASES).nullable().describe('Of an enrolment'),
  untilMs: timeMs.nullable().describe('Of an enrolment')
})

export const patientMethods = {
  'alias.open': method({
    summary:
      'Makes a wallet for a patient of this hospital, once, and opens its alias on the chain where that is needed.',
    roles: writers,
    modes: ['dss', 'spv'],
    audited: true,
    params: z.strictObject({ chain, patient, wait, timeoutMs, receipt: withReceipt, actor }),
    result: z.object({
      chain: chainId,
      alias,
      opening: submitted
        .nullable()
        .describe('The transaction that opened it; null on a DSS chain, where none is needed')
    }),
    errors: ['refused', 'timeout', 'unavailable', 'busy']
  }),
  'alias.find': method({
    summary: 'Gives the alias of a patient for whom this hospital has a wallet.',
    roles: writers,
    modes: ['dss', 'spv'],
    audited: true,
    params: z.strictObject({ chain, patient, actor }),
    result: z.object({ chain: chainId, alias }),
    errors: ['not-found', 'unavailable']
  }),
  'patient.enrol': method({
    summary: 'Enrols a patient, by the wallet that this hospital keeps, in the alliance of a DSS chain.',
    roles: writers,
    modes: ['dss'],
    audited: true,
    params: z.strictObject({
      chain,
      patient,
      untilMs: timeMs.describe('End of the enrolment; left out: in a year').optional(),
      basis: z.enum(BASES).default('consent').describe('On what ground the records are shared'),
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: submitted.extend({ alias }),
    errors: ['refused', 'not-found', 'timeout', 'unavailable', 'busy']
  }),
  'patient.withdraw': method({
    summary: 'Ends the enrolment of a patient, by the wallet that this hospital keeps.',
    roles: writers,
    modes: ['dss'],
    audited: true,
    params: z.strictObject({ chain, patient, wait, timeoutMs, receipt: withReceipt, actor }),
    result: submitted.extend({ alias }),
    errors: ['refused', 'not-found', 'timeout', 'unavailable', 'busy']
  }),
  'patient.timeline': method({
    summary: 'Lists what an alliance knows of a patient, newest first: every entry of its chain, without content.',
    roles: everybody,
    modes: ['dss'],
    audited: true,
    params: z
      .strictObject({
        chain,
        alias: alias.describe('The patient').optional(),
        patient: patient.optional(),
        before: z
          .string()
          .regex(/^[0-9]{1,15}$/, 'must be the `next` of an answer')
          .describe('Continue with the `next` of the last answer')
          .optional(),
        limit: pageLimit,
        kinds: z.array(z.enum(TIMELINE_KINDS)).max(TIMELINE_KINDS.length).describe('Only these').optional(),
        hospital: memberRef.describe('Only what this hospital wrote or read').optional(),
        doctor: memberRef.describe('Only what this doctor signed').optional(),
        record: recordId.describe('Only this record: its versions, and the looks at it').optional(),
        fromMs: timeMs.describe('By block time, included').optional(),
        toMs: timeMs.describe('By block time, not included').optional(),
        category: z
          .string()
          .min(1)
          .max(64)
          .describe(
            'Only records that say so, of those whose content is here: a look, entered on the chain; not on the read socket'
          )
          .optional(),
        label: z.string().min(1).max(64).describe('Only records that say so, as with category').optional(),
        purpose: z.enum(PURPOSES).default('treatment').describe('With category or label: why; goes on the chain'),
        reader: memberRef.describe('With category or label: the member of this hospital’s staff who reads').optional(),
        timeoutMs,
        actor
      })
      .refine(isOnePatient, ONE_PATIENT),
    result: z.object({
      chain: chainId,
      alias,
      height: heightNumber.describe('The head when this was read'),
      count: count.describe('Entries in all'),
      head: hash.nullable().describe('What links all entries; null while there is none'),
      enrolment: z
        .object({ basis: z.enum(BASES), untilMs: timeMs, status: z.enum(['enrolled', 'ended', 'withdrawn']) })
        .nullable()
        .describe('The newest one; null if the patient never enrolled'),
      quarantined: z
        .boolean()
        .describe('Whether stored content of this patient is damaged here and being fetched anew'),
      access: transactionId
        .nullable()
        .describe('With category or label: the entry of this look, which is final; null where nothing was looked into'),
      entries: z.array(timelineEntry).describe('With category or label a page may be short, or empty, before the end'),
      next: z.string().nullable().describe('Pass as `before` for the rest; null at the end')
    }),
    errors: ['refused', 'not-found', 'ambiguous', 'not-permitted', 'timeout', 'busy', 'unavailable']
  })
} as const satisfies Record<string, Method>
