/** Methods on the custody of a record: the hand-offs of a transfer chain, and what proves them. */
import { limits } from '@wardline/codec'
import { z } from 'zod'
import { everybody, type Method, method } from '../method.ts'
import {
  chain,
  chainId,
  contentKey,
  count,
  cursor,
  hash,
  heightNumber,
  memberName,
  memberRef,
  POSITION,
  pageLimit,
  recallState,
  recordId,
  signKey,
  timeMs,
  transactionId
} from '../schema.ts'
import { CONSENT_STANDINGS, CUSTODY_FORMS, DELIVERY_STATES, MISMATCH_CLAIMS, PURPOSES } from '../vocabulary.ts'

const holding = {
  via: transactionId.nullable().describe('The transmission by which it came; null for the origin'),
  sinceMs: timeMs,
  sinceHeight: heightNumber,
  recall: recallState
}

const holder = z.object({ ...memberName.shape, ...holding })

const recallMark = z.object({ id: transactionId, timeMs, height: heightNumber })

const recall = recallMark.extend({
  attested: z
    .array(memberName.extend(recallMark.shape))
    .describe('Who has said that its copies are destroyed; of the holders and the members in `edges`'),
  missing: z
    .array(memberName)
    .describe('Who had the record, or was sent it, and has not said so; of the holders and the members in `edges`')
})

const recallKey = signKey.nullable().describe('The key with which the patient may recall it')

const edge = z.object({
  transmission: transactionId,
  via: transactionId.nullable().describe('The transmission by which the sender had it; null for the origin'),
  from: memberName,
  to: memberName,
  timeMs,
  height: heightNumber,
  purpose: z.enum(PURPOSES),
  consent: hash.nullable().describe('The consent that the sender named'),
  consentStanding: z
    .enum(CONSENT_STANDINGS)
    .describe(
      'At the block time of the hand-off, by what this hospital noted (consent.note). absent: none is named; unknown: nothing is noted of it'
    ),
  state: z.enum(DELIVERY_STATES),
  ack: transactionId.nullable().describe('The acknowledgement; null while it is only sent'),
  ackTimeMs: timeMs.nullable(),
  ackHeight: heightNumber.nullable(),
  mismatch: z
    .enum(MISMATCH_CLAIMS)
    .nullable()
    .describe(
      'Of a claimed mismatch, as far as this daemon can tell. claimed: no content key was revealed; revealed: one was, and whoever has the envelope can check it; proven: this daemon has the envelope, and it does not hold what was committed to; refuted: it does; unproven: it does not open under the revealed key'
    ),
  contentKey: contentKey.nullable().describe('Revealed by a receiver that claims a mismatch')
})

/** One hand-off of any record. */
const handOff = z.object({
  record: recordId,
  ...edge.shape,
  recall: recallState.describe(
    'recalled: the record was called back; destroyed: and the receiver has said that it destroyed what it had'
  )
})

const handOffs = z.array(handOff).describe('In final order')
const after = cursor(POSITION)
const next = z.string().nullable().describe('Pass as `after` for the rest; null at the end')
const invalidConsent = z.boolean().default(false)
const headHeight = heightNumber.describe('The head when this was read')

type HandOffQuestion = {
  readonly state?: string | undefined
  readonly withoutConsent: boolean
  readonly invalidConsent: boolean
  readonly consent?: string | undefined
}

/** What the cursors of `handoff.list` look like. */
function handOffCursor({ state, withoutConsent, invalidConsent, consent }: HandOffQuestion): RegExp {
  if (withoutConsent || consent !== undefined) return POSITION
  if (invalidConsent) return /^[0-9a-f]{64}(?:\/[0-9]{21})?$/
  const isOfRecalled = state === 'recalled' || state === 'unattested'
  return isOfRecalled ? /^[0-9]{21}\/[0-9]{21}$/ : /^[0-9]{21}\/[0-9a-f]{64}$/
}

