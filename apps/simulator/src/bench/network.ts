/** The four daemons that are measured, and who is told of what. */
import { homePaths } from '@wardline/config'
import type { Site } from '../local-network/network.ts'
import { allocatedBytes } from './disk-usage.ts'
import type { Figure } from './figures.ts'
import type { BenchOptions } from './options.ts'

export type Bench = {
  readonly options: BenchOptions
  readonly folder: string
  readonly report: (figure: Figure) => void
  readonly talk: (line: string) => void
}

/** How many chains the daemons of a network run, in words. */
export function chainCount([site]: readonly Site[]): string {
  const count = site?.members.size ?? 0
  return count === 1 ? 'of one chain each' : `of ${count} chains each`
}

export type Totals = { readonly transactions: number; readonly height: number; readonly unfinished: number }

/** Final transactions of one chain at the daemon that has most, and what is still to be done anywhere. */
export async function totalsOf(sites: readonly Site[], label: string): Promise<Totals> {
  const chains = await Promise.all(sites.map((site) => statusOf(site, label)))
  return {
    transactions: Math.max(...chains.map(({ transactions }) => transactions)),
    height: Math.max(...chains.map(({ height }) => height)),
    unfinished: chains.reduce(
      (sum, { mempool, duties }) => sum + mempool.transactions + duties.pending + duties.toDestroy,
      0
    )
  }
}

export type DiskUsage = {
  readonly store: number
  readonly votes: number
  /** What a hospital keeps beside its chain: its vault, and the keys of payloads. */
  readonly beside: number
}

/** Of one chain, all hospitals together, bytes. */
export async function diskUsageOf(sites: readonly Site[], label: string): Promise<DiskUsage> {
  const sum = async (folders: readonly string[]) =>
    (await Promise.all(folders.map(allocatedBytes))).reduce((total, size) => total + size, 0)
  const homes = sites.map(({ home }) => homePaths(home))
  return {
    store: await sum(homes.map((paths) => paths.chain(label).store)),
    votes: await sum(homes.map((paths) => paths.chain(label).votes)),
    beside: await sum(homes.flatMap((paths) => [paths.vault(label), paths.keys]))
  }
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

async function statusOf({ daemon }: Site, label: string) {
  const { chains } = await daemon.admin.call('status', {})
  const chain = chains.find((each) => each.label === label)
  if (chain === undefined) throw new RangeError(`no chain is called ${label}`)
  return chain
}
