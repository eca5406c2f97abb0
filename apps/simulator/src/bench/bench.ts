/**
 * Four daemons as processes on this machine, measured from outside: through their sockets, and by what the operating system
 * says that they used. Ratios compare within one run, because the machine's speed changes from run to run.
 */
import { fileURLToPath } from 'node:url'
import { type TransactionId, WardlineError } from '@wardline/codec'
import { homePaths } from '@wardline/config'
import { type Founded, foundNetwork } from '../local-network/ceremony.ts'
import { startChild } from '../local-network/children.ts'
import { isConnected, type Status, startDaemon } from '../local-network/daemon.ts'
import { type Site, startNetwork, stopSites } from '../local-network/network.ts'
import { allocatedBytes } from './disk-usage.ts'
import { type Figure, type Kind, mean, percentile, type RequiredCosts, requiredCpuMs, rounded } from './figures.ts'
import { answeredWithin, startLoad } from './load.ts'
import type { BenchOptions } from './options.ts'
import { cpuMs, residentBytes } from './process-usage.ts'
import { createWorkload, type Workload } from './workloads.ts'

const NAMES = ['Alder', 'Birch', 'Cedar', 'Dogwood'] as const
const LABEL = 'bench'
const REQUIRED_PROGRAM = fileURLToPath(new URL('../bench-required-process.ts', import.meta.url))
const REQUIRED_CPU_MS = 1_000
const WARM_UP_MS = 4_000
const SETTLE_MS = 3_000
const COLD_STARTS = 3
const DRAIN_MS_MAX = 120_000
const BLOCKS_SAMPLED = 32
/** The bounds of the project. */
const REACH = { ratio: 3, loneP50Ms: 25, idleRssMiB: 180, readyMs: 2_000 } as const

export type Bench = {
  readonly options: BenchOptions
  readonly folder: string
  readonly report: (figure: Figure) => void
  readonly talk: (line: string) => void
}

export async function runBench(bench: Bench): Promise<void> {
  const { options, folder, talk } = bench
  talk('founding four hospitals')
  const founders = NAMES.map((name) => ({ name, place: name.toLowerCase() }))
  const founded = await foundNetwork({ folder, label: LABEL, founders })
  if (options.profile !== undefined) {
    process.env['NODE_OPTIONS'] = `--cpu-prof --cpu-prof-dir=${options.profile}`
  }
  const sites = await startNetwork(founded, NAMES)
  delete process.env['NODE_OPTIONS']
  try {
    await sleep(SETTLE_MS)
    await measureMemory(bench, sites, 'rss-idle', null, null)
    if (options.profile === undefined) await measureColdStart(bench, sites)
    for (const kind of options.kind) {
      const workload = await createWorkload(kind, sites, LABEL)
      for (const clients of options.clients) await measureLoad(bench, founded, sites, kind, clients, workload)
    }
  } finally {
    await stopSites(sites)
  }
}

/** From the start of the process to the first status that says that its chain runs, one daemon at a time. */
async function measureColdStart({ report, talk }: Bench, sites: readonly Site[]): Promise<void> {
  const site = sites.at(-1)
  if (site === undefined) throw new RangeError('a network has sites')
  const times: number[] = []
  for (let turn = 0; turn < COLD_STARTS; turn++) {
    await site.daemon.stop()
    const startMs = performance.now()
    site.daemon = await startDaemon(site.home)
    await site.daemon.until(isRunning, REACH.readyMs * 10)
    times.push(performance.now() - startMs)
    await site.daemon.until(isConnected, REACH.readyMs * 10)
  }
  talk(`cold starts: ${times.map((time) => `${Math.round(time)} ms`).join(', ')}`)
  report({
    name: 'cold-start',
    value: rounded(percentile(times, 0.5)),
    unit: 'ms',
    kind: null,
    clients: null,
    against: `from spawn to a running chain in status, median of ${COLD_STARTS}, three other daemons running`,
    reach: { atMost: REACH.readyMs }
  })
}

