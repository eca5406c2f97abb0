/**
 * The method table: what can be asked of a daemon, by whom, in which shape, and what comes back. Validation, the OpenRPC
 * document and authorisation are all read from here, so nothing can disagree with it.
 */
import { limits } from '@wardline/codec'
import type { DeliveryState } from '@wardline/custody'
import type { Role as LedgerRole, Purpose, StaffRole } from '@wardline/ledger'
import { z } from 'zod'
import {
  actor,
  base64,
  chain,
  chainId,
  contentBytesMax,
  count,
  digest,
  hash,
  heightNumber,
  hexBytes,
  leaf,
  memberId,
  memberName,
  pageLimit,
  recordId,
  sealKey,
  signKey,
  submitted,
  timeMs,
  timeoutMs,
  transactionId,
  transactionState,
  wait,
  withReceipt
} from './schema.ts'

/** A socket is a role: `admin` may all, `ehr` sends and opens records, `read` sees what is on the chain and no content. */
export const ROLES = ['admin', 'ehr', 'read'] as const
export type Role = (typeof ROLES)[number]

/** Why a record is sent; the ledger's codes. */
export const PURPOSES = [
  'treatment',
  'payment',
  'operations',
  'research',
  'emergency',
  'patient-request',
  'public-health',
  'legal'
] as const satisfies readonly Purpose[]

/** What a member can be registered as; the ledger's roles without `registrar`, which the genesis gives. */
export const MEMBER_ROLES = [
  'hospital',
  'payer',
  'regulator',
  'doctor',
  'nurse',
  'privacyOfficer',
  'researcher',
  'guardian'
] as const satisfies readonly LedgerRole[]

const STAFF_ROLES = [
  'doctor',
  'nurse',
  'privacyOfficer',
  'researcher',
  'guardian'
] as const satisfies readonly StaffRole[]

/** What became of one hand-off. */
const DELIVERY_STATES = [
  'sent',
  'opened',
  'mismatch',
  'broken-path',
  'refused',
  'lost-key'
] as const satisfies readonly DeliveryState[]

const everybody = ROLES
const writers = ['admin', 'ehr'] as const
const administrators = ['admin'] as const

/** One row of the table. Parameters are given by name, or by position in the order of the schema's keys. */
export type Method = {
  /** One sentence. */
  readonly summary: string
  readonly roles: readonly Role[]
  /** Changes something, or reads a record's content: belongs into the local log, with `actor`. */
  readonly audited: boolean
  readonly params: z.ZodObject
  readonly result: z.ZodType
  /** Codes that callers should expect beside those every method may answer. */
  readonly errors: readonly string[]
}

function method<P extends z.ZodObject, R extends z.ZodType>(row: {
  readonly summary: string
  readonly roles: readonly Role[]
  readonly audited?: true
  readonly params: P
  readonly result: R
  readonly errors?: readonly string[]
}) {
  return { ...row, audited: row.audited ?? false, errors: row.errors ?? [] }
}

const problem = z.object({
  severity: z.enum(['warn', 'fail']),
  code: z.string().describe('Stable, for monitoring'),
  chain: z.string().nullable().describe('Label of the chain it concerns; null for the daemon'),
  problem: z.string().describe('One sentence'),
  remedy: z.string().describe('What the operator can do, one sentence')
})

const chainStatus = z.object({
  label: z.string(),
  chain: chainId,
  mode: z.enum(['dss', 'stt', 'spv']),
  member: memberId.describe('This hospital on this chain'),
  name: z.string().nullable(),
  validator: z.boolean().describe('Whether this hospital votes'),
  phase: z.enum(['starting', 'catching-up', 'running', 'stopped']),
  height: heightNumber,
  head: digest.describe('The last final block'),
  headTimeMs: timeMs,
  headAgeMs: z.int().describe('Now minus the time of the head; grows while the chain sleeps'),
  epoch: count,
  view: count,
  transactions: count.describe('Final ones'),
  peers: z.object({
    connected: z.array(memberName),
    missing: z.array(memberName),
    expected: count
  }),
  mempool: z.object({ transactions: count, bytes: count }),
  duties: z.object({ pending: count, overdue: count }),
  payloads: z.object({ missing: count })
})

