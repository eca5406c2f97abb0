/** One run: found, start, let clients ask, do harm, heal, stop, and hold everything against everything. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WardlineError } from '@wardline/codec'
import { createPrng, type Prng } from '@wardline/network-memory'
import { startChild } from '../local-network/children.ts'
import { DAEMON_PROGRAM } from '../local-network/daemon.ts'
import { prepareFolder } from '../local-network/folder.ts'
import {
  type Arena,
  compileCache,
  createArena,
  placeOf,
  stopHospital,
  untilProgress,
  untilRest,
  untilWhole,
  type Violation
} from './arena.ts'
import { checkHistory } from './check-history.ts'
import { type Clients, startClients } from './clients.ts'
import { openHistory, readHistory } from './history.ts'
import { killRounds } from './kill-rounds.ts'
import type { ChaosOptions } from './options.ts'
import type { Scenario, ScenarioContext } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'
import { mountSmallDisk, unmountSmallDisk } from './small-disk.ts'
import { verifyHomes } from './verify-homes.ts'

export type ChaosResult = {
  readonly folder: string
  readonly seed: number
  readonly nodes: number
  readonly seconds: number
  readonly played: Readonly<Record<string, number>>
  /** Why a scenario was left out, by its name. */
  readonly skipped: Readonly<Record<string, string>>
  readonly faults: Readonly<Record<string, number>>
  /** What clients were told, by question and kind. */
  readonly answers: Readonly<Record<string, number>>
  readonly blocks: number
  readonly transactions: number
  readonly certificates: number
  readonly votes: number
  readonly connections: number
  readonly violations: readonly Violation[]
}

const THINK_MS = 60

export async function runChaos(options: ChaosOptions, say: (line: string) => void): Promise<ChaosResult> {
  const startedMs = performance.now()
  const prng = createPrng(options.seed, 'chaos')
  const folder = await folderOf(options)
  const chosen = SCENARIOS.filter(({ name }) => options.scenarios.includes(name))
  const disk = await prepareDisk(folder, options.nodes, chosen)
  try {
    const arena = await createArena({
      folder,
      nodes: options.nodes,
      prng,
      say: (line) => say(`${seconds(startedMs).toFixed(1).padStart(7)} s  ${line}`)
    })
    const history = openHistory(join(folder, 'history.jsonl'))
    const played: Record<string, number> = {}
    const skipped: Record<string, string> = {}
    const context: ScenarioContext = {
      arena,
      history,
      hasSmallDisk: disk.kind === 'mounted',
      canRestore: await takesRestored(folder)
    }
    try {
      await harm(context, options, chosen, played, skipped)
    } finally {
      await Promise.all(arena.hospitals.map((hospital) => stopHospital(arena, hospital)))
      await history.close()
      arena.proxy.close()
      for (const { admin } of arena.hospitals) admin.close()
    }
    if (disk.kind === 'refused' && 'full-disk' in skipped) skipped['full-disk'] += `: ${disk.why}`
    const verified = await verifyHomes(arena)
    if (verified !== undefined) await check(arena, join(folder, 'history.jsonl'), verified.chain)
    return {
      folder,
      seed: options.seed,
      nodes: options.nodes,
      seconds: Math.round(seconds(startedMs)),
      played,
      skipped,
      faults: Object.fromEntries(arena.faults),
      answers: history.counts(),
      blocks: verified?.chain.blocks.length ?? 0,
      transactions: verified?.chain.blocks.reduce((sum, { transactions }) => sum + transactions.length, 0) ?? 0,
      certificates: verified?.certificates ?? 0,
      votes: arena.votes.count(),
      connections: arena.proxy.counts().connections,
      violations: arena.violations
    }
  } finally {
    if (disk.kind === 'mounted') await unmountSmallDisk(disk.home)
  }
}

async function folderOf({ data, nodes }: ChaosOptions): Promise<string> {
  if (data === undefined) return mkdtemp(join(tmpdir(), 'wl-chaos-'))
  return prepareFolder(data, [placeOf(nodes - 1)])
}

/** Removes what a run without a violation left behind. */
export async function removeRun({ folder }: ChaosResult): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}

type Disk = { readonly kind: 'unwanted' } | { readonly kind: 'mounted'; readonly home: string } | Refused
type Refused = { readonly kind: 'refused'; readonly why: string }

/** The last hospital's home becomes a file system of its own, where a scenario wants that. */
async function prepareDisk(folder: string, nodes: number, chosen: readonly Scenario[]): Promise<Disk> {
  if (!chosen.some(({ name }) => name === 'full-disk')) return { kind: 'unwanted' }
  const home = join(folder, placeOf(nodes - 1))
  const why = await mountSmallDisk(home)
  return why === undefined ? { kind: 'mounted', home } : { kind: 'refused', why }
}

async function harm(
  context: ScenarioContext,
  options: ChaosOptions,
  chosen: readonly Scenario[],
  played: Record<string, number>,
  skipped: Record<string, string>
): Promise<void> {
  const { arena, history } = context
  let clients: Clients | undefined
  try {
    await untilWhole(arena)
    const endMs = performance.now() + options.minutes * 60_000
    clients = startClients(arena, { history, each: options.clients, thinkMs: THINK_MS })
    if (options.kills !== undefined) {
      arena.say(`killing ${options.kills} times`)
      await killRounds(arena, options.kills, endMs)
      await untilWhole(arena)
    }
    await playScenarios(context, endMs, chosen, played, skipped)
    await untilWhole(arena)
    await clients.stop()
    await untilRest(arena)
  } catch (error) {
    if (!(error instanceof WardlineError)) throw error
    arena.violate(error.code, error.message)
  } finally {
    await clients?.stop()
  }
}

/** Each in turn and in an order of its own each time, until the time is over; every one at least once. */
async function playScenarios(
  context: ScenarioContext,
  endMs: number,
  chosen: readonly Scenario[],
  played: Record<string, number>,
  skipped: Record<string, string>
): Promise<void> {
  const { arena } = context
  const playable = chosen.filter(({ name, hindrance }) => {
    const why = hindrance?.(context)
    if (why !== undefined) skipped[name] = why
    return why === undefined
  })
  while (playable.length > 0) {
    for (const { name, play } of shuffled(playable, arena.prng)) {
      if (performance.now() > endMs && Object.keys(played).length === playable.length) return
      arena.say(name)
      await play(context)
      played[name] = (played[name] ?? 0) + 1
      await untilWhole(arena)
      await untilProgress(arena.hospitals, `after ${name} all`)
    }
  }
}

async function check(arena: Arena, file: string, chain: Parameters<typeof checkHistory>[1]): Promise<void> {
  for (const { kind, what, op } of checkHistory(await readHistory(file), chain)) {
    arena.violate(kind, op === null ? what : `${what} (question ${op} of ${file})`)
  }
}

/** Whether this build's daemon takes an older copy of its home, by what it says of itself. */
async function takesRestored(folder: string): Promise<boolean> {
  const lines: string[] = []
  const onOutput = (line: string) => lines.push(line)
  const child = await startChild(DAEMON_PROGRAM, ['--help'], { onOutput, environment: compileCache(folder) })
  await child.ended
  return lines.some((line) => line.includes('--restored'))
}

function shuffled<T>(list: readonly T[], prng: Prng): readonly T[] {
  return list
    .map((item) => ({ item, weight: prng.uint32() }))
    .sort((a, b) => a.weight - b.weight)
    .map(({ item }) => item)
}

function seconds(sinceMs: number): number {
  return (performance.now() - sinceMs) / 1000
}
