/** Methods on records, in every mode. */
import { limits } from '@wardline/codec'
import { z } from 'zod'
import { everybody, type Method, method, writers } from '../method.ts'
import {
  actor,
  alias,
  base64,
  chain,
  chainId,
  contentBytesMax,
  contentKey,
  count,
  cursor,
  hash,
  heightNumber,
  hexBytes,
  isOnePatient,
  memberName,
  memberRef,
  ONE_PATIENT,
  POSITION,
  pageLimit,
  patient,
  patientOf,
  recallState,
  recordId,
  signKey,
  submitted,
  timeMs,
  timeoutMs,
  transactionId,
  wait,
  withReceipt
} from '../schema.ts'
import { ACCESS_STATUSES, ACKNOWLEDGE, DELIVERY_STATES, HANDOFF_OUTCOMES, PURPOSES } from '../vocabulary.ts'

const descriptor = z.object({
  mediaType: z.string().min(1).max(127).optional().describe('For example application/fhir+json'),
  category: z.string().min(1).max(64).optional(),
  labels: z.array(z.string().min(1).max(64)).max(16).optional(),
  fileName: z.string().min(1).max(255).optional()
})

const keptDescriptor = descriptor.describe('Says what the content is; kept with it, off the chain').optional()

const signers = z
  .array(memberRef)
  .min(1)
  .max(limits.recordDoctorsMax)
  .describe('Who signs: doctors, and nurses beside them; this hospital keeps the keys of each')

const afterEntry = hash
  .describe('The newest record entry that its authors have seen; left out: the newest one that is final here')
  .optional()

const published = submitted.extend({
  alias,
  record: recordId,
  commitment: hash.describe('To the content'),
  version: count,
  doctors: z.array(memberName)
})

/** All records of one answer must fit it as Base64. */
const REQUESTED_RECORDS_MAX = 16