const holder = z.object({
  ...memberName.shape,
  via: transactionId.nullable().describe('The transmission by which it came; null for the origin'),
  sinceMs: timeMs,
  sinceHeight: heightNumber
})

const deliveryState = z.enum(DELIVERY_STATES)

const edge = z.object({
  transmission: transactionId,
  via: transactionId.nullable().describe('The transmission by which the sender had it; null for the origin'),
  from: memberName,
  to: memberName,
  timeMs,
  height: heightNumber,
  purpose: z.enum(PURPOSES),
  state: deliveryState,
  ack: transactionId.nullable().describe('The acknowledgement; null while it is only sent'),
  ackTimeMs: timeMs.nullable(),
  ackHeight: heightNumber.nullable()
})

const descriptor = z.object({
  mediaType: z.string().min(1).max(127).optional().describe('For example application/fhir+json'),
  category: z.string().min(1).max(64).optional(),
  labels: z.array(z.string().min(1).max(64)).max(16).optional(),
  fileName: z.string().min(1).max(255).optional()
})

const memberRef = z.string().min(1).max(256).describe('A member id, or a display name that fits exactly one member')

export const methods = {
  status: method({
    summary: 'Says whether this daemon is well, what is wrong and what to do about it, then how each chain is.',
    roles: everybody,
    params: z.strictObject({}),
    result: z.object({
      health: z.enum(['ok', 'warn', 'fail']).describe('The worst of the problems'),
      problems: z.array(problem),
      name: z.string().describe("The hospital's display name"),
      version: z.string(),
      startedMs: timeMs,
      nowMs: timeMs,
      uptimeMs: count,
      rssBytes: count.describe('Resident memory of the process'),
      pid: count,
      chains: z.array(chainStatus)
    })
  }),
  'peers.list': method({
    summary: 'Lists the hospitals this daemon should be connected to, by name, and whether it is.',
    roles: everybody,
    params: z.strictObject({ chain }),
    result: z.object({
      peers: z.array(
        z.object({
          chain: z.string().describe('Label'),
          ...memberName.shape,
          peer: z.string().describe('libp2p peer id'),
          addresses: z.array(z.string()),
          validator: z.boolean(),
          connected: z.boolean(),
          sinceMs: timeMs.nullable().describe('Connected or disconnected since; null if never connected')
        })
      )
    })
  }),
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
          untilMs: timeMs.nullable()
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
  'record.send': method({
    summary:
      'Seals a record to its receivers and sends it; a forward waits until this hospital’s own opening is final.',
    roles: writers,
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
      ),
    result: submitted.extend({
      record: recordId,
      content: hash.describe('Content commitment'),
      via: transactionId.nullable(),
      to: z.array(memberName)
    }),
    errors: ['refused', 'not-found', 'ambiguous', 'payload-not-here', 'too-large', 'timeout', 'unavailable', 'busy']
  }),
  'record.open': method({
    summary: 'Gives a record’s bytes, after checking them against the chain.',
    roles: writers,
    audited: true,
    params: z
      .strictObject({
        chain,
        record: recordId.describe('Any copy this hospital holds').optional(),
        via: transactionId.describe('The copy that came by this transmission').optional(),
        timeoutMs,
        actor
      })
      .refine(
        ({ record, via }) => (record === undefined) !== (via === undefined),
        'give exactly one of record and via'
      ),
    result: z.object({
      chain: chainId,
      record: recordId,
      transmission: transactionId.describe('Where the bytes came from'),
      from: memberName,
      origin: memberName,
      content: z.string().describe('Base64 of the exact bytes'),
      sizeBytes: count,
      commitment: hash,
      descriptor
    }),
    errors: ['not-found', 'payload-not-here', 'verification-failed', 'timeout']
  }),
  'record.list': method({
    summary: 'Lists the records this hospital sent or was sent, newest first, without their content.',
    roles: everybody,
    params: z.strictObject({
      chain,
      which: z.enum(['all', 'own', 'received']).default('all').describe('own: this hospital is the origin'),
      before: z.string().max(128).describe('Continue with the `next` of the last answer').optional(),
      limit: pageLimit
    }),
    result: z.object({
      chain: chainId,
      records: z.array(
        z.object({
          record: recordId,
          origin: memberName,
          transmission: transactionId.describe('Own records: the first; received ones: the one that brought it'),
          from: memberName,
          to: z.array(memberName),
          purpose: z.enum(PURPOSES),
          timeMs,
          height: heightNumber,
          state: z.enum(['own', ...DELIVERY_STATES]),
          payloadHere: z.boolean(),
          sizeBytes: count.nullable().describe('Of the sealed payload')
        })
      ),
      next: z.string().nullable()
    })
  }),
  'record.trace': method({
    summary: 'Gives the transmission-directed graph of a record: every hop since its origin.',
    roles: everybody,
    params: z.strictObject({
      chain,
      record: recordId,
      draw: z.enum(['terminal', 'ascii', 'dot']).describe('Also give a drawing').optional(),
      width: z.int().min(40).max(1000).default(100).describe('Columns of a terminal drawing')
    }),
    result: z.object({
      chain: chainId,
      record: recordId,
      origin: memberName,
      content: hash,
      height: heightNumber.describe('The head when this was read'),
      holders: z.array(holder),
      edges: z.array(edge).describe('In final order, one for each transmission and receiver'),
      complete: z.boolean().describe('False where the record travelled more often than one answer may hold'),
      drawing: z.string().optional()
    }),
    errors: ['not-found']
  }),
  'record.holders': method({
    summary: 'Says who holds a record and on which transmission’s authority, now or at an earlier time.',
    roles: everybody,
    params: z.strictObject({
      chain,
      record: recordId,
      atMs: timeMs.describe('By block time; left out: now').optional()
    }),
    result: z.object({
      chain: chainId,
      record: recordId,
      height: heightNumber.describe('The last block that was counted'),
      holders: z.array(holder)
    }),
    errors: ['not-found']
  }),
  'tx.submit': method({
    summary: 'Submits a signed transaction; the same bytes again give the same answer.',
    roles: writers,
    audited: true,
    params: z.strictObject({
      chain,
      transaction: hexBytes(limits.transactionBytesMax).min(2).describe('The signed transaction, hex'),
      payload: base64(limits.payloadBytesMax).describe('Its payload, if it names one').optional(),
      wait,
      timeoutMs,
      receipt: withReceipt,
      actor
    }),
    result: submitted,
    errors: ['refused', 'timeout', 'unavailable', 'busy', 'too-large']
  }),
  'tx.get': method({
    summary: 'Says what became of a transaction; with `receipt` gives the proof, anchored at any later final height.',
    roles: everybody,
    params: z.strictObject({
      chain,
      id: transactionId,
      receipt: withReceipt,
      anchor: heightNumber.describe('The height whose head signs for the receipt; left out: its own block').optional()
    }),
    result: z.object({
      chain: chainId,
      id: transactionId,
      leaf: leaf.nullable(),
      kind: z.string(),
      author: memberName.nullable(),
      state: transactionState,
      code: z.string().nullable(),
      height: heightNumber.nullable(),
      index: count.nullable().describe('Position within its block'),
      timeMs: timeMs.nullable().describe('Time of its block'),
      expiresMs: timeMs,
      sizeBytes: count,
      transaction: z.string().nullable().describe('The signed bytes, hex'),
      receipt: z.string().optional()
    }),
    errors: ['not-found']
  }),
  'chain.list': method({
    summary: 'Lists the chains of this daemon.',
    roles: everybody,
    params: z.strictObject({}),
    result: z.object({
      chains: z.array(
        z.object({
          label: z.string(),
          chain: chainId,
          mode: z.enum(['dss', 'stt', 'spv']),
          member: memberId,
          validator: z.boolean(),
          height: heightNumber,
          head: digest
        })
      )
    })
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
        z.object({ id: transactionId, leaf, kind: z.string(), author: memberName, sizeBytes: count })
      ),
      certificate: z
        .object({ view: count, height: heightNumber, signers: z.array(memberName) })
        .describe('The finalization that covers it; its height may be later')
        .nullable()
    }),
    errors: ['not-found']
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

export type MethodName = keyof typeof methods
