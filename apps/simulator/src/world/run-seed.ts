/**
 * One seed, from founding to the last check: things go wrong for a while, then everything is healed and must come to rest,
 * and then nothing happens for half an hour.
 */
import { type Mode, type ParsedTransaction, payloadHolders, validatorsOf } from '@wardline/ledger'
import { createWorld, type Prng, type World } from '@wardline/network-memory'
import type { Chain } from '@wardline/node'
import type { LogFields, LogLevel } from '@wardline/ports'
import { createMemoryDisk, type MemoryDisk } from '@wardline/store-memory'
import { type Cast, createCast, HEARTBEAT_MS } from './cast.ts'
import { checkBuffers } from './checkers/buffers.ts'
import { createCertificates, type Verify } from './checkers/certificates.ts'
import { createDurability } from './checkers/durability.ts'
import { checkEntries } from './checkers/entries.ts'
import { createEpochs, type EpochCounts } from './checkers/epochs.ts'
import { createEvidenceCheck } from './checkers/evidence.ts'
import { createReExecution } from './checkers/execution.ts'
import { createFinalBlocks } from './checkers/final-blocks.ts'
import { createHolders } from './checkers/holders.ts'
import { checkMarks } from './checkers/marks.ts'
import { createPayloadCheck } from './checkers/payloads.ts'
import { createPromises, type Promised } from './checkers/promises.ts'
import { checkReceipts } from './checkers/receipts.ts'
import { createReleaseCheck, isPart } from './checkers/releases.ts'
import { checkChain, compareTables } from './checkers/tables.ts'
import { createVotes } from './checkers/votes.ts'
import { type Daemon, type Mutant, startDaemon } from './daemon.ts'
import type { ByzantineKind, FaultKind } from './fault-kinds.ts'
import { createMishaps } from './mishaps.ts'
import { drawProfile, type Profile } from './profile.ts'
import { createRememberingVerifier } from './remembering-verifier.ts'
import { farOffIn, planMishaps } from './schedule.ts'
import { createVoteKeys } from './vote-keys.ts'
import { joinWatches, type Violation, type ViolationCode, type Watch } from './watch.ts'
import { changeValidators } from './workload/validator-changes.ts'
import { startWorkload } from './workload/workload.ts'

export type SeedOptions = {
  readonly seed: number
  readonly nodes?: number
  readonly mode?: Mode
  /** Only these kinds of faults, of those that the seed draws. */
  readonly faults?: readonly FaultKind[]
  /** Only the mishaps of the seed's schedule that have these numbers. */
  readonly mishaps?: ReadonlySet<number>
  /** At most so many actions of the clients. */
  readonly actionsMax?: number
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
  /** Epochs that ended, and by what changes of the validators. */
  readonly epochs: EpochCounts
  /** Receipts that were verified with the genesis alone, of transactions of every epoch. */
  readonly receipts: number
  readonly transactions: ReturnType<Promised['counts']>
  readonly answers: ReadonlyMap<string, number>
  /** Payloads of transmissions that one node handed to another. */
  readonly payloadsGiven: number
  /** Frames with content of SPV records that owners handed over. */
  readonly released: number
  /** Processes of an owner or a requester that ended after the first part of a record had come, and before its stream had ended. */
  readonly endedMidway: number
  /** Permitted entries before which the grant was revoked, after the block of the decision. */
  readonly revokedMeanwhile: number
  /** Faults that happened, by kind; a Byzantine member counts once. */
  readonly faults: ReadonlyMap<string, number>
  /** Numbers of the mishaps of the schedule that happened. */
  readonly happened: readonly number[]
  /** Actions of the clients. */
  readonly actions: number
  /** Certificates tried with one bit changed, all of which were refused. */
  readonly spoilt: number
  /** Members against whom a correct node has evidence. */
  readonly convicted: number
  readonly violations: readonly Violation[]
  readonly traceHash: string
}

const SETTLE_MS = 20 * 60_000
const IDLE_MS = 3 * HEARTBEAT_MS
/** More would mean that something goes round in circles; a seed takes some ten thousand. */
const EVENTS_MAX = 1_500_000
/** Buffers are looked at after every so many events. */
const EVENTS_PER_LOOK = 64

class Stop extends Error {}

