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
  standing: z
    .enum(CONSENT_STANDINGS)
    .describe('At the block time of the head; unknown: what was noted is damaged, and is to be noted anew')
})

const headHeight = heightNumber.describe('The head when this was read')

export const consentMethods = {
  'consent.note': method({
    summary: 'Keeps what this hospital knows of a consent, in place of all that it kept of it before.',
    roles: writers,
    audited: true,
    params: z
      .strictObject({
        chain,
        consent,
        fromMs: timeMs.describe('Hand-offs are covered from this block time on; left out: from ever').optional(),
        untilMs: timeMs.describe('Hand-offs are covered before this block time; left out: without end').optional(),
        withdrawnMs: timeMs.describe('From this block time on it was withdrawn; left out: it was not').optional(),
        note: z
          .string()
          .min(1)
          .max(limits.consentNoteBytesMax)
          .refine((text) => text.isWellFormed(), 'must be Unicode text')
          .refine(
            (text) => Buffer.byteLength(text) <= limits.consentNoteBytesMax,
            `must be at most ${limits.consentNoteBytesMax} bytes`
          )
          .describe('For people; no other hospital sees it')
          .optional(),
        actor
      })
      .refine(({ fromMs, untilMs }) => fromMs === undefined || untilMs === undefined || fromMs < untilMs, {
        path: ['untilMs'],
        error: 'must be after fromMs'
      }),
    result: z.object({ chain: chainId, height: headHeight, ...consentTerms.shape }),
    errors: ['not-found', 'ambiguous', 'too-large', 'unavailable']
  }),
  'consent.list': method({
    summary: 'Lists the consents that this hospital knows something of, by their names.',
    roles: writers,
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
