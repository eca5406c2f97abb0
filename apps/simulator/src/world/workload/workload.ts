/**
 * Seeded clients of all hospitals together. They know the ledger's rules and nothing of the nodes but what those answer; what
 * they do is a matter of the chain's mode (`transmissions.ts`, `alliance.ts`, `permissions.ts`).
 */
import { assert, type TransactionId, unreachable, WardlineError } from '@wardline/codec'
import type { Signer } from '@wardline/crypto'
import { buildTransaction, chargedTo, type Draft, type ParsedTransaction, parseTransaction } from '@wardline/ledger'
import type { Prng, World } from '@wardline/network-memory'
import type { Chain } from '@wardline/node'
import type { MemoryDisk } from '@wardline/store-memory'
import type { Cast } from '../cast.ts'
import type { Promised } from '../checkers/promises.ts'
import type { Daemon } from '../daemon.ts'
import type { Report } from '../watch.ts'
import { allianceActions } from './alliance.ts'
import { permissionActions } from './permissions.ts'
import { transmissionActions } from './transmissions.ts'

export type Workload = {
  stop(): void
  readonly clients: Clients
  /** Answers by kind or refusal code. */
  answers(): ReadonlyMap<string, number>
  /** What the clients have done so far. */
  actions(): number
}

export type WorkloadParts = {
  readonly world: World<MemoryDisk>
  readonly cast: Cast
  readonly daemons: readonly Daemon[]
  readonly promises: Promised
  readonly report: Report
  readonly actionEveryMs: number
  readonly actionsMax: number
}

export type Built = { readonly transaction: ParsedTransaction; readonly payload?: Uint8Array }

/** True of what no daemon may ever take; or says it of one daemon, as it is now. */
export type Forged = boolean | ((at: Daemon) => boolean)

/** One thing that a client of this daemon does now. */
export type Act = (daemon: Daemon) => void

/** What the clients of every mode share. */
export type Clients = {
  readonly prng: Prng
  readonly cast: Cast
  readonly promises: Promised
  /** Daemons that run now. */
  readonly running: () => readonly Daemon[]
  /** What an author draws for every transaction. */
  readonly draw: () => { nonce: Uint8Array; created: number; expires: number }
  readonly nowMs: () => number
  readonly parsed: (draft: Draft, sign: Signer) => ParsedTransaction
  /** Submits it at this daemon, which must refuse what is forged. */
  readonly send: (daemon: Daemon, built: Built, isForged?: Forged) => void
  readonly isFinal: (daemon: Daemon, id: TransactionId) => boolean
  readonly count: (what: string) => void
  readonly report: Report
  /** Runs what a client waits for; only a chain that stops may fail it. */
  readonly background: (what: string, run: () => Promise<void>) => void
}

const HOUR_MS = 60 * 60 * 1000
const OUTCOME_WAIT_MS = 60_000

export function startWorkload(parts: WorkloadParts): Workload {
  const { world, cast, daemons, promises, report } = parts
  const prng = world.prng.fork('workload')
  const answers = new Map<string, number>()
  const submitted: (Built & { readonly isForged: Forged })[] = []
  let actions = 0
  let stopped = false

  const count = (what: string): void => void answers.set(what, (answers.get(what) ?? 0) + 1)
  const running = (): readonly Daemon[] => daemons.filter((daemon) => daemon.chain() !== undefined)

  async function submit({ hospital, isCorrect }: Daemon, chain: Chain, built: Built, isForged: boolean): Promise<void> {
    const { transaction, payload } = built
    const node = hospital.name
    const answer = await chain.submit(transaction.bytes, payload)
    count(answer.kind === 'refused' ? answer.code : answer.kind)
    // A Byzantine member's word is worth nothing.
    if (answer.kind === 'refused' || !isCorrect) return
    if (isForged) report('M2', `${node} takes the forged ${transaction.kind} ${transaction.id}`)
    if (answer.kind === 'ended') {
      promises.ended(node, transaction, answer.outcome)
      return
    }
    promises.accepted(node, transaction)
    const outcome = await chain.outcome(transaction.id, OUTCOME_WAIT_MS)
    if (outcome === undefined) return
    count(outcome.kind === 'committed' ? 'committed' : `${outcome.kind} later`)
    promises.ended(node, transaction, outcome)
  }

  /** The chain may be stopped while a client waits. */
  function background(what: string, run: () => Promise<void>): void {
    run().catch((error: unknown) => {
      if (!(error instanceof WardlineError)) report('failed', `${what} failed: ${String(error)}`)
    })
  }

  function send(daemon: Daemon, built: Built, isForged: Forged = false): void {
    const chain = daemon.chain()
    if (chain === undefined) return
    submitted.push({ ...built, isForged })
    const mustRefuse = typeof isForged === 'boolean' ? isForged : isForged(daemon)
    background('a submission', () => submit(daemon, chain, built, mustRefuse))
  }

  function repeat(daemon: Daemon): void {
    if (submitted.length === 0) return
    const { isForged, ...built } = prng.pick(submitted)
    // A payload goes to the daemons of its holders only.
    const home = daemons.find(({ self }) => self.member === chargedTo(built.transaction))
    const place = built.payload === undefined ? daemon : home
    if (place !== undefined) send(place, built, isForged)
  }

  const clients: Clients = {
    prng,
    cast,
    promises,
    running,
    draw() {
      const created = world.nowMs() - 1
      const lifeMs = prng.chance(0.1) ? Math.round(prng.between(2000, 60_000)) : HOUR_MS
      return { nonce: prng.bytes(16), created, expires: created + lifeMs }
    },
    nowMs: () => world.nowMs(),
    parsed(draft, sign) {
      const result = parseTransaction(buildTransaction(draft, sign), cast.chain)
      assert(result.kind === 'ok', 'the workload builds transactions of good form')
      return result.transaction
    },
    send,
    isFinal,
    count,
    report,
    background
  }
  const act = actionsOf(clients, repeat)

  /** What a client asks for may be what has been damaged. */
  function isFinal(daemon: Daemon, id: TransactionId): boolean {
    try {
      return daemon.chain()?.query.place(id) !== undefined
    } catch (error) {
      if (!(error instanceof WardlineError) || error.code !== 'store-corrupt') throw error
      daemon.fail(error)
      return false
    }
  }

  function next(): void {
    world.clock.after(prng.between(0, 2 * parts.actionEveryMs), () => {
      if (stopped || actions >= parts.actionsMax) return
      actions += 1
      const up = running()
      if (up.length > 0) act(prng.pick(up))
      next()
    })
  }
  next()

  return {
    stop() {
      stopped = true
    },
    clients,
    answers: () => answers,
    actions: () => actions
  }
}

/** @param repeat submits something again that was submitted before */
function actionsOf(clients: Clients, repeat: Act): Act {
  const { mode } = clients.cast.genesis
  switch (mode) {
    case 'STT':
      return transmissionActions(clients, repeat)
    case 'DSS':
      return allianceActions(clients, repeat)
    case 'SPV':
      return permissionActions(clients, repeat)
    default:
      return unreachable(mode)
  }
}