export async function runSeed(options: SeedOptions): Promise<SeedReport> {
  const { seed } = options
  const violations: Violation[] = []
  const report = (code: ViolationCode, what: string): void => {
    if (options.only === undefined || options.only.includes(code)) violations.push({ code, what })
  }
  const stage = build(options, report)
  const { world, profile, mishaps, daemons, promises, blocks, votes, workload, verifier, said } = stage
  const startMs = world.nowMs()
  /** Of these liveness is asked. */
  const standing = (): readonly Daemon[] => daemons.filter(({ isCorrect }) => isCorrect)
  const isAtRest = (): boolean => isSettled(standing(), promises, world.nowMs())
  let events = 0
  let revokedMeanwhile = 0
  let receipts = 0

  const run = async (forMs: number, until?: () => boolean): Promise<boolean> => {
    const result = await world.run({
      forMs,
      steps: EVENTS_MAX,
      ...(until === undefined ? {} : { until }),
      afterEvent: ({ atMs, kind, node, detail }) => {
        options.onEvent?.(atMs, kind, node, detail)
        options.mutant?.afterEvent?.(world)
        events += 1
        if (events % EVENTS_PER_LOOK === 0) checkBuffers(openChains(daemons), report)
        if (violations.length > 0) throw new Stop('an invariant is broken')
      }
    })
    if (result.reason === 'steps') report('I10', `${EVENTS_MAX} events in one phase`)
    return result.reason === 'condition'
  }

  try {
    mishaps.begin(daemons, stage.change)
    await run(profile.safetyMs)
    workload.stop()
    mishaps.end()
    const settled = await run(SETTLE_MS, isAtRest)
    if (!settled)
      report(
        'I10',
        `not settled ${SETTLE_MS / 60_000} minutes after the faults stopped: ${stateOf(standing(), promises, world)}`
      )
    stage.leaveInPeace()
    // One who heard a last proposal that the others did not stays awake until the next heartbeat.
    await run(HEARTBEAT_MS + 60_000)
    const [heightBefore, saidBefore] = [blocks.height(), said()]
    await run(IDLE_MS)
    // A heartbeat may be under way.
    await run(SETTLE_MS, isAtRest)
    checkIdle(standing(), { blocks: blocks.height() - heightBefore, said: said() - saidBefore }, report)
    const chains = openChains(standing())
    stage.certificates.checkHeads(standing().map(({ hospital }) => hospital.name))
    if (stage.execution.height() !== blocks.height()) {
      report('I4', `blocks up to ${stage.execution.height()} of ${blocks.height()} could be executed again`)
    }
    await compareTables(chains, report)
    await checkEntries(chains, report)
    for (const chain of chains) stage.holders.compare(chain)
    revokedMeanwhile = checkMarks(chains, report)
    for (const chain of chains) receipts += await checkReceipts(chain, stage.epochs, report)
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
    views: votes.views(),
    height: blocks.height(),
    epochs: stage.epochs.counts(),
    receipts,
    transactions: promises.counts(),
    answers: workload.answers(),
    payloadsGiven: stage.payloads.given(),
    released: stage.releases.released(),
    endedMidway: stage.releases.endedMidway(),
    revokedMeanwhile,
    faults: stage.faults(),
    happened: mishaps.happened(),
    actions: workload.actions(),
    spoilt: stage.certificates.flipped(),
    convicted: stage.evidence.named(),
    violations,
    traceHash: world.trace.hash()
  }
}

