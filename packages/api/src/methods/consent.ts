/** Methods on what this hospital knows of consents, which a transfer chain names by hashes. It stays in this hospital. */
import { limits } from '@wardline/codec'
import { z } from 'zod'
import { type Method, method, writers } from '../method.ts'
import { actor, chain, chainId, hash, heightNumber, pageLimit, timeMs } from '../schema.ts'
import { CONSENT_STANDINGS } from '../vocabulary.ts'

const consent = hash.describe('The consent, by the name under which hand-offs are made')

const consentTerms = z.object({
  consent,
  fromMs: timeMs.nullable(),
  untilMs: timeMs.nullable(),
  withdrawnMs: timeMs.nullable(),
  note: z.string().nullable(),
  notedMs: timeMs
    .nullable()
    .describe('When it was last noted, by this hospital’s clock; null: damaged, or before that time was kept'),
  standing: z
    .enum(CONSENT_STANDINGS)
    .describe('At the block time of the head; unknown: what was noted is damaged, and is to be noted anew')
})

const headHeight = heightNumber.describe('The head when this was read')

export const consentMethods = {
  'consent.note': method({
    summary:
      'Keeps what this hospital knows of a consent, in place of what it kept before of the terms that are named; null clears one, and what is left out stays.',
    roles: writers,
    modes: ['stt'],
    audited: true,
    params: z
      .strictObject({
        chain,
        consent,
        fromMs: timeMs.nullable().describe('Hand-offs are covered from this block time on; null: from ever').optional(),
        untilMs: timeMs
          .nullable()
          .describe('Hand-offs are covered before this block time; null: without end')
          .optional(),
        withdrawnMs: timeMs
          .nullable()
          .describe('From this block time on it was withdrawn; null: it was not')
          .optional(),
        note: z
          .string()
          .min(1)
          .max(limits.consentNoteBytesMax)
          .refine((text) => text.isWellFormed(), 'must be Unicode text')
          .refine(
            (text) => Buffer.byteLength(text) <= limits.consentNoteBytesMax,
            `must be at most ${limits.consentNoteBytesMax} bytes`
          )
          .nullable()
          .describe('For people; no other hospital sees it')
          .optional(),
        actor
      })
      .refine(({ fromMs, untilMs }) => typeof fromMs !== 'number' || typeof untilMs !== 'number' || fromMs < untilMs, {
        path: ['untilMs'],
        error: 'must be after fromMs'
      }),
    result: z.object({ chain: chainId, height: headHeight, ...consentTerms.shape }),
    errors: ['not-found', 'ambiguous', 'too-large', 'unavailable']
  }),
  'consent.remove': method({
    summary: 'Keeps nothing of a consent any more: what hand-offs under it are worth is unknown here from then on.',
    roles: writers,
    modes: ['stt'],
    audited: true,
    params: z.strictObject({ chain, consent, actor }),
    result: z.object({ chain: chainId, consent }),
    errors: ['not-found', 'ambiguous', 'unavailable']
  }),
  'consent.list': method({
    summary: 'Lists the consents that this hospital knows something of, by their names.',
    roles: writers,
    modes: ['stt'],
    params: z.strictObject({
      chain,
      after: hash.describe('Continue with the `next` of the last answer').optional(),
      limit: pageLimit
    }),
    result: z.object({
      chain: chainId,
      height: headHeight,
      consents: z.array(consentTerms),
      next: hash.nullable().describe('Pass as `after` for the rest; null at the end')
    }),
    errors: ['not-found', 'ambiguous']
  })
} as const satisfies Record<string, Method>