export const recordMethods = {
  'record.send': method({
    summary:
      'Seals a record to its receivers and sends it; a forward waits until this hospital’s own opening is final. Called again after a broken connection it sends a second time: first see in record.list, or of a forward in record.handoffs, whether it is there, once nothing waits in the mempool (status).',
    roles: writers,
    modes: ['stt'],
    audited: true,
    params: z
      .strictObject({
        chain,
        to: z.array(memberRef).min(1).max(limits.receiversMax),
        purpose: z.enum(PURPOSES).default('treatment'),
        content: base64(contentBytesMax).describe('A new record: its exact bytes').optional(),
        descriptor: descriptor.describe('Says what the content is; sealed with it').optional(),
        record: recordId.describe('A record this hospital holds, to send on or again').optional(),
        via: transactionId.describe('The transmission by which this hospital got the record to send on').optional(),
        consent: hash
          .describe(
            'Names the consent of the patient, in whatever way the hospitals agreed on; refused where this hospital noted that it is withdrawn or not in force (consent.note)'
          )
          .optional(),
        recallKey: signKey.describe('A new record: the key with which its patient may recall it').optional(),
        wait,
        timeoutMs,
        receipt: withReceipt,
        actor
      })
      .refine(
        ({ content, record, via }) => [content, record, via].filter((given) => given !== undefined).length === 1,
        'give exactly one of content (a new record), record or via (one that is held)'
      )
      .refine(
        ({ content, descriptor }) => descriptor === undefined || content !== undefined,
        'give descriptor with content only'
      )
      .refine(
        ({ content, recallKey }) => recallKey === undefined || content !== undefined,
        'give recallKey with content only'
      ),
    result: submitted.extend({
      record: recordId,
      commitment: hash.describe('To the content'),
      via: transactionId.nullable(),
      to: z.array(memberName)
    }),
    errors: [
      'refused',
      'not-found',
      'ambiguous',
      'payload-not-here',
      'too-large',
      'consent-invalid',
      'timeout',
      'unavailable',
      'busy'
    ]
  }),
  'record.recall': method({
    summary:
      'Calls a record back, for good: nobody sends it on any more, and every hospital that has it destroys it and attests that on the chain.',
    roles: writers,
    modes: ['stt'],
    audited: true,
    params: z.strictObject({
      chain,
      record: recordId,
      subject: z
        .strictObject({ key: signKey, signature: hexBytes(64) })
        .describe('The word of the patient, by its recall key; left out: this hospital is the origin')
        .optional(),
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: submitted.extend({ record: recordId }),
    errors: ['refused', 'not-found', 'ambiguous', 'timeout', 'unavailable', 'busy']
  }),
  'record.pending': method({
    summary:
      'Lists what was sent to this hospital and is not acknowledged, by transmission, and how this daemon found it. Where acknowledging is left to people, this is their list.',
    roles: everybody,
    modes: ['stt'],
    params: z.strictObject({
      chain,
      after: transactionId.describe('Continue with the `next` of the last answer').optional(),
      limit: pageLimit
    }),
    result: z.object({
      chain: chainId,
      acknowledge: z
        .enum(ACKNOWLEDGE)
        .describe('What is acknowledged without a person: everything, what opens and verifies, or nothing'),
      pending: z.array(
        z.object({
          transmission: transactionId,
          record: recordId,
          from: memberName,
          purpose: z.enum(PURPOSES),
          timeMs,
          height: heightNumber,
          overdue: z.boolean().describe('For more than a day'),
          payloadHere: z.boolean(),
          standing: z
            .enum([...HANDOFF_OUTCOMES, 'under-way'])
            .nullable()
            .describe(
              'How it was found, and waits for a person; under-way: it is about to be acknowledged; null: not looked at yet'
            )
        })
      ),
      next: transactionId.nullable()
    }),
    errors: ['not-found', 'ambiguous']
  }),
  'record.ack': method({
    summary:
      'Acknowledges a transmission by a person’s word: as this daemon finds it, or refused. Final; the first word counts.',
    roles: writers,
    modes: ['stt'],
    audited: true,
    params: z
      .strictObject({
        chain,
        via: transactionId.describe('The transmission'),
        refuse: z.boolean().default(false).describe('Refuse the record, whatever is in the envelope'),
        reveal: z
          .boolean()
          .default(false)
          .describe(
            'With a mismatch: reveal the content key, with which whoever has the envelope can read and check it'
          ),
        timeoutMs,
        actor
      })
      .refine(({ refuse, reveal }) => !refuse || !reveal, 'refuse and reveal exclude each other'),
    result: z.object({
      chain: chainId,
      record: recordId,
      transmission: transactionId,
      from: memberName,
      outcome: z.enum(HANDOFF_OUTCOMES).describe('As the chain has it'),
      contentKey: contentKey.nullable().describe('What was revealed'),
      id: transactionId.describe('The acknowledgement'),
      height: heightNumber
    }),
    errors: ['refused', 'not-found', 'ambiguous', 'payload-not-here', 'verification-failed', 'timeout', 'unavailable']
  }),
  'record.open': method({
    summary:
      'Gives a record’s bytes, after checking them against the chain; in an alliance once the entry of this look is final, and on a permissions chain what this hospital has anchored.',
    roles: writers,
    audited: true,
    params: z
      .strictObject({
        chain,
        record: recordId.describe('Any copy this hospital holds; in an alliance the newest version').optional(),
        via: transactionId.describe('The copy that came by this transmission').optional(),
        transaction: transactionId.describe('In an alliance: the version that this transaction wrote').optional(),
        purpose: z.enum(PURPOSES).default('treatment').describe('In an alliance: why it is read; goes on the chain'),
        reader: memberRef.describe('In an alliance: the member of this hospital’s staff who reads').optional(),
        timeoutMs,
        actor
      })
      .refine(
        ({ record, via, transaction }) =>
          [record, via, transaction].filter((given) => given !== undefined).length === 1,
        'give exactly one of record, via and transaction'
      ),
    result: z.object({
      chain: chainId,
      record: recordId,
      transmission: transactionId.describe(
        'Where the bytes came from; in an alliance the transaction of the version, on a permissions chain the anchor'
      ),
      from: memberName,
      origin: memberName,
      content: z.string().describe('Base64 of the exact bytes'),
      sizeBytes: count,
      commitment: hash,
      salt: z.string().describe('Base64; with descriptor and bytes it gives the commitment'),
      descriptor,
      descriptorBytes: z.string().describe('Base64'),
      alias: alias.nullable().describe('The patient; null for what was transmitted'),
      version: count.nullable().describe('In an alliance: the number of the version, from 1'),
      access: transactionId.nullable().describe('In an alliance: the entry of this look, which is final')
    }),
    // And for what was anchored here: record-not-here, vault-damaged.
    errors: [
      'refused',
      'not-found',
      'ambiguous',
      'payload-not-here',
      'verification-failed',
      'timeout',
      'unavailable',
      'busy'
    ]
  }),
  'record.envelope': method({
    summary:
      'Gives the sealed envelope of a transmission that this hospital sent or was sent, with which what its receivers claim of it can be checked. Whoever also has a content key that one of them revealed can read the record.',
    roles: writers,
    modes: ['stt'],
    audited: true,
    params: z.strictObject({
      chain,
      via: transactionId.describe('The transmission'),
      timeoutMs,
      actor
    }),
    result: z.object({
      chain: chainId,
      record: recordId,
      transmission: transactionId,
      envelope: z.string().describe('Base64 of the exact bytes: what the transaction commits to'),
      sizeBytes: count
    }),
    errors: ['refused', 'not-found', 'ambiguous', 'payload-not-here', 'timeout', 'unavailable']
  }),
  'record.list': method({
    summary:
      'Lists what this hospital sent or was sent, newest first, without its content: each of its own records once, and each transmission to it, whatever became of that.',
    roles: everybody,
    modes: ['stt'],
    params: z.strictObject({
      chain,
      which: z
        .enum(['all', 'own', 'received'])
        .default('all')
        .describe(
          'own: records of which this hospital is the origin; received: what was sent to it, own records that came back included'
        ),
      before: cursor(POSITION),
      limit: pageLimit
    }),
    result: z.object({
      chain: chainId,
      records: z.array(
        z.object({
          record: recordId,
          origin: memberName,
          transmission: transactionId.describe('Of an own record the first; else the one to this hospital'),
          from: memberName,
          to: z.array(memberName),
          purpose: z.enum(PURPOSES),
          timeMs: timeMs.describe('Of the block of the transmission'),
          height: heightNumber.describe('Of that block'),
          state: z
            .enum(['own', ...DELIVERY_STATES])
            .describe('own: this hospital is the origin; sent: not acknowledged yet; the others as this hospital said'),
          recall: recallState,
          payloadHere: z.boolean(),
          sizeBytes: count.nullable().describe('Of the sealed payload')
        })
      ),
      next: z.string().nullable()
    })
  }),
  'record.publish': method({
    summary:
      'Writes a record of a patient for the whole alliance, signed by doctors whose keys this hospital keeps. Called again after a broken connection it writes a second record: first see in patient.timeline whether it is there, once nothing waits in the mempool (status).',
    roles: writers,
    modes: ['dss'],
    audited: true,
    params: z
      .strictObject({
        chain,
        alias: alias.describe('The patient').optional(),
        patient: patient.optional(),
        content: base64(contentBytesMax).describe('The exact bytes'),
        descriptor: keptDescriptor,
        doctors: signers,
        after: afterEntry,
        wait,
        timeoutMs,
        receipt: withReceipt,
        actor
      })
      .refine(isOnePatient, ONE_PATIENT),
    result: published,
    errors: ['refused', 'not-found', 'ambiguous', 'too-large', 'timeout', 'unavailable', 'busy']
  }),
  'record.amend': method({
    summary:
      'Writes a new version of a record of this hospital; one of the doctors of its first version signs again. Called again after a broken connection it writes another version, unless supersedes names the one that was read: first see in patient.timeline whether it is there, once nothing waits in the mempool (status).',
    roles: writers,
    modes: ['dss'],
    audited: true,
    params: z.strictObject({
      chain,
      record: recordId,
      supersedes: transactionId.describe('The version that was read; left out: the newest').optional(),
      content: base64(contentBytesMax).describe('The exact bytes'),
      descriptor: keptDescriptor,
      doctors: signers,
      after: afterEntry,
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: published,
    errors: ['refused', 'not-found', 'ambiguous', 'too-large', 'timeout', 'unavailable', 'busy']
  }),
  'record.anchor': method({
    summary:
      'Keeps a record of a patient in this hospital and commits to it on the chain. Called again after a broken connection it anchors a second record: first see in audit.patient whether it is there, once nothing waits in the mempool (status).',
    roles: writers,
    modes: ['spv'],
    audited: true,
    params: z
      .strictObject({
        chain,
        ...patientOf,
        content: base64(contentBytesMax).describe('The exact bytes'),
        descriptor: keptDescriptor,
        wait,
        timeoutMs,
        receipt: withReceipt,
        actor
      })
      .refine(isOnePatient, ONE_PATIENT),
    result: submitted.extend({
      alias,
      record: recordId,
      commitment: hash.describe('To the content'),
      salt: z.string().describe('Base64; with descriptor and bytes it gives the commitment'),
      descriptorBytes: z.string().describe('Base64')
    }),
    errors: ['refused', 'not-found', 'timeout', 'unavailable', 'busy']
  }),
  'record.request': method({
    summary:
      'Asks another hospital for records, and gives them once the entry of the access is final; a denial is an answer. Called again after a broken connection it is a second access in the patient’s log: first see in audit.patient whether the owner answered.',
    roles: writers,
    modes: ['spv'],
    audited: true,
    params: z.strictObject({
      chain,
      owner: memberRef.describe('The hospital that anchored them'),
      alias: alias.describe('The patient'),
      records: z.array(recordId).min(1).max(REQUESTED_RECORDS_MAX),
      purpose: z.enum(PURPOSES).default('treatment'),
      accessor: memberRef
        .describe('Who asks: a member of staff whose keys this hospital keeps; left out: this hospital')
        .optional(),
      timeoutMs,
      actor
    }),
    result: z.object({
      chain: chainId,
      request: hash.describe('The signed request'),
      entry: transactionId.describe('The access entry, which is final'),
      height: heightNumber,
      decision: z.enum(['permit', 'deny']).describe('What the owner says'),
      status: z
        .enum(ACCESS_STATUSES)
        .describe('What the chain finds; records are fetched where a grant covers the access, late or not'),
      code: z.string().nullable().describe('Why it was denied, or what the grant lacked'),
      grant: transactionId.nullable().describe('The grant that covers it, by the chain’s own evaluation'),
      records: z.array(
        z.object({
          record: recordId,
          content: z.string().describe('Base64 of the exact bytes'),
          salt: z.string().describe('Base64'),
          descriptor,
          descriptorBytes: z.string().describe('Base64'),
          commitment: hash,
          sizeBytes: count
        })
      ),
      contentBytes: count.describe('Frames with content that the owner sent, bytes; 0 for a denial')
    }),
    errors: ['refused', 'not-found', 'ambiguous', 'verification-failed', 'timeout', 'busy']
  }),
  'record.verify': method({
    summary: 'Holds a record’s bytes against what its owner has anchored.',
    roles: everybody,
    modes: ['spv'],
    params: z.strictObject({
      chain,
      record: recordId,
      content: base64(contentBytesMax).describe('The exact bytes'),
      salt: base64(32),
      descriptorBytes: base64(limits.descriptorBytesMax)
    }),
    result: z.object({
      chain: chainId,
      record: recordId,
      ok: z.boolean(),
      commitment: hash.describe('Of what was given'),
      anchored: hash.describe('What the chain has'),
      owner: memberName,
      alias,
      timeMs: timeMs.describe('Of the anchor’s block'),
      height: heightNumber
    }),
    errors: ['not-found']
  })
} as const satisfies Record<string, Method>