/** The same seed a second time, which must go the same way (I12). The report is that of the first. */
export async function runTwice(options: SeedOptions): Promise<SeedReport> {
  const [report, again] = [await runSeed(options), await runSeed(options)]
  if (again.traceHash === report.traceHash && again.events === report.events) return report
  const what = `the same seed gave the traces ${report.traceHash} and ${again.traceHash}`
  return { ...report, violations: [...report.violations, { code: 'I12', what }] }
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
  const drawn = drawProfile(world.prng.fork('profile'), options)
  const profile = options.profile?.(drawn) ?? drawn
  segmentBytes.value = profile.segmentBytes
  latency = () => profile.diskLatencyMs[0]

  const verifier = createRememberingVerifier()
  const cast: Cast = createCast({
    mode: profile.mode,
    count: profile.nodes,
    random: world.prng.fork('genesis').bytes(32),
    createdMs: world.nowMs() - 1000,
    verifier
  })
  const voteKeys = createVoteKeys(cast, verifier)
  const { crimes, fragile } = drawRoles(world.prng.fork('roles'), profile, cast)
  const names = cast.hospitals.map(({ name }) => name)
  const plan = planMishaps(world.prng.fork('schedule'), profile, { nodes: names, fragile })
  const farOff = farOffIn(plan)
  const mishaps = createMishaps({
    world,
    profile,
    plan: plan.filter(({ number }) => options.mishaps?.has(number) !== false),
    mutant,
    forgotten: (node) => watch.forgotten(node),
    died: (node) => watch.died(node)
  })
  fault = (node) => mishaps.write(node)

  const members = new Map<string, string>()
  const memberOf = (node: string): string => members.get(node) ?? ''
  const isCorrect = (member: string): boolean =>
    cast.hospitals.every((one) => one.member !== member || !crimes.has(one.name))
  const blocks = createFinalBlocks(report)
  const verify: Verify = (key, message, signature) => verifier.check(key, message, signature)
  const epochs = createEpochs({ report, chain: cast.chain, founders: validatorsOf(cast.genesis).validators, verify })
  const votes = createVotes({ report, chain: cast.chain, epochs, verify, memberOf, isCorrect })
  const durability = createDurability(report, cast.chain, memberOf)
  const isOnDisk = (node: string, key: string): boolean => durability.isOnDisk(node, key)
  const releases = createReleaseCheck({ report, isOnDisk, memberOf })
  const promises = createPromises({ report, isOnDisk })
  const holders = createHolders(report)
  const payloads = createPayloadCheck(report, memberOf)
  const execution = createReExecution({
    report,
    genesis: cast.genesis,
    chain: cast.chain,
    onBlock: (header, transactions) => {
      epochs.block(header, transactions)
      holders.block(header.height, transactions)
      payloads.block(transactions)
    }
  })
  const certificates = createCertificates({
    report,
    chain: cast.chain,
    epochs,
    verify,
    prng: world.prng.fork('spoilt certificates')
  })
  const evidence = createEvidenceCheck(report, isCorrect)
  let said = 0
  const counted: Partial<Watch> = {
    said: () => {
      said += 1
    }
  }
  const parts: Partial<Watch> = {
    given(requester, owner, protocol, _request, frame) {
      if (isPart(protocol, frame)) mishaps.partCame(owner, requester)
    }
  }
  // What is durable is executed again before anything else is held against the epochs that it leads to.
  const watch = joinWatches([
    blocks,
    execution,
    votes,
    durability,
    promises,
    releases,
    payloads,
    certificates,
    evidence,
    counted,
    parts
  ])
  const { log } = options
  let isHostile = true
  const daemons = cast.hospitals.map((hospital) => {
    members.set(hospital.name, (mutant.self?.(hospital, cast) ?? hospital).member)
    return startDaemon(
      {
        world,
        cast,
        watch,
        report,
        verifier,
        voteKeys,
        votersIn: (epoch) => epochs.votersIn(epoch) ?? [],
        mutant,
        output: (node) => mishaps.output(node),
        onOpened: (node, trustsJournal) => mishaps.opened(node, trustsJournal),
        excuse: (node, code) => mishaps.excuse(node, code),
        onExit: (node, code) => mishaps.exited(node, code),
        isHostile: () => isHostile,
        ...(log === undefined
          ? {}
          : { log: (node, level, message, fields) => log(world.nowMs(), node, level, message, fields) })
      },
      hospital,
      crimes.get(hospital.name)
    )
  })
  const workload = startWorkload({
    world,
    cast,
    daemons,
    promises,
    report,
    actionEveryMs: profile.actionEveryMs,
    actionsMax: options.actionsMax ?? profile.actionsMax
  })
  return {
    world,
    profile,
    mishaps,
    daemons,
    promises,
    blocks,
    votes,
    workload,
    verifier,
    releases,
    holders,
    payloads,
    execution,
    certificates,
    evidence,
    epochs,
    change: (mishap: number) =>
      changeValidators(
        workload.clients,
        { voteKeys, byzantine: [...crimes.keys()], fragile: [...new Set([...fragile, ...farOff])] },
        world.prng.fork(`change of validators ${mishap}`)
      ),
    said: () => said,
    leaveInPeace() {
      isHostile = false
    },
    faults() {
      const all = new Map([...mishaps.counts(), ...world.networkFaults()])
      for (const crime of crimes.values()) all.set(crime, (all.get(crime) ?? 0) + 1)
      return all
    }
  }
}

/** Which nodes are Byzantine, and how, and which correct ones have a disk that turns bits over. */
function drawRoles(
  prng: Prng,
  { byzantine, flips }: Profile,
  { hospitals }: Cast
): { readonly crimes: ReadonlyMap<string, ByzantineKind>; readonly fragile: readonly string[] } {
  const left = hospitals.map(({ name }) => name)
  const draw = (): string => left.splice(prng.below(left.length), 1)[0] as string
  const crimes = new Map(byzantine.map((crime) => [draw(), crime]))
  return { crimes, fragile: flips.map(draw) }
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
    const chain = daemon.chain()
    if (chain === undefined) {
      report('I10', `${daemon.hospital.name} is not running at the end`)
      continue
    }
    const includable = [...chain.mempool()].filter(
      (transaction) => chain.pending(transaction.id)?.code === null && hasPayload(chain, transaction)
    )
    if (includable.length > 0) report('I11', `${daemon.hospital.name} still holds ${includable.length} includable`)
  }
}

/** Without the payload that only one had who is Byzantine or lost, a transaction of an alliance waits for its end. */
function hasPayload(chain: Chain, transaction: ParsedTransaction): boolean {
  return payloadHolders(transaction) !== 'everyone' || chain.payloads.read(transaction).kind === 'here'
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