async function measureLoad(
  bench: Bench,
  founded: Founded,
  sites: readonly Site[],
  kind: Kind,
  clients: number,
  workload: Workload
): Promise<void> {
  const { options, talk } = bench
  const report = (name: string, value: number, unit: string, against: string, atMost?: number): void =>
    bench.report({
      ...{ name, value: rounded(value), unit, kind, clients, against },
      ...(atMost === undefined ? {} : { reach: { atMost } })
    })
  talk(`${kind}, ${clients} clients: ${WARM_UP_MS / 1000} s to warm up, ${options.seconds} s measured`)
  const before = { costs: await requiredCosts(), disk: await diskBytes(founded), totals: await totals(sites) }
  const ids: TransactionId[] = []
  const load = startLoad(clients, async (client) => {
    ids.push(await workload.call(client))
  })
  await Promise.race([sleep(WARM_UP_MS), load.failed])
  const start = await snapshot(sites)
  await Promise.race([sleep(options.seconds * 1000), load.failed])
  const end = await snapshot(sites)
  await load.stop()
  const drainStartMs = performance.now()
  await drain(sites)
  const drainMs = performance.now() - drainStartMs
  const after = { costs: await requiredCosts(), disk: await diskBytes(founded), totals: await totals(sites) }

  const calls = answeredWithin(load.calls, start.atMs, end.atMs).map(({ tookMs }) => tookMs)
  const seconds = (end.atMs - start.atMs) / 1000
  const final = end.transactions - start.transactions
  const cpu = end.cpuMs - start.cpuMs
  const costs = meanCosts(before.costs, after.costs)
  const required = requiredCpuMs({ made: calls.length, final, receivers: workload.receivers }, sites.length, costs)
  const acknowledged = after.totals.transactions - before.totals.transactions - load.calls.length

  report(
    'finalised',
    final / seconds,
    '1/s',
    `${final} transactions in ${rounded(seconds)} s, acknowledgements included`
  )
  const blocks = end.height - start.height
  report('block', final / blocks, 'transactions', `mean of ${blocks} blocks, ${rounded(blocks / seconds)} a second`)
  report('answered', calls.length / seconds, '1/s', 'calls of the clients, each answered when final')
  report(
    'cpu',
    cpu / final,
    'ms',
    `CPU of four daemons for each final transaction; the clients took ${rounded(end.ownCpuMs - start.ownCpuMs)} ms in all`
  )
  report(
    'cpu-ratio',
    cpu / required,
    'x',
    `CPU of four daemons (${rounded(cpu)} ms) to that of the required cryptography (${rounded(required)} ms): verify ${rounded(costs.verifyMs)} ms, seal ${rounded(costs.sealMs)} ms, open ${rounded(costs.openMs)} ms`,
    clients > 1 ? REACH.ratio : undefined
  )
  report(
    'p50',
    percentile(calls, 0.5),
    'ms',
    'from the call to the answer that it is final',
    clients === 1 ? REACH.loneP50Ms : undefined
  )
  report('p99', percentile(calls, 0.99), 'ms', 'from the call to the answer that it is final')
  if (workload.receivers > 0) {
    report(
      'acknowledged',
      acknowledged / (load.calls.length * workload.receivers),
      'x',
      `${acknowledged} acknowledgements of ${load.calls.length} transmissions, ${rounded(drainMs / 1000)} s after the last call`
    )
  }
  const bytes = await transactionBytes(sites, ids, acknowledged)
  const growth = after.disk.store + after.disk.votes - before.disk.store - before.disk.votes
  report(
    'disk',
    growth / bytes,
    'x',
    `growth of four stores (${rounded((after.disk.store - before.disk.store) / 2 ** 20)} MiB) and vote journals (${rounded((after.disk.votes - before.disk.votes) / 2 ** 20)} MiB, in segments of 4 MiB) to the bytes that the four must keep (${rounded(bytes / 2 ** 20)} MiB): signed transactions at each, payloads at sender and receiver`
  )
  await measureMemory(bench, sites, 'rss-loaded', kind, clients)
}

async function measureMemory(
  { report, talk }: Bench,
  sites: readonly Site[],
  name: string,
  kind: Kind | null,
  clients: number | null
): Promise<void> {
  const sizes = await Promise.all(sites.map(({ daemon }) => residentBytes(daemon.pid)))
  const mebibytes = sizes.map((size) => Math.round(size / 2 ** 20))
  talk(`${name}: ${mebibytes.join(', ')} MiB`)
  const against = `the largest of four daemons (${mebibytes.join(', ')})`
  const reach = name === 'rss-idle' ? { reach: { atMost: REACH.idleRssMiB } } : {}
  report({ name, value: Math.max(...mebibytes), unit: 'MiB', kind, clients, against, ...reach })
}

type Snapshot = {
  readonly atMs: number
  readonly cpuMs: number
  readonly ownCpuMs: number
  readonly transactions: number
  readonly height: number
}

