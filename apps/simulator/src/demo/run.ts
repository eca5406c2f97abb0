/** The story of the demo, from the first key to the last check. */
import { type Alias, WardlineError } from '@wardline/codec'
import { type Founded, foundNetwork } from '../local-network/ceremony.ts'
import { fallenSite, type Site, startNetwork, stopSites } from '../local-network/network.ts'
import { CHAINS, TRANSFERS } from './chains.ts'
import { type ChainSummary, homeHolds, isNowhere, receiptHolds, settledChain } from './checks.ts'
import { type Access, holdCommittee, type Meeting } from './committee.ts'
import { countAnchors, countRecords } from './counts.ts'
import type { Trail } from './courier.ts'
import { mostTravelled } from './most-travelled.ts'
import type { DemoOptions } from './options.ts'
import { type OutlookFacts, runningOutlook, stoppedOutlook } from './outlook.ts'
import { keepReceipt, type ShownGraph, traceTrail } from './proof.ts'
import type { Screen } from './screen.ts'
import { prepareSetting, type Setting } from './setting.ts'
import { createStages, type Stages } from './stages.ts'
import { drawTimeline, isSameTimeline, readTimeline, type TimelineEntry } from './timeline.ts'
import { REFUSAL, type Travels, travel } from './travels.ts'
import { CEREMONY, differencesFound, heads, introduction, meeting, met } from './wording.ts'

export type DemoResult = {
  readonly ok: boolean
  readonly hospitals: number
  /** Without the time for which the network was left running. */
  readonly seconds: number
  readonly chains: readonly ChainSummary[]
  readonly records: number
  readonly anchors: number
  readonly organisationChanges: number
  readonly transmissions: number
  readonly acknowledged: number
  readonly forged: { readonly attempted: number; readonly refused: number; readonly code: string | null }
  readonly access: Access
  readonly graph: { readonly recordId: string; readonly holders: number; readonly edges: number }
  readonly sample: { readonly home: string; readonly genesis: string; readonly receipt: string }
}

export type DemoParts = {
  readonly options: DemoOptions
  readonly screen: Screen
  /** Resolves when whoever watches has seen enough; asked when all is done, and never with `ci`. */
  readonly seenEnough: () => Promise<void>
}

/** @throws UsageError; WardlineError where the demo cannot go on */
export async function runDemo({ options, screen, seenEnough }: DemoParts): Promise<DemoResult> {
  const startedMs = performance.now()
  const stages = createStages(screen)
  const setting = await prepareSetting(options)
  screen.say(introduction(setting))
  const founded = await stages.stage('Founding', () => found(setting, screen))
  const sites = await stages.stage('Starting', () => start(setting, founded))
  try {
    return await runStory({ options, screen, seenEnough, setting, founded, sites, stages, startedMs })
  } catch (error) {
    throw fallenSite(sites) ?? error
  }
}

