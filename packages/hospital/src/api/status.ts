/** How the daemon is: health first, each problem with what to do about it, then the chains. */
import type { Api, ChainStatus, StatusProblem } from '@wardline/api'
import { unreachable } from '@wardline/codec'
import { crashesTolerated, DEFAULT_TIMING, faultsTolerated, quorum, type Voting } from '@wardline/consensus'
import { currentKey, validatorsIn } from '@wardline/ledger'
import { type Membership, nextBlockMs, registeredSeals } from '../membership.ts'
import type { Failed } from '../roster.ts'
import type { RunningChain } from '../running-chain.ts'
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

type Methods = Pick<Api, 'status' | 'peers.list'>

export function statusMethods(
  running: () => readonly RunningChain[],
  failed: () => readonly Failed[],
  facts: Facts
): Methods {
  return {
    async status() {
      const { chains, problems } = await standingOf(running(), failed())
      const nowMs = facts.nowMs()
      const { name, version, startedMs, pid } = facts
      const health = problems.some(({ severity }) => severity === 'fail') ? 'fail' : problems.length > 0 ? 'warn' : 'ok'
      const uptimeMs = Math.max(0, nowMs - startedMs)
      return { health, problems, name, version, startedMs, nowMs, uptimeMs, rssBytes: facts.rssBytes(), pid, chains }
    },

    async 'peers.list'({ chain: name }) {
      const members = () => running().map(({ member }) => member)
      const wanted = name === undefined ? members() : [chainNamed(members, name)]
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

/** How each chain is, and what is wrong with it and with the daemon as a whole. */
export async function standingOf(
  running: readonly RunningChain[],
  failed: readonly Failed[]
): Promise<{ readonly chains: readonly ChainStatus[]; readonly problems: readonly StatusProblem[] }> {
  const chains: ChainStatus[] = []
  const problems: StatusProblem[] = failed.map(({ label, ...problem }) => ({
    severity: 'fail',
    chain: label,
    ...problem
  }))
  for (const one of running) {
    const chain = await chainStatus(one)
    chains.push(chain)
    problems.push(...chainProblems(one.member, chain))
  }
  return { chains, problems }
}

async function chainStatus({ member, duties, erasures, exchange }: RunningChain): Promise<ChainStatus> {
  const { chain, clock, label } = member
  const head = chain.head()
  const { phase, epoch, view, voting, mempool } = chain.status()
  const peers = chain.peers()
  const { pending, overdue, withoutPayload } = await duties.counts()
  const recalled = (await erasures?.counts()) ?? { pending: 0, overdue: 0 }
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
    voting: votingState(voting),
    transactions: head.transactions,
    peers: {
      connected: peers.filter(({ connected }) => connected).map(({ member: id }) => nameOf(member, id)),
      missing: peers.filter(({ connected }) => !connected).map(({ member: id }) => nameOf(member, id)),
      expected: peers.length
    },
    mempool,
    duties: { pending, overdue, toDestroy: recalled.pending, overdueToDestroy: recalled.overdue },
    payloads: { missing: withoutPayload + (await chain.payloads.missing()) },
    quarantined: member.quarantine.count(),
    turnedAway: exchange?.turnedAway() ?? 0
  }
}

function votingState(voting: Voting): ChainStatus['voting'] {
  switch (voting.kind) {
    case 'asking': {
      const { isLost, answers, needed } = voting
      return { state: isLost ? 'asking-lost' : 'asking', answers, needed }
    }
    case 'waiting':
      return { state: 'waiting', fromView: voting.fromView }
    case 'voting':
    case 'paused':
    case 'follower':
      return { state: voting.kind }
    default:
      return unreachable(voting)
  }
}

/** What is not well while this daemon does not know what it signed. */
function votingProblem(
  { voting, view }: ChainStatus,
  validators: number
): Pick<StatusProblem, 'severity' | 'problem' | 'remedy'> | undefined {
  const { state, answers = 0, needed = 0, fromView = 0 } = voting
  const lost = 'The vote journal is lost: this daemon may have signed votes that it does not know of. '
  const canGoOn = crashesTolerated(validators) > 0
  if (state === 'asking-lost') {
    return {
      severity: 'warn',
      problem: `${lost}It does not vote, and asks the other validators what they have of it (${answers} of ${needed} answers).`,
      remedy: 'See that the other hospitals are connected; it goes on by itself when enough have answered.'
    }
  }
  if (state !== 'waiting') return undefined
  const waits = `${lost}It does not vote until view ${fromView}; the chain is in view ${view}.`
  if (canGoOn)
    return {
      severity: 'warn',
      problem: waits,
      remedy:
        'Nothing, if enough others vote: they bring it there. Until it votes again, put no other hospital of the chain back from a backup, or nothing becomes final any more.'
    }
  return {
    severity: 'fail',
    problem: `${waits} The others cannot bring it there without this vote: nothing becomes final any more, reading goes on.`,
    remedy: 'Agree with the other hospitals on a new genesis that names the last final block.'
  }
}

/** Whether what is sealed to the key in force, or to one that is announced, cannot be opened here. */
function isSealKeyMissing(member: Membership): boolean {
  const seals = registeredSeals(member)
  const inForce = currentKey(seals, nextBlockMs(member))
  return seals.slice(inForce?.index ?? 0).some(({ key }) => member.ownSeals.openerOf(key) === undefined)
}

/** Longer than any single view lasts. */
const STALLED_MS = DEFAULT_TIMING.viewTimerMaxMs

/** How many clocks must differ from this one for it to be in doubt: more than may be wrong, where there are so many. */
function clocksTellingOf(validators: number): number {
  return Math.max(1, Math.min(validators - 1, Math.max(2, faultsTolerated(validators) + 1)))
}

function offBy(aheadMs: number): string {
  return `${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead' : 'behind'}`
}

function chainProblems(member: Membership, chain: ChainStatus): StatusProblem[] {
  const problems: StatusProblem[] = []
  const add = (severity: 'warn' | 'fail', code: string, problem: string, remedy: string) =>
    problems.push({ severity, code, chain: chain.label, problem, remedy })
  const { validators } = validatorsIn(member.chain.state)
  const silent = votingProblem(chain, validators.length)
  if (silent !== undefined) add(silent.severity, 'journal-lost', silent.problem, silent.remedy)
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
  const { stalledMs, clocksOff } = member.chain.status()
  const differing = clocksOff.map(
    ({ member: id, aheadMs }) => `${nameOf(member, id).name ?? id.slice(0, 12)} ${offBy(aheadMs)}`
  )
  const isClockOff = differing.length >= clocksTellingOf(validators.length)
  if (isClockOff) {
    add(
      'warn',
      'clock-off',
      `The clocks differ, so that blocks of other hospitals are refused here or blocks of this one there: as seen from the clock here, ${differing.join(', ')}.`,
      'Check the clock of this machine and its time service (NTP). If it is right, ask those hospitals to check theirs.'
    )
  }
  if (stalledMs > STALLED_MS && missingVotes <= crashesTolerated(validators.length)) {
    add(
      'fail',
      'chain-stalled',
      `Transactions have been waiting for ${Math.round(stalledMs / 1000)} s and nothing becomes final, although enough validators are connected.`,
      isClockOff
        ? 'First see to the clocks: the validators refuse each other’s blocks.'
        : 'The validators do not agree on a block: the log says which blocks are refused here and why. Ask the other hospitals for their "wardline status", and compare versions and clocks. Where more of them have lost their vote journals than may be away, put undamaged homes back, or agree on a new genesis that names the last final block.'
    )
  }
  if (isSealKeyMissing(member)) {
    add(
      'fail',
      'seal-key-missing',
      'The secret of the sealing key that the chain has of this hospital is not here: what others send is sealed to it, cannot be opened, and waits.',
      'Put the key files of the home back from a backup and start the daemon again. If the key is lost, announce another with "wardline member rotate", and acknowledge what "wardline record pending" lists with "record ack", as lost-key for good; who sent has to send again.'
    )
  }
  const oldForks = member.chain.oldForks()
  if (oldForks.length > 0) {
    const signed = oldForks.map(({ epoch, view, digest }) => `block ${digest} in view ${view} of epoch ${epoch}`)
    add(
      'warn',
      'old-fork',
      `A quorum of former validators signed what is not on this chain: ${signed.join(', ')}. They decide nothing any more, so the chain goes on: either their old keys are in wrong hands, or some hospital has had another history since.`,
      'Read height and digest of a recent block to the other hospitals by telephone ("wardline chain block HEIGHT"). If all have it, find out who still holds keys of that time; "wardline evidence list" names who is known to have signed both. If one does not have it, let nobody enter anything more until you agree which history counts.'
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
  if (chain.quarantined > 0) {
    add(
      'fail',
      'content-damaged',
      `Stored content of ${chain.quarantined} patients is damaged on this daemon; their records are neither read nor written here.`,
      'It is fetched anew from the other hospitals as soon as one is connected; have the disk checked.'
    )
  }
  if (chain.duties.overdue > 0) {
    add(
      'warn',
      'duties-overdue',
      `${chain.duties.overdue} received records are not acknowledged after more than a day.`,
      '"wardline record pending" lists them: acknowledge what waits for a person; of the others ask the senders whether their daemon runs and still has the records.'
    )
  }
  if (chain.duties.overdueToDestroy > 0) {
    add(
      'warn',
      'recalled-not-attested',
      `${chain.duties.overdueToDestroy} recalled records are not attested as destroyed after more than a day.`,
      'The log says why; the other hospitals see this hospital on the list of those who have not.'
    )
  }
  return problems
}
