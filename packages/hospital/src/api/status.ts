/** How the daemon is: health first, each problem with what to do about it, then the chains. */
import type { Api, ChainStatus, StatusProblem } from '@wardline/api'
import { crashesTolerated, quorum } from '@wardline/consensus'
import { validatorsOf } from '@wardline/ledger'
import type { Duties } from '../duties.ts'
import type { Membership } from '../membership.ts'
import { isValidator, modeOf } from './chains.ts'
import { chainNamed, nameOf } from './lookup.ts'

export type Facts = {
  readonly name: string
  readonly version: string
  readonly startedMs: number
  readonly pid: number
  /** Resident memory of the process now. */
  readonly rssBytes: () => number
  readonly nowMs: () => number
}

/** A chain that should run and does not (`label` null: something of the daemon as a whole), with why and what to do. */
export type Failed = {
  readonly label: string | null
  readonly code: string
  readonly problem: string
  readonly remedy: string
}

export type Running = { readonly member: Membership; readonly duties: Duties }

type Methods = Pick<Api, 'status' | 'peers.list'>

export function statusMethods(running: readonly Running[], failed: () => readonly Failed[], facts: Facts): Methods {
  return {
    async status() {
      const chains: ChainStatus[] = []
      const problems: StatusProblem[] = failed().map(({ label, ...problem }) => ({
        severity: 'fail',
        chain: label,
        ...problem
      }))
      for (const { member, duties } of running) {
        const chain = await chainStatus(member, duties)
        chains.push(chain)
        problems.push(...chainProblems(member, chain))
      }
      const nowMs = facts.nowMs()
      const { name, version, startedMs, pid } = facts
      const health = problems.some(({ severity }) => severity === 'fail') ? 'fail' : problems.length > 0 ? 'warn' : 'ok'
      const uptimeMs = Math.max(0, nowMs - startedMs)
      return { health, problems, name, version, startedMs, nowMs, uptimeMs, rssBytes: facts.rssBytes(), pid, chains }
    },

    async 'peers.list'({ chain: name }) {
      const members = running.map(({ member }) => member)
      const wanted = name === undefined ? members : [chainNamed(members, name)]
      return {
        peers: wanted.flatMap((member) =>
          member.chain.peers().map(({ member: id, peer, connected, sinceMs }) => ({
            chain: member.label,
            ...nameOf(member, id),
            peer: peer.name,
            addresses: [...peer.addresses],
            validator: isValidator(member, id),
            connected,
            sinceMs
          }))
        )
      }
    }
  }
}

async function chainStatus(member: Membership, duties: Duties): Promise<ChainStatus> {
  const { chain, clock, label } = member
  const head = chain.head()
  const { phase, epoch, view, mempool } = chain.status()
  const peers = chain.peers()
  const { pending, overdue, withoutPayload } = await duties.counts()
  return {
    label,
    chain: chain.id,
    mode: modeOf(member),
    ...nameOf(member, chain.self),
    validator: isValidator(member, chain.self),
    phase,
    height: head.height,
    head: head.digest,
    headTimeMs: head.time,
    headAgeMs: clock.nowMs() - head.time,
    epoch,
    view,
    transactions: head.transactions,
    peers: {
      connected: peers.filter(({ connected }) => connected).map(({ member: id }) => nameOf(member, id)),
      missing: peers.filter(({ connected }) => !connected).map(({ member: id }) => nameOf(member, id)),
      expected: peers.length
    },
    mempool,
    duties: { pending, overdue },
    payloads: { missing: withoutPayload }
  }
}

function chainProblems(member: Membership, chain: ChainStatus): StatusProblem[] {
  const problems: StatusProblem[] = []
  const add = (severity: 'warn' | 'fail', code: string, problem: string, remedy: string) =>
    problems.push({ severity, code, chain: chain.label, problem, remedy })
  const { validators } = validatorsOf(member.chain.genesis)
  const missing = chain.peers.missing.map(({ member: id, name }) => name ?? id.slice(0, 12))
  const missingVotes = member.chain
    .peers()
    .filter(({ member: id, connected }) => !connected && isValidator(member, id)).length
  if (missingVotes > crashesTolerated(validators.length)) {
    add(
      'fail',
      'no-quorum',
      `Only ${validators.length - missingVotes} of ${validators.length} validators are reachable and ${quorum(validators.length)} must agree: nothing becomes final. Not connected: ${missing.join(', ')}.`,
      'Ask those hospitals whether their daemon runs, and check the network between you and them.'
    )
  } else if (missing.length > 0) {
    add(
      'warn',
      'peer-missing',
      `Not connected: ${missing.join(', ')}.`,
      'Ask those hospitals whether their daemon runs; this daemon keeps dialling.'
    )
  }
  if (chain.phase === 'stopped') {
    add(
      'fail',
      'chain-stopped',
      'The chain has stopped on this daemon.',
      'Read the log of the daemon, then start it again.'
    )
  }
  if (chain.duties.overdue > 0) {
    add(
      'warn',
      'duties-overdue',
      `${chain.duties.overdue} received records could not be opened for more than a day.`,
      'Ask their senders whether their daemon runs and still has the records.'
    )
  }
  return problems
}
