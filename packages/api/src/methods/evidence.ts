/** Methods on evidence against validators. */
import { z } from 'zod'
import { everybody, type Method, method } from '../method.ts'
import { chain, chainId, count, digest, heightNumber, memberName, timeMs, transactionId } from '../schema.ts'
import { CONFLICTS, VOTE_KINDS } from '../vocabulary.ts'

const vote = z.object({
  kind: z.enum(VOTE_KINDS),
  digest: digest.describe('The block; zeros for nullify'),
  signature: z.string().describe('64 bytes, hexadecimal')
})

export const evidenceMethods = {
  'evidence.list': method({
    summary:
      'Lists validators that signed two votes which exclude each other, as the chain recorded it or this daemon found it.',
    roles: everybody,
    params: z.strictObject({ chain }),
    result: z.object({
      chain: chainId,
      evidence: z.array(
        z.object({
          offender: memberName,
          epoch: count,
          view: count,
          conflict: z.enum(CONFLICTS),
          votes: z.array(vote).describe('The two votes; each signature alone proves that the offender signed it'),
          recorded: z
            .object({ id: transactionId, by: memberName, height: heightNumber, timeMs })
            .describe('The report and its block; null while only this daemon knows')
            .nullable(),
          keyReplaced: z
            .boolean()
            .describe('Whether the offender votes with another key since, or not at all: no block records it then')
        })
      )
    })
  })
} as const satisfies Record<string, Method>
