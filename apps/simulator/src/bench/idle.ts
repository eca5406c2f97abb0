/** Daemons that have nothing to do: what they take, and how soon they run again. */
import { isConnected, type Status, startDaemon } from '../local-network/daemon.ts'
import type { Site } from '../local-network/network.ts'
import { percentile, rounded } from './figures.ts'
import type { Kind } from './kinds.ts'
import { type Bench, chainCount, sleep } from './network.ts'
import { livingThreadsCpuMs, residentBytes } from './process-usage.ts'

const COLD_STARTS = 3
/** V8 tidies its heap once, within minutes of the start: in one window of a daemon, and so not in the median. */
const IDLE_WINDOWS = 3
const IDLE_WINDOW_MS = 20_000
/** The bounds of the project, for daemons of one chain and for those of several. */
const REACH = { rssMiB: 180, rssOfManyMiB: 250, cpuPercent: 0.1, cpuPercentOfMany: 0.5, readyMs: 2_000 } as const

/** From the start of the process to the first status that says that its chain runs, one daemon at a time. */
export async function measureColdStart({ report, talk }: Bench, sites: readonly Site[]): Promise<void> {
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
    against: `from spawn to running chains in status, median of ${COLD_STARTS}, three other daemons running, ${chainCount(sites)}`,
    ...(site.members.size === 1 && { reach: { atMost: REACH.readyMs } })
  })
}

/** What a daemon takes of memory: idle, or after a load of `clients` making `kind`. */
export async function measureMemory(
  { report, talk }: Bench,
  sites: readonly Site[],
  name: string,
  kind: Kind | null,
  clients: number | null
): Promise<void> {
  const sizes = await Promise.all(sites.map(({ daemon }) => residentBytes(daemon.pid)))
  const mebibytes = sizes.map((size) => Math.round(size / 2 ** 20))
  talk(`${name}: ${mebibytes.join(', ')} MiB`)
  const against = `the largest of four daemons (${mebibytes.join(', ')}), ${chainCount(sites)}`
  const idleMiB = sites[0]?.members.size === 1 ? REACH.rssMiB : REACH.rssOfManyMiB
  const reach = name === 'rss-idle' ? { reach: { atMost: idleMiB } } : {}
  report({ name, value: Math.max(...mebibytes), unit: 'MiB', kind, clients, against, ...reach })
}

/** What a daemon takes that has nothing to do, of one core. */
export async function measureIdleCpu({ report, talk }: Bench, sites: readonly Site[]): Promise<void> {
  const percents = await Promise.all(sites.map(({ daemon }) => idleCpuPercent(daemon.pid)))
  talk(`cpu-idle: ${percents.join(', ')} %`)
  report({
    name: 'cpu-idle',
    value: Math.max(...percents),
    unit: '%',
    kind: null,
    clients: null,
    against: `of one core, median of ${IDLE_WINDOWS} windows of ${IDLE_WINDOW_MS / 1000} s, the largest of four daemons (${percents.join(', ')}), ${chainCount(sites)}`,
    reach: { atMost: sites[0]?.members.size === 1 ? REACH.cpuPercent : REACH.cpuPercentOfMany }
  })
}

async function idleCpuPercent(pid: number): Promise<number> {
  const percents: number[] = []
  for (let window = 0; window < IDLE_WINDOWS; window++) {
    const startMs = performance.now()
    const before = await livingThreadsCpuMs(pid)
    await sleep(IDLE_WINDOW_MS)
    percents.push((((await livingThreadsCpuMs(pid)) - before) / (performance.now() - startMs)) * 100)
  }
  return rounded(percentile(percents, 0.5))
}

function isRunning({ chains }: Status): boolean {
  return chains.length > 0 && chains.every(({ phase }) => phase === 'running')
}