/** What happens once the daemons run. */
async function runStory(
  parts: DemoParts & {
    readonly setting: Setting
    readonly founded: Founded
    readonly sites: readonly Site[]
    readonly stages: Stages
    readonly startedMs: number
  }
): Promise<DemoResult> {
  const { options, screen, seenEnough, setting, founded, sites, stages, startedMs } = parts
  const travels = await travel({ setting, sites, screen, stages })
  const trail = mostTravelled(travels.courier.trails.values())
  if (trail === undefined) throw new WardlineError('nothing-travelled', 'no record was handed over')
  const committee = await stages.stage('Committee', () => convene(setting, sites, travels, stages, screen))
  const { chains, timeline } = await stages.stage('Agreeing', () => agree(setting, sites, travels, committee, stages))
  const graph = await stages.stage('Proving', () => prove({ setting, founded, sites, trail, screen, stages }))
  screen.say(`\nThe most travelled record, as each hospital can draw it:\n\n${graph.drawing}\n`)
  screen.say(meeting(committee, drawTimeline(timeline, travels.staff.nameOf)))
  const names = setting.hospitals.map(({ name }) => name)
  screen.say(heads(names, chains))
  const outlook = outlookFacts(setting, founded, sites, trail, travels, committee)

  let watchedMs = 0
  if (!options.ci) {
    sayDifferences(screen, stages)
    screen.say(`${runningOutlook(outlook)}\n`)
    const sinceMs = performance.now()
    await Promise.race([seenEnough(), ...sites.map(({ daemon }) => daemon.ended)])
    const fallen = fallenSite(sites)
    if (fallen !== undefined) throw fallen
    watchedMs = performance.now() - sinceMs
  }
  await stages.stage('Stopping', () => stop(founded, sites, chains, options.ci ? stages : undefined))
  if (options.ci) {
    sayDifferences(screen, stages)
    screen.say(`\n${stoppedOutlook(outlook)}\n`)
  }
  const { attempts } = travels
  const { shared, anchored, moved } = travels.counts()
  return {
    ok: stages.differences.length === 0,
    hospitals: sites.length,
    seconds: Math.round((performance.now() - startedMs - watchedMs) / 100) / 10,
    chains,
    records: shared.records,
    anchors: anchored.anchors,
    organisationChanges: moved.changes,
    transmissions: moved.transmissions,
    acknowledged: moved.acknowledged,
    forged: {
      attempted: attempts.length,
      refused: attempts.filter(({ code }) => code === REFUSAL).length,
      code: attempts[0]?.code ?? null
    },
    access: committee.access,
    graph: { recordId: trail.record, holders: graph.holders, edges: graph.edges },
    sample: { home: outlook.home, genesis: outlook.genesis, receipt: setting.receipt }
  }
}

function sayDifferences(screen: Screen, { differences }: Stages): void {
  if (differences.length > 0) screen.say(`\n${differencesFound(differences)}`)
}

async function found(setting: Setting, screen: Screen): Promise<readonly [Founded, string]> {
  const { folder, hospitals } = setting
  const founded = await foundNetwork({
    folder,
    chains: CHAINS,
    founders: hospitals,
    onStep: (step) => screen.update(CEREMONY[step])
  })
  const n = hospitals.length
  return [founded, `${n} homes, ${n * CHAINS.length} cards, ${CHAINS.length} chains, each genesis with ${n} signatures`]
}

async function start({ hospitals }: Setting, founded: Founded): Promise<readonly [Site[], string]> {
  const sites = await startNetwork(
    founded,
    hospitals.map(({ name }) => name)
  )
  return [sites, `${sites.length} daemons, each connected to all others on every chain`]
}

async function convene(
  setting: Setting,
  sites: readonly Site[],
  { anchorer, prying }: Travels,
  { check }: Stages,
  screen: Screen
): Promise<readonly [Meeting, string]> {
  const ids = setting.choice.hospitals
  const hospitals = new Map(sites.map((site, index) => [ids[index] ?? '', site]))
  const held = await holdCommittee({
    hospitals,
    files: anchorer.files,
    prying,
    check,
    onStep: (text) => screen.update(text)
  })
  return [held, met(held)]
}

type Agreement = {
  readonly chains: readonly ChainSummary[]
  /** Of the committee's patient on the shared chain. */
  readonly timeline: readonly TimelineEntry[]
}

/** Waits until the hospitals are at rest, and compares what happened, and what they tell of it, with what was planned. */
async function agree(
  setting: Setting,
  sites: readonly Site[],
  { publisher, anchorer, courier, attempts }: Travels,
  { file }: Meeting,
  { check }: Stages
): Promise<readonly [Agreement, string]> {
  const { plan } = setting
  const { changes, transmissions, acknowledged } = courier.counts
  check(changes === plan.organisationChanges, `${changes} of ${plan.organisationChanges} changes of hospital happened`)
  check(transmissions === plan.transmissions, `${transmissions} of ${plan.transmissions} transmissions were made`)
  check(acknowledged === plan.transmissions, `${acknowledged} of ${plan.transmissions} transmissions were acknowledged`)
  const chains = await Promise.all(CHAINS.map(({ label }) => settledChain(sites, label)))
  const apart = chains.filter(({ heads }) => new Set(heads).size !== 1)
  for (const { label } of apart) check(false, `the hospitals are at different heads of ${label}`)
  const transfers = chains.find(({ label }) => label === TRANSFERS)
  for (const { id, way, height } of attempts) {
    check(await isNowhere(sites, id), `the hand-off forged by ${way} is on the chain`)
    check(height === null || (transfers?.height ?? 0) >= height, 'the chain did not go on after the forged block')
  }
  const records = await countRecords(sites, [...publisher.aliases.values()])
  const anchors = await countAnchors(sites, anchorer.files)
  check(records === plan.records, `${records} of ${plan.records} records are on the timelines`)
  check(anchors === plan.anchors, `${anchors} of ${plan.anchors} anchors are in the logs`)
  const timeline = await agreedTimeline(sites, publisher.aliases.get(file.patient), check)
  return [
    { chains, timeline },
    `${sites.length} ${apart.length === 0 ? 'equal' : 'DIFFERENT'} heads on each of ${chains.length} chains · ${records}/${plan.records} records, ${anchors}/${plan.anchors} anchors`
  ]
}

