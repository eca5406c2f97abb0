/** Several real daemons on this machine, all of them on the same chains. */
import { type MemberId, WardlineError } from '@wardline/codec'
import type { Founded } from './ceremony.ts'
import { type Daemon, isConnected, startDaemon } from './daemon.ts'

/** One hospital of a local network. */
export type Site = {
  readonly name: string
  readonly home: string
  /** What this hospital is on each chain, by the chain's label. */
  readonly members: ReadonlyMap<string, MemberId>
  /** Another one after a restart. */
  daemon: Daemon
}

const READY_MS_MAX = 120_000

/** Starts every daemon and waits until each is ready and connected to all others. @throws WardlineError `daemon-failed` */
export async function startNetwork(founded: Founded, names: readonly string[]): Promise<Site[]> {
  const daemons = await Promise.all(founded.homes.map((home) => startDaemon(home)))
  try {
    return await Promise.all(
      daemons.map(async (daemon, index) => {
        const { chains } = await daemon.until(isConnected, READY_MS_MAX)
        const members = new Map(chains.map(({ label, member }) => [label, member]))
        return { name: names[index] ?? daemon.home, home: daemon.home, members, daemon }
      })
    )
  } catch (error) {
    await Promise.all(daemons.map((daemon) => daemon.stop()))
    throw error
  }
}

/** What the hospital is on the chain. @throws RangeError for a chain that it is not on */
export function memberOn({ name, members }: Site, label: string): MemberId {
  const member = members.get(label)
  if (member === undefined) throw new RangeError(`${name} is not on the chain ${label}`)
  return member
}

/** Starts a stopped hospital again and waits until it is ready and connected. @throws WardlineError `daemon-failed` */
export async function restartSite(site: Site): Promise<void> {
  site.daemon = await startDaemon(site.home)
  await site.daemon.until(isConnected, READY_MS_MAX)
}

export async function stopSites(sites: readonly Site[]): Promise<void> {
  await Promise.all(sites.map(({ daemon }) => daemon.stop()))
}

/** What to tell where a daemon ended that should run, with its last lines; undefined while all run. */
export function fallenSite(sites: readonly Site[]): WardlineError | undefined {
  const fallen = sites.find(({ daemon }) => daemon.end() !== null)
  if (fallen === undefined) return undefined
  const { code, signal } = fallen.daemon.end() ?? { code: null, signal: null }
  const what = `the daemon of ${fallen.name} ended (${signal ?? `code ${code}`}); its last lines:`
  return new WardlineError('daemon-failed', [what, ...fallen.daemon.lastLines()].join('\n  '))
}
