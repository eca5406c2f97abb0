/** The story of the demo, from the first key to the last check. */
import { WardlineError } from '@wardline/codec'
import { type Founded, foundNetwork } from '../local-network/ceremony.ts'
import { fallenSite, type Site, startNetwork, stopSites } from '../local-network/network.ts'
import { type ChainSummary, homeHolds, isNowhere, receiptHolds, settledChain } from './checks.ts'
import type { Trail } from './courier.ts'
import { mostTravelled } from './most-travelled.ts'
import type { DemoOptions } from './options.ts'
import { type OutlookFacts, runningOutlook, stoppedOutlook } from './outlook.ts'
import { keepReceipt, type ShownGraph, traceTrail } from './proof.ts'
import type { Screen } from './screen.ts'
import { prepareSetting, type Setting } from './setting.ts'
import { createStages, type Stages } from './stages.ts'
import { REFUSAL, type Travels, travel } from './travels.ts'
import { CEREMONY, differencesFound, heads, introduction } from './wording.ts'

const LABEL = 'transfers'

export type DemoResult = {
  readonly ok: boolean
  readonly hospitals: number
  /** Without the time for which the network was left running. */
  readonly seconds: number
  readonly chains: readonly ChainSummary[]
  readonly organisationChanges: number
  readonly transmissions: number
  readonly acknowledged: number
  readonly forged: { readonly attempted: number; readonly refused: number; readonly code: string | null }
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
  const travels = await travel({ setting, label: LABEL, sites, screen, stages })
  const trail = mostTravelled(travels.courier.trails.values())
  if (trail === undefined) throw new WardlineError('nothing-travelled', 'no record was handed over')
  const chain = await stages.stage('Agreeing', () => agree(setting, sites, travels, stages))
  const graph = await stages.stage('Proving', () => prove({ setting, founded, sites, trail, screen, stages }))
  screen.say(`\nThe most travelled record, as each hospital can draw it:\n\n${graph.drawing}\n`)
  screen.say(
    heads(
      setting.hospitals.map(({ name }) => name),
      chain
    )
  )
  const outlook = outlookFacts(setting, founded, sites, trail)

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
  await stages.stage('Stopping', () => stop(founded, sites, chain, options.ci ? stages : undefined))
  if (options.ci) {
    sayDifferences(screen, stages)
    screen.say(`\n${stoppedOutlook(outlook)}\n`)
  }
  const { counts } = travels.courier
  const { attempts } = travels
  return {
    ok: stages.differences.length === 0,
    hospitals: sites.length,
    seconds: Math.round((performance.now() - startedMs - watchedMs) / 100) / 10,
    chains: [chain],
    organisationChanges: counts.changes,
    transmissions: counts.transmissions,
    acknowledged: counts.acknowledged,
    forged: {
      attempted: attempts.length,
      refused: attempts.filter(({ code }) => code === REFUSAL).length,
      code: attempts[0]?.code ?? null
    },
    graph: { recordId: trail.record, holders: graph.holders, edges: graph.edges },
    sample: { home: outlook.home, genesis: founded.genesis, receipt: setting.receipt }
  }
}

function sayDifferences(screen: Screen, { differences }: Stages): void {
  if (differences.length > 0) screen.say(`\n${differencesFound(differences)}`)
}

async function found(setting: Setting, screen: Screen): Promise<readonly [Founded, string]> {
  const { folder, hospitals } = setting
  const founded = await foundNetwork({
    folder,
    label: LABEL,
    founders: hospitals,
    onStep: (step) => screen.update(CEREMONY[step])
  })
  const n = hospitals.length
  return [founded, `${n} homes, ${n} cards, one genesis with ${n} signatures`]
}

async function start({ hospitals }: Setting, founded: Founded): Promise<readonly [Site[], string]> {
  const sites = await startNetwork(
    founded,
    hospitals.map(({ name }) => name)
  )
  return [sites, `${sites.length} daemons, each connected to all others`]
}

/** Waits until the hospitals are at rest, and compares what happened with what was planned. */
async function agree(
  setting: Setting,
  sites: readonly Site[],
  { courier, attempts }: Travels,
  { check }: Stages
): Promise<readonly [ChainSummary, string]> {
  const { plan } = setting
  const { changes, transmissions, acknowledged } = courier.counts
  check(changes === plan.organisationChanges, `${changes} of ${plan.organisationChanges} changes of hospital happened`)
  check(transmissions === plan.transmissions, `${transmissions} of ${plan.transmissions} transmissions were made`)
  check(acknowledged === plan.transmissions, `${acknowledged} of ${plan.transmissions} transmissions were acknowledged`)
  const chain = await settledChain(sites)
  const isOne = new Set(chain.heads).size === 1
  check(isOne, 'the hospitals are at different heads')
  for (const { id, way, height } of attempts) {
    check(await isNowhere(sites, id), `the hand-off forged by ${way} is on the chain`)
    check(height === null || chain.height >= height, 'the chain did not go on after the forged block')
  }
  return [
    chain,
    `${sites.length} ${isOne ? 'equal' : 'DIFFERENT'} heads at block ${chain.height}, ${chain.transactions} transactions, ${changes}/${plan.organisationChanges} moves`
  ]
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
  const holds = await receiptHolds(site.home, setting.receipt, founded.genesis)
  stages.check(holds, 'the receipt does not verify offline')
  return [graph, 'a receipt holds offline, with nothing but the genesis']
}

/** Stops the daemons; with `stages`, holds every stopped home against the head that was agreed. */
async function stop(
  founded: Founded,
  sites: readonly Site[],
  chain: ChainSummary,
  stages: Stages | undefined
): Promise<readonly [undefined, string]> {
  await stopSites(sites)
  if (stages === undefined) return [undefined, 'all daemons have stopped']
  const holds = await Promise.all(founded.homes.map((home, index) => homeHolds(home, chain.heads[index])))
  stages.check(!holds.includes(false), 'chain verify does not agree on every stopped home')
  return [undefined, `chain verify agrees on ${holds.filter(Boolean).length} of ${holds.length} stopped homes`]
}

function outlookFacts(setting: Setting, founded: Founded, sites: readonly Site[], trail: Trail): OutlookFacts {
  const [first, second] = sites
  if (first === undefined || second === undefined) throw new RangeError('a demo has hospitals')
  return {
    folder: setting.folder,
    genesis: founded.genesis,
    receipt: setting.receipt,
    home: first.home,
    readSocket: first.daemon.sockets.read,
    otherName: second.name,
    trail
  }
}
