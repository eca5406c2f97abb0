/**
 * One seed, from founding to the last check: things go wrong for a while, then everything is healed and must come to rest,
 * and then nothing happens for half an hour.
 */
import { createWorld, type World } from '@wardline/network-memory'
import type { Chain } from '@wardline/node'
import type { LogFields, LogLevel } from '@wardline/ports'
import { createMemoryDisk, type MemoryDisk } from '@wardline/store-memory'
import { type Cast, createCast, HEARTBEAT_MS } from './cast.ts'
import { createDurability } from './checkers/durability.ts'
import { createFinalBlocks } from './checkers/final-blocks.ts'
import { createPromises, type Promised } from './checkers/promises.ts'
import { checkChain, compareTables } from './checkers/tables.ts'
import { createVotes } from './checkers/votes.ts'
import { type Daemon, type Mutant, startDaemon } from './daemon.ts'
import { createMishaps } from './mishaps.ts'
import { drawProfile, type Profile } from './profile.ts'
import { createRememberingVerifier } from './remembering-verifier.ts'
import { joinWatches, type Violation, type ViolationCode, type Watch } from './watch.ts'
import { startWorkload } from './workload.ts'

export type SeedOptions = {
  readonly seed: number
  readonly nodes?: number
  readonly mutant?: Mutant
  /** Changes what the seed has drawn. */
  readonly profile?: (drawn: Profile) => Profile
  /** These invariants only; all by default. */
  readonly only?: readonly ViolationCode[]
  readonly log?: (atMs: number, node: string, level: LogLevel, message: string, fields: LogFields) => void
  readonly onEvent?: (atMs: number, kind: string, node: string, detail: string) => void
}

export type SeedReport = {
  readonly seed: number
  readonly profile: Profile
  readonly simulatedMs: number
  readonly events: number
  readonly views: number
  readonly height: number
  readonly transactions: ReturnType<Promised['counts']>
  readonly answers: ReadonlyMap<string, number>
  readonly mishaps: ReadonlyMap<string, number>
  readonly violations: readonly Violation[]
  readonly traceHash: string
}

const SETTLE_MS = 20 * 60_000
const IDLE_MS = 3 * HEARTBEAT_MS
/** More would mean that something goes round in circles; a seed takes some ten thousand. */
const EVENTS_MAX = 1_500_000

class Stop extends Error {}

export async function runSeed(options: SeedOptions): Promise<SeedReport> {
  const { seed } = options
  const violations: Violation[] = []
  const report = (code: ViolationCode, what: string): void => {
    if (options.only === undefined || options.only.includes(code)) violations.push({ code, what })
  }
  const stage = build(options, report)
  const { world, profile, mishaps, daemons, promises, blocks, votes, workload, verifier } = stage
  const startMs = world.nowMs()
  const said = stage.said

  const run = async (forMs: number, until?: () => boolean): Promise<boolean> => {
    const result = await world.run({
      forMs,
      steps: EVENTS_MAX,
      ...(until === undefined ? {} : { until }),
      afterEvent: ({ atMs, kind, node, detail }) => {
        options.onEvent?.(atMs, kind, node, detail)
        options.mutant?.afterEvent?.(world)
        if (violations.length > 0) throw new Stop('an invariant is broken')
      }
    })
    if (result.reason === 'steps') report('I10', `${EVENTS_MAX} events in one phase`)
    return result.reason === 'condition'
  }

  try {
    mishaps.begin(daemons)
    await run(profile.safetyMs)
    workload.stop()
    mishaps.end()
    const settled = await run(SETTLE_MS, () => isSettled(daemons, promises, world.nowMs()))
    if (!settled)
      report(
        'I10',
        `not settled ${SETTLE_MS / 60_000} minutes after the faults stopped: ${stateOf(daemons, promises, world)}`
      )
    // One who heard a last proposal that the others did not stays awake until the next heartbeat.
    await run(HEARTBEAT_MS + 60_000)
    const [heightBefore, saidBefore] = [blocks.height(), said()]
    await run(IDLE_MS)
    // A heartbeat may be under way.
    await run(SETTLE_MS, () => isSettled(daemons, promises, world.nowMs()))
    checkIdle(daemons, { blocks: blocks.height() - heightBefore, said: said() - saidBefore }, report)
    const chains = openChains(daemons)
    await compareTables(chains, report)
    const chosen = chains[seed % chains.length]
    if (chosen !== undefined)
      await checkChain(chosen, (key, message, signature) => verifier.check(key, message, signature), report)
  } catch (error) {
    if (!isStop(error)) report('failed', error instanceof Error ? textWithCause(error) : String(error))
  }

  return {
    seed,
    profile,
    simulatedMs: world.nowMs() - startMs,
    events: world.trace.count(),
    views: votes.highestView(),
    height: blocks.height(),
    transactions: promises.counts(),
    answers: workload.answers(),
    mishaps: mishaps.counts(),
    violations,
    traceHash: world.trace.hash()
  }
}

type Report = (code: ViolationCode, what: string) => void