async function agreedTimeline(
  sites: readonly Site[],
  alias: Alias | undefined,
  check: Stages['check']
): Promise<readonly TimelineEntry[]> {
  if (alias === undefined) throw new RangeError('every patient of the plan is enrolled')
  const [timeline = [], ...others] = await Promise.all(sites.map((site) => readTimeline(site, alias)))
  check(
    others.every((other) => isSameTimeline(other, timeline)),
    'the hospitals list one patient differently'
  )
  return timeline
}

async function prove(parts: {
  readonly setting: Setting
  readonly founded: Founded
  readonly sites: readonly Site[]
  readonly trail: Trail
  readonly screen: Screen
  readonly stages: Stages
}): Promise<readonly [ShownGraph, string]> {
  const { setting, founded, sites, trail, screen, stages } = parts
  const [site] = sites
  if (site === undefined) throw new RangeError('a demo has hospitals')
  const graph = await traceTrail(site, trail, screen)
  stages.check(graph.isAsReplayed, 'the graph of the most travelled record is not what was replayed')
  await keepReceipt(site, trail, setting.receipt)
  const holds = await receiptHolds(site.home, setting.receipt, genesisOf(founded, TRANSFERS))
  stages.check(holds, 'the receipt does not verify offline')
  return [graph, 'a receipt holds offline, with nothing but the genesis']
}

/** Stops the daemons; with `stages`, holds every chain of every stopped home against the head that was agreed. */
async function stop(
  founded: Founded,
  sites: readonly Site[],
  chains: readonly ChainSummary[],
  stages: Stages | undefined
): Promise<readonly [undefined, string]> {
  await stopSites(sites)
  if (stages === undefined) return [undefined, 'all daemons have stopped']
  const holds = await Promise.all(
    founded.homes.map(async (home, index) => {
      const ofHome: boolean[] = []
      for (const { label, heads } of chains) ofHome.push(await homeHolds(home, label, heads[index]))
      return !ofHome.includes(false)
    })
  )
  stages.check(!holds.includes(false), 'chain verify does not agree on every chain of every stopped home')
  return [
    undefined,
    `chain verify agrees with all ${chains.length} chains of ${holds.filter(Boolean).length} of ${holds.length} stopped homes`
  ]
}

function genesisOf({ chains }: Founded, label: string): string {
  const chain = chains.find((one) => one.label === label)
  if (chain === undefined) throw new RangeError(`no chain ${label} was founded`)
  return chain.genesis
}

function outlookFacts(
  setting: Setting,
  founded: Founded,
  sites: readonly Site[],
  trail: Trail,
  { publisher }: Travels,
  { file }: Meeting
): OutlookFacts {
  const [first, second] = sites
  const alias = publisher.aliases.get(file.patient)
  if (first === undefined || second === undefined || alias === undefined) throw new RangeError('a demo has hospitals')
  return {
    folder: setting.folder,
    genesis: genesisOf(founded, TRANSFERS),
    receipt: setting.receipt,
    home: first.home,
    readSocket: first.daemon.sockets.read,
    otherName: second.name,
    trail,
    alias,
    permissionAlias: file.alias
  }
}
