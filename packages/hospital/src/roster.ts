/**
 * The chains of this daemon, which come and go while it runs. None of them knows of another: each is opened, fails to be
 * opened, and is ended by itself.
 */
import { WardlineError } from '@wardline/codec'
import type { Log } from '@wardline/ports'
import type { OpenSetup } from './chain-setup.ts'
import type { Memberships } from './membership.ts'
import { type RunningChain, type RunningChainParts, startChain } from './running-chain.ts'

/** A chain that should run and does not (`label` null: something of the daemon as a whole), with why and what to do. */
export type Failed = {
  readonly label: string | null
  readonly code: string
  readonly problem: string
  readonly remedy: string
}

export type Roster = {
  /** By label. */
  readonly running: () => readonly RunningChain[]
  readonly memberships: Memberships
  /** Chains of the settings that could not be opened or were halted, and what ended the daemon. */
  readonly failed: () => readonly Failed[]
  /**
   * Opens the chain of that label. One that cannot be opened stays listed in `failed` if it is expected to run.
   * @throws WardlineError `chain-exists | busy | unavailable`, or why it cannot be opened; then nothing of it stays open
   */
  add(label: string, options: { readonly expected: boolean }): Promise<RunningChain>
  /**
   * Ends the chain and forgets it: calls that wait on it end, its duties stop, its host closes. Its disk stays as it is.
   * @returns what ran; undefined for one that could not be opened. @throws WardlineError `not-found | busy | unavailable`
   */
  remove(label: string): Promise<RunningChain | undefined>
  /** Ends all of them, those that are being opened too. */
  stop(): Promise<void>
}

/** Reasons to halt one chain that say nothing of the disk or of this program: the other chains go on. */
const HALTS_ONE_CHAIN: ReadonlySet<string> = new Set(['pin-mismatch'])

export type RosterParts = RunningChainParts & { readonly openSetup: OpenSetup }

export function createRoster(parts: RosterParts): Roster {
  const { openSetup, log } = parts
  let running: readonly RunningChain[] = []
  /** By label: those that could not be opened, and those that were halted. */
  const unopened = new Map<string, Failed>()
  const broken: Failed[] = []
  /** Labels that are being added or removed, until that has ended either way. */
  const changing = new Map<string, Promise<unknown>>()
  let stopped = false

  const named = (label: string) => running.find(({ member }) => member.label === label)

  /** One change of a chain at a time; those of different chains do not wait for each other. */
  async function change<T>(label: string, work: () => Promise<T>): Promise<T> {
    if (stopped) throw new WardlineError('unavailable', 'the daemon is stopping')
    if (changing.has(label)) {
      throw new WardlineError('busy', `the chain ${label} is being added or removed already`)
    }
    const done = work().finally(() => changing.delete(label))
    changing.set(label, done)
    return done
  }

  async function open(label: string): Promise<RunningChain> {
    if (named(label) !== undefined) throw exists(`this daemon takes part in the chain ${label} already`)
    const setup = await openSetup(label)
    let started: RunningChain | undefined
    let halting: WardlineError | undefined
    const onFailure = (error: unknown) => {
      if (error instanceof WardlineError && HALTS_ONE_CHAIN.has(error.code)) {
        halting = error
        if (started !== undefined) halt(started, error)
        return
      }
      broken.push(brokenChain(label, error))
      parts.onFailure(error)
    }
    started = await startChain(setup, { ...parts, onFailure })
    if (halting !== undefined) {
      await started.stop()
      throw halting
    }
    const twin = running.find(({ member }) => member.chain.id === started.member.chain.id)
    if (twin === undefined && !stopped) {
      running = [...running, started].sort((a, b) => (a.member.label < b.member.label ? -1 : 1))
      unopened.delete(label)
      return started
    }
    await started.stop()
    if (twin === undefined) throw new WardlineError('unavailable', 'the daemon is stopping')
    throw exists(`the genesis of ${label} is that of the chain ${twin.member.label}, in which this daemon takes part`)
  }

  /** Ends a chain that cannot go on for a reason that is its own; it stays listed, and may be added again. */
  function halt(chain: RunningChain, error: WardlineError): void {
    const { label } = chain.member
    // It is being removed, or the daemon stops.
    if (!running.includes(chain)) return
    running = running.filter((one) => one !== chain)
    unopened.set(label, haltedChain(label, error, log))
    const ending = chain
      .stop()
      .catch(parts.onFailure)
      .finally(() => changing.delete(label))
    changing.set(label, ending)
  }

  return {
    running: () => running,
    memberships: () => running.map(({ member }) => member),
    failed: () => [...unopened.values(), ...broken],

    add(label, { expected }) {
      return change(label, () =>
        open(label).catch((error: unknown) => {
          if (expected && error instanceof WardlineError) unopened.set(label, unopenedChain(label, error, log))
          throw error
        })
      )
    },

    remove(label) {
      return change(label, async () => {
        const found = named(label)
        if (found === undefined && !unopened.delete(label)) {
          throw new WardlineError('not-found', `this daemon takes part in no chain ${label}`)
        }
        // First out of every caller's sight, then ended.
        running = running.filter((one) => one !== found)
        await found?.stop()
        return found
      })
    },

    async stop() {
      stopped = true
      await Promise.allSettled(changing.values())
      const last = running
      running = []
      await Promise.all(last.map((one) => one.stop()))
    }
  }
}

function exists(what: string): WardlineError {
  return new WardlineError('chain-exists', what)
}

function unopenedChain(label: string, { code, message }: WardlineError, log: Log): Failed {
  log.error('a chain could not be opened', { chain: label, code })
  return { label, code, problem: `The chain could not be opened: ${message}.`, remedy: remedyFor(code, label) }
}

function haltedChain(label: string, { code, message }: WardlineError, log: Log): Failed {
  log.error('a chain was halted', { chain: label, code })
  return { label, code, problem: `The chain was halted: ${message}.`, remedy: remedyFor(code, label) }
}

function remedyFor(code: string, label: string): string {
  const again = `Then run "wardline chain add ${label}"; the other chains need not stop.`
  switch (code) {
    case 'port-in-use':
    case 'listen-failed':
      return `End what listens there, or change chains.${label}.listen in the settings. ${again}`
    case 'store-corrupt':
      return `Put chains/${label}/db back from a backup, and never votes beside it, or move db away: the other hospitals have its blocks. ${again}`
    case 'pin-mismatch':
      return `Have the pinned block read to you again and correct chains.${label}.pin in the settings; if it is right, do not trust this chain. ${again}`
    case 'conflicting-finalization':
      return `Enter nothing more into this chain at any hospital, and delete nothing: chains/${label}/db holds the proof. Telephone the other hospitals: more of their keys signed two different histories than the chain stands, and some of you may hold one history, some the other. Find out whose keys they are (those that are named, if any) and whether they were stolen or copied, compare blocks and agree which history counts. It goes on as a new chain with new keys and a genesis that all of you sign; "wardline chain remove ${label}" takes this one off the list. The other chains need not stop.`
    default:
      return `See to what the problem names. ${again}`
  }
}

function brokenChain(label: string, error: unknown): Failed {
  const known = error instanceof WardlineError
  return {
    label,
    code: known ? error.code : 'bug',
    problem: known ? error.message : 'The chain stopped because of an error in this program.',
    remedy: 'Read the log of the daemon; nothing is written to this chain until it is started again.'
  }
}