async function snapshot(sites: readonly Site[]): Promise<Snapshot> {
  const { transactions, height } = await totals(sites.slice(0, 1))
  const times = await Promise.all(sites.map(({ daemon }) => cpuMs(daemon.pid)))
  const { user, system } = process.cpuUsage()
  const sum = times.reduce((total, time) => total + time, 0)
  return { atMs: performance.now(), cpuMs: sum, ownCpuMs: (user + system) / 1000, transactions, height }
}

type Totals = { readonly transactions: number; readonly height: number; readonly unfinished: number }

/** Final transactions at the daemon that has most, and what is still to be done anywhere. */
async function totals(sites: readonly Site[]): Promise<Totals> {
  const chains = await Promise.all(sites.map(async ({ daemon }) => chainOf(await daemon.admin.call('status', {}))))
  return {
    transactions: Math.max(...chains.map(({ transactions }) => transactions)),
    height: Math.max(...chains.map(({ height }) => height)),
    unfinished: chains.reduce((sum, { mempool, duties }) => sum + mempool.transactions + duties.pending, 0)
  }
}

/** Waits until nothing is pending anywhere: no transaction, no acknowledgement due. @throws WardlineError `bench-not-drained` */
async function drain(sites: readonly Site[]): Promise<void> {
  const untilMs = performance.now() + DRAIN_MS_MAX
  for (;;) {
    const { unfinished } = await totals(sites)
    if (unfinished === 0) return
    if (performance.now() > untilMs) {
      throw new WardlineError(
        'bench-not-drained',
        `${unfinished} transactions or duties are pending long after the load`
      )
    }
    await sleep(100)
  }
}

/** What the four daemons together have to keep of the load: signed transactions everywhere, payloads at those who hold them. */
async function transactionBytes(
  sites: readonly Site[],
  ids: readonly TransactionId[],
  acknowledged: number
): Promise<number> {
  const client = sites[0]?.daemon.admin
  if (client === undefined) throw new RangeError('a network has sites')
  const sizes = new Map<string, number[]>()
  let payload = 0
  const { height } = await client.call('chain.info', {})
  for (let at = height; at > Math.max(0, height - BLOCKS_SAMPLED); at--) {
    const { transactions } = await client.call('chain.block', { height: at })
    for (const { kind, sizeBytes } of transactions) sizes.set(kind, [...(sizes.get(kind) ?? []), sizeBytes])
  }
  const last = ids.at(-1)
  if (last === undefined) throw new RangeError('a load makes transactions')
  const { kind, sizeBytes } = await client.call('tx.get', { id: last })
  if (kind === 'stt.send') {
    const { records } = await client.call('record.list', { limit: 1 })
    payload = records[0]?.sizeBytes ?? 0
  }
  const acks = sizes.get('stt.ack')
  const ack = acks === undefined ? 0 : mean(acks)
  return sites.length * (ids.length * sizeBytes + acknowledged * ack) + 2 * ids.length * payload
}

async function diskBytes({ homes, label }: Founded): Promise<{ readonly store: number; readonly votes: number }> {
  const sum = async (folders: readonly string[]) =>
    (await Promise.all(folders.map(allocatedBytes))).reduce((total, size) => total + size, 0)
  const paths = homes.map((home) => homePaths(home).chain(label))
  return { store: await sum(paths.map(({ store }) => store)), votes: await sum(paths.map(({ votes }) => votes)) }
}

async function requiredCosts(): Promise<RequiredCosts> {
  const lines: string[] = []
  const child = await startChild(REQUIRED_PROGRAM, [String(REQUIRED_CPU_MS)], { onOutput: (line) => lines.push(line) })
  const { code } = await child.ended
  if (code !== 0) throw new WardlineError('bench-failed', 'the measurement of the required cryptography failed')
  return JSON.parse(lines.join('')) as RequiredCosts
}

function meanCosts(a: RequiredCosts, b: RequiredCosts): RequiredCosts {
  return {
    verifyMs: (a.verifyMs + b.verifyMs) / 2,
    sealMs: (a.sealMs + b.sealMs) / 2,
    openMs: (a.openMs + b.openMs) / 2
  }
}

function chainOf({ chains }: Status) {
  const [chain] = chains
  if (chain === undefined) throw new RangeError('the bench runs one chain')
  return chain
}

function isRunning({ chains }: Status): boolean {
  return chains.length > 0 && chains.every(({ phase }) => phase === 'running')
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
