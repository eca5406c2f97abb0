/** What can be done with a kept network. Each act works on the homes and their daemons alone, whichever shell it comes from. */
import { join } from 'node:path'
import type { Result } from '@wardline/api'
import { connectSocket } from '@wardline/client'
import { WardlineError } from '@wardline/codec'
import { homePaths, socketPaths } from '@wardline/config'
import type { Status } from '../local-network/daemon.ts'
import { runWardline } from '../local-network/wardline.ts'
import { endDetached, type Presence, presenceOf, startDetached } from './detached.ts'
import { type KeptChain, type KeptNetwork, type KeptSite, placeOf } from './folder.ts'

export type Say = (line: string) => void

/** @returns how many were started; those that run already are left alone */
export async function start(sites: readonly KeptSite[], say: Say): Promise<number> {
  const started = await Promise.all(
    sites.map(async (site) => {
      const presence = await presenceOf(site.home)
      if (presence.kind !== 'absent') {
        say(`${site.name} runs already (process ${presence.pid})`)
        return 0
      }
      const pid = await startDetached(site.home)
      say(`${site.name} runs as process ${pid}: ${socketsOf(site).admin}`)
      return 1
    })
  )
  return sum(started)
}

/** Ends daemons: orderly, or as a power cut would. @returns how many ran */
export async function end(sites: readonly KeptSite[], how: 'stop' | 'kill', say: Say): Promise<number> {
  const ended = await Promise.all(
    sites.map(async ({ name, home }) => {
      const presence = await presenceOf(home)
      if (presence.kind === 'absent') {
        say(`${name} does not run`)
        return 0
      }
      await endDetached(presence.pid, how === 'stop' ? 'SIGTERM' : 'SIGKILL')
      say(`${name} ${how === 'stop' ? 'stopped' : 'was killed'} (process ${presence.pid})`)
      return 1
    })
  )
  return sum(ended)
}

/**
 * Admits a hospital to every chain that takes one later, as its operator and the registrar would, and starts its daemon.
 * The registrar's daemon must run.
 * @throws WardlineError `registrar-absent`, `network-closed`, `command-failed` or `daemon-failed`
 */
export async function add(network: KeptNetwork, name: string, say: Say): Promise<KeptSite> {
  const { folder, sites } = network
  const place = placeOf(name)
  if (sites.some((site) => site.place === place)) {
    throw new WardlineError('home-exists', `${folder} has a hospital called ${name} already`)
  }
  const open = network.chains.filter(({ mode }) => mode !== 'DSS')
  for (const { label } of network.chains.filter((chain) => !open.includes(chain))) {
    say(`${label} is an alliance and admits nobody later: ${name} takes no part in it`)
  }
  if (open.length === 0) throw new WardlineError('network-closed', `${folder} has no chain that admits a hospital`)
  const registrars = await Promise.all(open.map((chain) => registrarOf(network, chain)))
  const site: KeptSite = { name, place, home: join(folder, place) }
  await runWardline(site.home, ['init', `--name=${name}`])
  for (const [index, { label, genesis }] of open.entries()) {
    const { home, info } = registrars[index] as Registrar
    const card = join(folder, 'ceremony', `${place}.${label}.card`)
    const to = ['--chain', label, '--chain-id', info.chain, '--registered-by', info.member]
    await runWardline(site.home, ['id', 'export', ...to, '--out', card])
    await runWardline(home, ['member', 'register', card, '--chain', label, '--role', 'hospital'])
    await runWardline(site.home, ['genesis', 'install', genesis])
    say(`${label} has ${name} as a member: it follows, and has no vote`)
  }
  await start([site], say)
  return site
}

type Registrar = { readonly home: string; readonly info: Result<'chain.info'> }

async function registrarOf({ sites }: KeptNetwork, { label }: KeptChain): Promise<Registrar> {
  for (const { home } of sites) {
    if ((await presenceOf(home)).kind !== 'running') continue
    const client = connectSocket(socketPaths(homePaths(home).run).admin)
    try {
      const { chains } = await client.call('chain.list', {})
      if (!chains.some((chain) => chain.label === label)) continue
      const info = await client.call('chain.info', { chain: label })
      if (info.registrars.some(({ member }) => member === info.member)) return { home, info }
    } finally {
      client.close()
    }
  }
  throw new WardlineError('registrar-absent', `no daemon of a registrar of ${label} runs: start it first`)
}

export type SiteState = KeptSite & { readonly presence: Presence }

export function states(sites: readonly KeptSite[]): Promise<readonly SiteState[]> {
  return Promise.all(sites.map(async (site) => ({ ...site, presence: await presenceOf(site.home) })))
}

/** For programs: one object a hospital. */
export function stateFacts({ name, home, presence, ...site }: SiteState) {
  const status = presence.kind === 'running' ? presence.status : null
  return {
    name,
    place: site.place,
    home,
    state: presence.kind,
    pid: presence.kind === 'absent' ? null : presence.pid,
    sockets: socketPaths(homePaths(home).run),
    health: status?.health ?? null,
    chains: status?.chains ?? []
  }
}

/** For people: a line for each hospital, one for each of its chains, and the folder of its sockets. */
export function stateText({ name, home, presence }: SiteState): string {
  const { admin } = socketPaths(homePaths(home).run)
  switch (presence.kind) {
    case 'absent':
      return `${name}  does not run`
    case 'silent':
      return `${name}  process ${presence.pid} does not answer`
    case 'running': {
      const { pid, status } = presence
      return [
        `${name}  ${status.health}, process ${pid}, ${Math.round(status.rssBytes / 2 ** 20)} MiB`,
        ...status.chains.map((chain) => `  ${chainText(chain)}`),
        `  ${admin}   ehr.sock and read.sock beside it`
      ].join('\n')
    }
  }
}

export function chainText({ label, height, head, view, phase, validator, peers }: Status['chains'][number]): string {
  const links = `${peers.connected.length}/${peers.expected} peers`
  return `${label}  height ${height}  ${head.slice(0, 12)}  view ${view}  ${phase}  ${links}${validator ? '' : '  no vote'}`
}

function socketsOf({ home }: KeptSite) {
  return socketPaths(homePaths(home).run)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