export const custodyMethods = {
  'record.trace': method({
    summary: 'Gives the transmission-directed graph of a record: every hop since its origin.',
    roles: everybody,
    modes: ['stt'],
    params: z.strictObject({
      chain,
      record: recordId,
      draw: z.enum(CUSTODY_FORMS).describe('Also give a drawing, or the graph in another form').optional(),
      width: z.int().min(40).max(1000).default(100).describe('Columns of a terminal drawing'),
      show: z
        .strictObject({
          fromMs: timeMs.describe('By block time, included').optional(),
          toMs: timeMs.describe('By block time, not included').optional(),
          hospitals: z.array(memberRef).min(1).max(64).describe('Sent or received by one of these').optional(),
          states: z.array(z.enum(DELIVERY_STATES)).min(1).max(DELIVERY_STATES.length).optional(),
          max: z.int().min(1).max(limits.traceTransmissionsMax).describe('The newest so many hand-offs').optional()
        })
        .describe('Only these hand-offs in the drawing, which says how many it hides')
        .optional()
    }),
    result: z.object({
      chain: chainId,
      record: recordId,
      origin: memberName,
      commitment: hash.describe('To the content'),
      height: heightNumber.describe('The head when this was read'),
      holders: z
        .array(holder)
        .describe(
          'Who came to hold it, in this order, by whichever hand-off; after a recall each says what became of it'
        ),
      recall: recall.nullable().describe('Null unless the record was called back'),
      recallKey,
      edges: z.array(edge).describe('In final order, one for each transmission and receiver'),
      complete: z.boolean().describe('False where the record travelled more often than one answer may hold'),
      drawing: z.string().optional(),
      notes: z
        .array(z.string())
        .describe(
          'With a drawing: what it hides, and that it is not complete. Every form but csv has these sentences in it'
        )
        .optional()
    }),
    errors: ['not-found', 'too-large']
  }),
  'record.holders': method({
    summary: 'Says who holds a record and on which transmission’s authority, now or at an earlier time or height.',
    roles: everybody,
    modes: ['stt'],
    params: z
      .strictObject({
        chain,
        record: recordId,
        atMs: timeMs.describe('By block time; left out: now').optional(),
        atHeight: heightNumber.describe('After the block of this height; left out: now').optional(),
        after,
        limit: z.int().min(1).max(1000).default(1000).describe('At most this many')
      })
      .refine(
        ({ atMs, atHeight }) => atMs === undefined || atHeight === undefined,
        'atMs and atHeight exclude each other'
      ),
    result: z.object({
      chain: chainId,
      record: recordId,
      height: headHeight,
      holders: z
        .array(holder)
        .describe('In the order in which they came to hold it; `recall` of each is as of the moment that is asked for'),
      recall: recallMark.nullable().describe('Null unless the record was called back, by now'),
      recallKey,
      next
    }),
    errors: ['not-found']
  }),
  'record.path': method({
    summary:
      'Says how a record came to a holder: the hand-offs from its origin’s to the one that this member opened first.',
    roles: everybody,
    modes: ['stt'],
    params: z.strictObject({ chain, record: recordId, to: memberRef }),
    result: z.object({
      chain: chainId,
      record: recordId,
      height: headHeight,
      origin: memberName,
      path: handOffs.describe('Oldest first; empty for the origin'),
      complete: z
        .boolean()
        .describe('False where the path is longer than one answer may hold: its beginning is missing'),
      recall: recallMark.nullable().describe('Null unless the record was called back')
    }),
    errors: ['not-found', 'ambiguous']
  }),
  'record.downstream': method({
    summary: 'Lists every hand-off that came from what a member sent of a record, its own included.',
    roles: everybody,
    modes: ['stt'],
    params: z.strictObject({
      chain,
      record: recordId,
      from: memberRef,
      after: transactionId.describe('Continue with the `next` of the last answer').optional(),
      limit: pageLimit.describe('At most this many transmissions')
    }),
    result: z.object({
      chain: chainId,
      record: recordId,
      height: headHeight,
      edges: handOffs,
      complete: z.boolean().describe('False where the record travelled more often than is looked at'),
      next: transactionId.nullable().describe('Pass as `after` for the rest; null at the end')
    }),
    errors: ['not-found', 'ambiguous']
  }),
  'record.handoffs': method({
    summary:
      'Lists the hand-offs of a record, all or those in some states, without a consent or with one that was invalid.',
    roles: everybody,
    modes: ['stt'],
    params: z.strictObject({
      chain,
      record: recordId,
      states: z.array(z.enum(DELIVERY_STATES)).min(1).max(DELIVERY_STATES.length).describe('Only these').optional(),
      withoutConsent: z.boolean().default(false).describe('Only hand-offs that name no consent'),
      after,
      limit: pageLimit.describe('Transmissions that are looked at; a page may be short before the end'),
      invalidConsent: invalidConsent.describe('Only those whose consent was invalid then, by what is noted here')
    }),
    result: z.object({ chain: chainId, record: recordId, height: headHeight, edges: handOffs, next }),
    errors: ['not-found', 'unavailable']
  }),
  'record.ancestor': method({
    summary: 'Finds the last copy from which the copies of two holders both come, and how they went apart.',
    roles: everybody,
    modes: ['stt'],
    params: z.strictObject({ chain, record: recordId, one: memberRef, other: memberRef }),
    result: z.object({
      chain: chainId,
      record: recordId,
      height: headHeight,
      ancestor: memberName.describe('Who held that copy'),
      via: transactionId.nullable().describe('The transmission by which it came there; null for the origin’s'),
      toOne: handOffs.describe('From there to the one'),
      toOther: handOffs.describe('From there to the other')
    }),
    errors: ['not-found', 'ambiguous', 'too-large']
  }),
  'record.held': method({
    summary:
      'Lists the records that a member came to hold, by id: those it originated and has sent, and those it opened; recalled ones are marked.',
    roles: everybody,
    modes: ['stt'],
    params: z.strictObject({
      chain,
      member: memberRef.describe('Left out: this hospital').optional(),
      after: recordId.describe('Continue with the `next` of the last answer').optional(),
      limit: pageLimit
    }),
    result: z.object({
      chain: chainId,
      height: headHeight,
      ...memberName.shape,
      records: z.array(z.object({ record: recordId, ...holding })),
      next: recordId.nullable()
    }),
    errors: ['not-found', 'ambiguous']
  }),
  'handoff.between': method({
    summary: 'Lists the hand-offs of all records from one hospital to another, oldest first.',
    roles: everybody,
    modes: ['stt'],
    params: z.strictObject({
      chain,
      from: memberRef,
      to: memberRef,
      fromMs: timeMs.describe('By block time, included').optional(),
      toMs: timeMs.describe('By block time, not included').optional(),
      after,
      limit: pageLimit
    }),
    result: z.object({ chain: chainId, height: headHeight, edges: handOffs, next }),
    errors: ['not-found', 'ambiguous']
  }),
  'handoff.list': method({
    summary:
      'Lists the hand-offs of all records that nobody acknowledged, that went wrong, whose record was recalled, or that name no consent, a certain one or one that was invalid; oldest first, of recalled records by their recalls, of invalid consents by the names of these.',
    roles: everybody,
    modes: ['stt'],
    params: z
      .strictObject({
        chain,
        state: z
          .enum([...DELIVERY_STATES, 'recalled', 'unattested'])
          .exclude(['opened'])
          .describe(
            'sent (left out): not acknowledged yet; recalled: the record was called back; unattested: and the receiver has not said that it destroyed what it had; the others as the receiver said'
          )
          .optional(),
        withoutConsent: z
          .boolean()
          .default(false)
          .describe(
            'Instead of a state: those that name no consent. Whether one that is named was valid, no chain of this mode knows'
          ),
        member: memberRef.describe('Only what this member sent or was sent').optional(),
        after: z.string().describe('Continue with the `next` of the last answer, to the same question').optional(),
        limit: pageLimit.describe(
          'Hand-offs that are looked at, or transmissions where records were recalled or consents are asked for; a page may be short before the end'
        ),
        invalidConsent: invalidConsent.describe(
          'Instead of a state: those that name a consent which did not hold at their block time, by what this hospital noted (consent.note)'
        ),
        consent: hash
          .describe(
            'Instead of a state: those that name this consent, whatever is noted of it: who got records under it'
          )
          .optional()
      })
      .refine(
        ({ state, withoutConsent, invalidConsent, consent }) =>
          [state !== undefined, withoutConsent, invalidConsent, consent !== undefined].filter(Boolean).length <= 1,
        'must have one of state, withoutConsent, invalidConsent and consent at most'
      )
      .refine((params) => params.after === undefined || handOffCursor(params).test(params.after), {
        path: ['after'],
        error: 'must be the `next` of an answer to the same question'
      }),
    result: z.object({
      chain: chainId,
      height: headHeight,
      edges: handOffs,
      origins: z
        .array(z.object({ record: recordId, ...memberName.shape, recall: recallState }))
        .describe(
          'Of recalled and unattested: the origins of the records, which no hand-off names as receivers, each on the page on which the hand-offs of its record begin; empty else'
        ),
      next
    }),
    errors: ['not-found', 'ambiguous', 'unavailable']
  }),
  'record.receipt': method({
    summary:
      'Gives one line that proves hand-offs of a record, from its origin on, and its recall, to whoever has the genesis alone.',
    roles: everybody,
    modes: ['stt'],
    params: z.strictObject({
      chain,
      record: recordId,
      to: memberRef
        .describe(
          'Only the path by which this member came to hold it, with what those on it attest after a recall, but for what names a transmission far from it; left out: everything'
        )
        .optional(),
      anchor: heightNumber.describe('A height that the receipt shall name, for whoever has pinned it').optional()
    }),
    result: z.object({
      chain: chainId,
      record: recordId,
      transactions: count.describe('Hand-offs, acknowledgements, recall and attestations that it proves'),
      final: heightNumber.describe('The block whose finalization proves them'),
      receipt: z.string().max(limits.jointReceiptBytesMax)
    }),
    errors: ['not-found', 'ambiguous', 'too-large', 'unavailable']
  })
} as const satisfies Record<string, Method>
