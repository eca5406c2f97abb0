/** Methods on the chains of a daemon. */
import { z } from 'zod'
import { administrators, everybody, type Method, method } from '../method.ts'
import {
  actor,
  alias,
  chain,
  chainId,
  chainLabel,
  count,
  digest,
  hash,
  heightNumber,
  leaf,
  memberId,
  memberName,
  signKey,
  timeMs,
  timeoutMs,
  transactionId
} from '../schema.ts'

const listedChain = z.object({
  label: z.string(),
  chain: chainId,
  mode: z.enum(['dss', 'stt', 'spv']),
  member: memberId,
  validator: z.boolean(),
  height: heightNumber,
  head: digest
})

export const chainMethods = {
  'chain.list': method({
    summary: 'Lists the chains of this daemon.',
    roles: everybody,
    params: z.strictObject({}),
    result: z.object({ chains: z.array(listedChain) })
  }),
  'chain.info': method({
    summary: 'Describes a chain: its rules, its validators, and what it tolerates.',
    roles: everybody,
    params: z.strictObject({ chain }),
    result: z.object({
      label: z.string(),
      chain: chainId,
      mode: z.enum(['dss', 'stt', 'spv']),
      member: memberId,
      epoch: count,
      view: count,
      height: heightNumber,
      head: digest,
      headTimeMs: timeMs,
      appHash: hash,
      transactions: count,
      validators: z.array(z.object({ ...memberName.shape, key: signKey })),
      quorum: count.describe('Votes that make a block final'),
      faultsTolerated: count.describe('Validators that may fail or lie'),
      registrars: z.array(memberName),
      members: count
    })
  }),
  'chain.block': method({
    summary: 'Gives one final block, by height or digest; without either, the head.',
    roles: everybody,
    params: z
      .strictObject({ chain, height: heightNumber.optional(), digest: digest.optional() })
      .refine(({ height, digest }) => height === undefined || digest === undefined, 'give height or digest, not both'),
    result: z.object({
      chain: chainId,
      height: heightNumber,
      digest,
      parent: digest,
      epoch: count,
      view: count,
      timeMs,
      proposer: memberName,
      txRoot: hash,
      history: hash,
      appHash: hash,
      nextSetHash: hash,
      transactions: z.array(
        z.object({
          id: transactionId,
          leaf,
          kind: z.string(),
          author: memberName,
          alias: alias.nullable(),
          sizeBytes: count
        })
      ),
      certificate: z
        .object({ view: count, height: heightNumber, signers: z.array(memberName) })
        .describe('The finalization that covers it; its height may be later')
        .nullable()
    }),
    errors: ['not-found']
  }),
  'chain.add': method({
    summary: 'Takes part in a chain of the settings that this daemon does not run yet; the others go on meanwhile.',
    roles: administrators,
    audited: true,
    params: z.strictObject({ label: chainLabel, actor }),
    result: listedChain,
    // And what else stands in its way: keys-absent, genesis-unacceptable, port-in-use, journal-lost and so on.
    errors: ['chain-exists', 'busy', 'unavailable']
  }),
  'chain.remove': method({
    summary: 'Ends a chain on this daemon; its folder, its keys and the settings stay, and so does the membership.',
    roles: administrators,
    audited: true,
    params: z.strictObject({ label: chainLabel, actor }),
    result: z.object({
      label: z.string(),
      chain: chainId.nullable().describe('Null for one that could not be opened')
    }),
    errors: ['not-found', 'busy', 'unavailable']
  }),
  'chain.verify': method({
    summary: 'Verifies and re-executes the chain on disk from its genesis to the head.',
    roles: everybody,
    params: z.strictObject({ chain, timeoutMs: timeoutMs.default(600_000) }),
    result: z.object({
      chain: chainId,
      ok: z.boolean(),
      height: heightNumber.describe('The last height that agreed'),
      head: digest.nullable().describe('Null where something disagrees'),
      appHash: hash.nullable().describe('Null where something disagrees'),
      transactions: count.nullable().describe('Null where something disagrees'),
      elapsedMs: count,
      fault: z
        .object({ height: heightNumber, code: z.string(), what: z.string() })
        .nullable()
        .describe('The first disagreement')
    }),
    errors: ['timeout', 'unavailable']
  })
} as const satisfies Record<string, Method>
