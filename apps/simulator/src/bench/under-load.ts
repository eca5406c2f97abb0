/** One kind under one number of clients: what became final, what it cost, and how long the clients waited. */
import { fileURLToPath } from 'node:url'
import { type TransactionId, WardlineError } from '@wardline/codec'
import { startChild } from '../local-network/children.ts'
import type { Site } from '../local-network/network.ts'
import { mean, percentile, type RequiredCosts, requiredCpuMs, rounded } from './figures.ts'
import { measureMemory } from './idle.ts'
import { type KindTraits, type LoadKind, TRAITS } from './kinds.ts'
import { answeredWithin, startLoad } from './load.ts'
import { type Bench, type DiskUsage, diskUsageOf, sleep, totalsOf } from './network.ts'
import { cpuMs } from './process-usage.ts'
import type { Workload } from './workloads/workload.ts'

const REQUIRED_PROGRAM = fileURLToPath(new URL('../bench-required-process.ts', import.meta.url))
const REQUIRED_CPU_MS = 1_000
/** V8 compiles for a quarter of a minute; a daemon runs for months. */
const WARM_UP_MS = 15_000
const DRAIN_MS_MAX = 120_000
const BLOCKS_SAMPLED = 32

export type LoadRun = {
  readonly sites: readonly Site[]
  /** Of the chain that the clients use. */
  readonly label: string
  readonly kind: LoadKind
  readonly clients: number
  readonly workload: Workload
}

export async function measureLoad(bench: Bench, run: LoadRun): Promise<void> {
  const { options, talk } = bench
  const { sites, label, kind, clients, workload } = run
  const traits = TRAITS[kind]
  const report = (name: string, value: number, unit: string, against: string, atMost?: number): void =>
    bench.report({
      ...{ name, value: rounded(value), unit, kind, clients, against },
      ...(atMost === undefined ? {} : { reach: { atMost } })
    })
  talk(`${kind}, ${clients} clients: ${WARM_UP_MS / 1000} s to warm up, ${options.seconds} s measured`)
  const before = {
    costs: await requiredCosts(),
    disk: await diskUsageOf(sites, label),
    totals: await totalsOf(sites, label)
  }
  const ids: TransactionId[] = []
  const load = startLoad(clients, async (client) => {
    ids.push(await workload.call(client))
  })
  await Promise.race([sleep(WARM_UP_MS), load.failed])
  const start = await snapshot(sites, label)
  await Promise.race([sleep(options.seconds * 1000), load.failed])
  const end = await snapshot(sites, label)
  await load.stop()
  const drainStartMs = performance.now()
  await drain(sites, label)
  const drainMs = performance.now() - drainStartMs
  const after = {
    costs: await requiredCosts(),
    disk: await diskUsageOf(sites, label),
    totals: await totalsOf(sites, label)
  }

  const calls = answeredWithin(load.calls, start.atMs, end.atMs).map(({ tookMs }) => tookMs)
  const seconds = (end.atMs - start.atMs) / 1000
  const final = end.transactions - start.transactions
  const cpu = end.cpuMs - start.cpuMs
  const costs = meanCosts(before.costs, after.costs)
  const required = requiredCpuMs({ made: calls.length, final }, traits, sites.length, costs)
  const acknowledged = after.totals.transactions - before.totals.transactions - load.calls.length

  report(
    'finalised',
    final / seconds,
    '1/s',
    `${final} transactions in ${rounded(seconds)} s${traits.isAcknowledged ? ', acknowledgements included' : ''}`
  )
  const blocks = end.height - start.height
  report('block', final / blocks, 'transactions', `mean of ${blocks} blocks, ${rounded(blocks / seconds)} a second`)
  const answer = `from the call to the answer ${traits.answer}`
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
    `CPU of four daemons (${rounded(cpu)} ms) to that of the required cryptography (${rounded(required)} ms): ${requirement(traits, costs)}`,
    clients > 1 ? traits.reach.ratio : undefined
  )
  report('p50', percentile(calls, 0.5), 'ms', answer, clients === 1 ? traits.reach.loneP50Ms : undefined)
  report('p99', percentile(calls, 0.99), 'ms', answer)
  if (traits.isAcknowledged) {
    report(
      'acknowledged',
      (load.calls.length * traits.receivers) / acknowledged,
      'x',
      `hand-offs that one transaction acknowledges: ${load.calls.length * traits.receivers} by ${acknowledged}, the last ${rounded(drainMs / 1000)} s after the last call`
    )
  }
  const bytes = await bytesToKeep(run, ids, acknowledged)
  const grown = (part: keyof DiskUsage) => after.disk[part] - before.disk[part]
  const growth = grown('store') + grown('votes') + grown('beside')
  const mebibytes = (size: number) => `${rounded(size / 2 ** 20)} MiB`
  report(
    'disk',
    growth / bytes,
    'x',
    `growth of four stores (${mebibytes(grown('store'))}), vote journals (${mebibytes(grown('votes'))}, in segments of 4 MiB), vaults and payload keys (${mebibytes(grown('beside'))}) to the bytes that the four must keep (${mebibytes(bytes)}): signed transactions at each, contents at those who hold them`
  )
  await measureMemory(bench, sites, 'rss-loaded', kind, clients)
}

type Snapshot = {
  readonly atMs: number
  readonly cpuMs: number
  readonly ownCpuMs: number
  readonly transactions: number
  readonly height: number
}

async function snapshot(sites: readonly Site[], label: string): Promise<Snapshot> {
  const { transactions, height } = await totalsOf(sites.slice(0, 1), label)
  const times = await Promise.all(sites.map(({ daemon }) => cpuMs(daemon.pid)))
  const { user, system } = process.cpuUsage()
  const sum = times.reduce((total, time) => total + time, 0)
  return { atMs: performance.now(), cpuMs: sum, ownCpuMs: (user + system) / 1000, transactions, height }
}

/** Waits until nothing is pending anywhere: no transaction, no acknowledgement due. @throws WardlineError `bench-not-drained` */
async function drain(sites: readonly Site[], label: string): Promise<void> {
  const untilMs = performance.now() + DRAIN_MS_MAX
  for (;;) {
    const { unfinished } = await totalsOf(sites, label)
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

/** What the four daemons together have to keep of the load: signed transactions everywhere, contents at those who hold them. */
async function bytesToKeep(
  { sites, label, workload }: LoadRun,
  ids: readonly TransactionId[],
  acknowledged: number
): Promise<number> {
  const client = sites[0]?.daemon.admin
  const last = ids.at(-1)
  if (client === undefined || last === undefined) throw new RangeError('a load makes transactions on a network')
  const acks: number[] = []
  const { height } = await client.call('chain.info', { chain: label })
  for (let at = height; acknowledged > 0 && at > Math.max(0, height - BLOCKS_SAMPLED); at--) {
    const { transactions } = await client.call('chain.block', { chain: label, height: at })
    for (const { kind, sizeBytes } of transactions) if (kind === 'stt.ack') acks.push(sizeBytes)
  }
  const ack = acks.length === 0 ? 0 : mean(acks)
  const { sizeBytes } = await client.call('tx.get', { chain: label, id: last })
  return sites.length * (ids.length * sizeBytes + acknowledged * ack) + ids.length * (await workload.keptBytes())
}

function requirement({ signatures, receivers }: KindTraits, { verifyMs, sealMs, openMs }: RequiredCosts): string {
  const verified = `signatures of ${signatures.join(' and ')} at each daemon, verify ${rounded(verifyMs)} ms`
  return receivers === 0 ? verified : `${verified}; seal ${rounded(sealMs)} ms, open ${rounded(openMs)} ms`
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