function build(options: SeedOptions, report: Report) {
  const mutant = options.mutant ?? {}
  let latency: () => number = () => 1
  let fault: (node: string) => ReturnType<typeof mishaps.write> = () => undefined
  const latencies = new Map<string, () => number>()
  const segmentBytes = { value: 65_536 }
  const world: World<MemoryDisk> = createWorld<MemoryDisk>({
    seed: options.seed,
    disk: ({ node, clock, prng }) => {
      latencies.set(node, () => prng.between(...profile.diskLatencyMs))
      return createMemoryDisk({
        clock,
        latencyMs: () => latencies.get(node)?.() ?? latency(),
        segmentBytes: segmentBytes.value,
        fault: () => fault(node)
      })
    }
  })
  const drawn = drawProfile(world.prng.fork('profile'), options.nodes)
  const profile = options.profile?.(drawn) ?? drawn
  segmentBytes.value = profile.segmentBytes
  latency = () => profile.diskLatencyMs[0]
  const mishaps = createMishaps(world, profile, mutant)
  fault = (node) => mishaps.write(node)

  const cast: Cast = createCast(profile.nodes, world.prng.fork('genesis').bytes(32), world.nowMs() - 1000)
  const members = new Map<string, string>()
  const memberOf = (node: string): string => members.get(node) ?? ''
  const blocks = createFinalBlocks(report)
  const votes = createVotes(report, memberOf)
  const durability = createDurability(report, memberOf)
  const promises = createPromises({ report, isOnDisk: (node, key) => durability.isOnDisk(node, key) })
  let said = 0
  const counted: Partial<Watch> = {
    said: () => {
      said += 1
    }
  }
  const watch = joinWatches([blocks, votes, durability, promises, counted])
  const verifier = createRememberingVerifier()
  const { log } = options
  const daemons = cast.hospitals.map((hospital) => {
    members.set(hospital.name, mutant.self?.(hospital, cast).hospital.member ?? hospital.member)
    return startDaemon(
      {
        world,
        cast,
        watch,
        report,
        verifier,
        mutant,
        output: (node) => mishaps.output(node),
        diskFailed: (node) => mishaps.diskFailed(node),
        onExit: (node) => mishaps.exited(node),
        ...(log === undefined
          ? {}
          : { log: (node, level, message, fields) => log(world.nowMs(), node, level, message, fields) })
      },
      hospital
    )
  })
  const workload = startWorkload({ world, cast, daemons, promises, report, actionEveryMs: profile.actionEveryMs })
  return { world, profile, mishaps, daemons, promises, blocks, votes, workload, verifier, said: () => said }
}

function openChains(daemons: readonly Daemon[]): readonly Chain[] {
  return daemons.flatMap((daemon) => daemon.chain() ?? [])
}

/** All run, all have the same head, and nothing that was accepted is still open. */
function isSettled(daemons: readonly Daemon[], promises: Promised, nowMs: number): boolean {
  const chains = openChains(daemons)
  const [first] = chains
  if (first === undefined || chains.length < daemons.length) return false
  const { digest } = first.head()
  if (chains.some((chain) => chain.head().digest !== digest)) return false
  return promises.open(first, nowMs).length === 0
}

/** I11: between heartbeats nobody speaks, and what is over does not stay in a mempool. */
function checkIdle(daemons: readonly Daemon[], idle: { blocks: number; said: number }, report: Report): void {
  const n = daemons.length
  if (idle.blocks < 2) report('I10', `${idle.blocks} blocks in ${IDLE_MS / 60_000} idle minutes`)
  if (idle.blocks > 6) report('I11', `${idle.blocks} blocks in ${IDLE_MS / 60_000} idle minutes`)
  const saidMax = (idle.blocks + 2) * 8 * n
  if (idle.said > saidMax) report('I11', `${idle.said} messages in ${IDLE_MS / 60_000} idle minutes`)
  for (const daemon of daemons) {
    const { mempool } = daemon.chain()?.status() ?? {}
    if (mempool === undefined) report('I10', `${daemon.hospital.name} is not running at the end`)
    else if (mempool.transactions > 0)
      report('I11', `${daemon.hospital.name} still holds ${mempool.transactions} pending`)
  }
}

function stateOf(daemons: readonly Daemon[], promises: Promised, world: World<MemoryDisk>): string {
  const nodes = daemons.map((daemon) => {
    const chain = daemon.chain()
    const { view, mempool } = chain?.status() ?? {}
    return `${daemon.hospital.name} height ${chain?.head().height} view ${view} pending ${mempool?.transactions}`
  })
  const chain = openChains(daemons)[0]
  const open = chain === undefined ? [] : promises.open(chain, world.nowMs())
  return `${nodes.join(', ')}; open: ${open.map(({ id, kind }) => `${kind} ${id.slice(0, 8)}`).join(', ')}`
}

function isStop(error: unknown): boolean {
  return error instanceof Stop || (error instanceof Error && error.cause instanceof Stop)
}

function textWithCause(error: Error): string {
  const cause = error.cause instanceof Error ? `\n${error.cause.stack ?? error.cause.message}` : ''
  return `${error.message}${cause}`
}
