/** Methods on the daemon itself. */
import { z } from 'zod'
import { everybody, type Method, method } from '../method.ts'
import { chain, chainId, count, digest, heightNumber, memberId, memberName, timeMs } from '../schema.ts'

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
  voting: z.object({
    state: z
      .enum(['voting', 'follower', 'asking', 'asking-lost', 'waiting', 'paused'])
      .describe(
        'asking: what others have of this daemon, after a start; lost: its journal does not tell what it signed; paused: its disk is nearly full'
      ),
    answers: count.optional().describe('While asking'),
    needed: count.optional().describe('While asking: so many answers must come'),
    fromView: count.optional().describe('While waiting: the view from which this daemon votes again')
  }),
  transactions: count.describe('Final ones'),
  peers: z.object({
    connected: z.array(memberName),
    missing: z.array(memberName),
    expected: count
  }),
  mempool: z.object({ transactions: count, bytes: count }),
  duties: z.object({
    pending: count.describe('Received records to open and acknowledge'),
    overdue: count.describe('Those of them for over a day'),
    toDestroy: count.describe('Recalled records of which this hospital has not attested that its copies are destroyed'),
    overdueToDestroy: count.describe('Those of them for over a day')
  }),
  payloads: z.object({ missing: count }),
  quarantined: count.describe('Patients of whom stored content is damaged on this daemon'),
  turnedAway: count.describe(
    'Requests for records that got no entry since the start: their hospitals had used up their entries'
  )
})

export const daemonMethods = {
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
    params: z.strictObject({ chain: chain.describe('Label or id of a chain; left out: all of them') }),
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
  })
} as const satisfies Record<string, Method>
