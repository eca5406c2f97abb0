/**
 * What a client can follow: topics of one chain, each with the shape of its events. What an event says is on the chain, or
 * in `status`; none holds content, so every socket may follow every topic.
 */
import { z } from 'zod'
import { everybody, type Method, method, type Role } from './method.ts'
import {
  actor,
  alias,
  chain,
  chainId,
  count,
  digest,
  hash,
  heightNumber,
  memberName,
  recordId,
  timeMs,
  transactionId
} from './schema.ts'
import { ACCESS_STATUSES, HANDOFF_OUTCOMES, PURPOSES } from './vocabulary.ts'

/** One row of the table of topics. */
export type Topic = {
  /** One sentence. */
  readonly summary: string
  readonly roles: readonly Role[]
  /** Tells of patients: opening it belongs into the local log, as looking at a patient's page does. */
  readonly audited: boolean
  readonly event: z.ZodType
}

const blockTimeMs = timeMs.describe('Time of the block')

const block = z.object({
  digest,
  parent: digest,
  epoch: count,
  view: count,
  timeMs: blockTimeMs,
  proposer: memberName,
  transactions: count
})

const sent = z.object({
  kind: z.literal('sent'),
  transmission: transactionId,
  record: recordId,
  via: transactionId.nullable().describe('The transmission by which the sender had it; null for the origin'),
  from: memberName,
  to: z.array(memberName),
  purpose: z.enum(PURPOSES),
  timeMs: blockTimeMs
})

const acknowledged = z.object({
  kind: z.literal('acknowledged'),
  transmission: transactionId,
  record: recordId,
  acknowledgement: transactionId,
  by: memberName,
  outcome: z.enum(HANDOFF_OUTCOMES),
  timeMs: blockTimeMs
})

const withdrawn = z.object({
  kind: z.enum(['recalled', 'destroyed']).describe('destroyed: a hospital has attested that its copies are'),
  record: recordId,
  transaction: transactionId,
  by: memberName.describe('Who brought the recall, or attests'),
  timeMs: blockTimeMs
})

const access = z.object({
  kind: z.enum(['dss.access', 'spv.access']),
  transaction: transactionId,
  alias,
  hospital: memberName.describe('Who reads, in an alliance; the owner, on a permissions chain'),
  reader: memberName.nullable().describe('Who reads at that hospital, or whom the owner answered'),
  purpose: z.enum(PURPOSES),
  records: z.array(recordId),
  request: hash.nullable().describe('The signed request that the owner answered'),
  decision: z.enum(['permit', 'deny']).nullable(),
  status: z.enum(ACCESS_STATUSES).nullable().describe('What the chain found'),
  code: z.string().nullable().describe('Why it was denied, or what the grant lacked'),
  grant: transactionId.nullable().describe('The grant that covers it'),
  timeMs: blockTimeMs
})

const alert = z.object({
  kind: z
    .enum(['happened', 'raised', 'cleared'])
    .describe(
      'happened: a final block says so; raised and cleared: a problem of this daemon begins, or says something else, and ends'
    ),
  severity: z.enum(['warn', 'fail']),
  code: z.string().describe('Stable, for monitoring; of a problem as in status'),
  problem: z.string().describe('One sentence'),
  remedy: z.string().describe('What the operator can do, one sentence'),
  transaction: transactionId.nullable().describe('What happened; null for a problem of this daemon'),
  timeMs: timeMs.describe('Of the block; of a problem when it was seen')
})

export const topics = {
  blocks: { summary: 'Every final block.', roles: everybody, audited: false, event: block },
  handoffs: {
    summary:
      'Every transmission of a record on a transfer chain, every acknowledgement of one, and every recall with its attestations.',
    roles: everybody,
    audited: false,
    event: z.discriminatedUnion('kind', [sent, acknowledged, withdrawn])
  },
  accesses: {
    summary: 'Every entry of an access to records, in an alliance and on a permissions chain.',
    roles: everybody,
    audited: true,
    event: access
  },
  alerts: {
    summary:
      'What somebody should look at: hand-offs that failed, releases that no grant covered and validators that signed twice, by block; and the problems of this daemon that stand, begin and end.',
    roles: everybody,
    audited: false,
    event: alert
  }
} as const satisfies Record<string, Topic>

export type TopicName = keyof typeof topics
export const TOPICS = Object.keys(topics) as [TopicName, ...TopicName[]]

const subscription = count.describe('Names the subscription on its connection')

/** Methods of a connection that stays: WebSocket or the raw stream. By HTTP their code is `needs-stream`. */
export const connectionMethods = {
  subscribe: method({
    summary:
      'Follows a topic of one chain on this connection: everything above a height first, from the disk, then what comes.',
    roles: everybody,
    params: z.strictObject({
      topic: z.enum(TOPICS),
      chain,
      from: heightNumber.describe('The last height that the client has seen; left out: the head').optional(),
      actor
    }),
    result: z.object({
      subscription,
      topic: z.enum(TOPICS),
      chain: chainId,
      height: heightNumber.describe('The first event comes from above it')
    }),
    errors: ['not-found', 'ambiguous', 'wrong-mode', 'height-ahead', 'busy', 'needs-stream']
  }),
  unsubscribe: method({
    summary: 'Ends a subscription of this connection.',
    roles: everybody,
    params: z.strictObject({ subscription }),
    result: z.object({ subscription }),
    errors: ['not-found', 'needs-stream']
  })
} as const satisfies Record<string, Method>

/** What the daemon says without being asked, as notifications of these methods. */
export const notifications = {
  event: {
    summary: 'What a height brought.',
    params: z.object({
      subscription,
      height: heightNumber.describe('Everything up to it has been said: what to pass as `from` another time'),
      events: z.array(z.unknown()).describe('In final order; empty where it only says how far the search has come')
    })
  },
  ended: {
    summary: 'The subscription has ended, and why.',
    params: z.object({ subscription, code: z.string().describe('Stable'), message: z.string() })
  }
} as const
