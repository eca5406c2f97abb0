/**
 * Four daemons as processes on this machine, measured from outside: through their sockets, and by what the operating system
 * says that they used. Ratios compare within one run, because the machine's speed changes from run to run.
 */
import { foundNetwork } from '../local-network/ceremony.ts'
import { startNetwork, stopSites } from '../local-network/network.ts'
import { chainOf, chainsFor } from './chains.ts'
import { measureCustody } from './custody-fold.ts'
import { measureDecisions } from './grant-decision.ts'
import { measureColdStart, measureIdleCpu, measureMemory } from './idle.ts'
import { isLoad, type LoadKind } from './kinds.ts'
import { type Bench, sleep } from './network.ts'
import { measureOneDead } from './one-dead.ts'
import { measureSealing } from './sealing.ts'
import { measureSocketClients } from './socket-clients.ts'
import { measureLoad } from './under-load.ts'
import { createWorkload } from './workloads.ts'

const NAMES = ['Alder', 'Birch', 'Cedar', 'Dogwood'] as const
const SETTLE_MS = 3_000

export async function runBench(bench: Bench): Promise<void> {
  const { options } = bench
  const loads = options.idleOnly ? [] : options.kind.filter(isLoad)
  const extra = {
    isOneDead: !options.idleOnly && options.kind.includes('one-dead'),
    hasSocketClients: !options.idleOnly && options.kind.includes('socket.clients')
  }
  const needsDaemons = loads.length > 0 || options.idleOnly || extra.isOneDead || extra.hasSocketClients
  if (needsDaemons) await benchDaemons(bench, loads, extra)
  if (options.idleOnly) return
  if (options.kind.includes('grant.decision')) await measureDecisions(bench)
  if (options.kind.includes('custody.fold')) await measureCustody(bench)
  if (options.kind.includes('sealing')) await measureSealing(bench)
}

async function benchDaemons(
  bench: Bench,
  kinds: readonly LoadKind[],
  { isOneDead, hasSocketClients }: { readonly isOneDead: boolean; readonly hasSocketClients: boolean }
): Promise<void> {
  const { options, folder, talk } = bench
  const chains = chainsFor(isOneDead ? [...kinds, 'member.register'] : kinds, options.chains)
  talk(`founding four hospitals with ${chains.map(({ label }) => label).join(', ')}`)
  const founders = NAMES.map((name) => ({ name, place: name.toLowerCase() }))
  const founded = await foundNetwork({ folder, chains, founders })
  if (options.profile !== undefined) {
    process.env['NODE_OPTIONS'] = `--cpu-prof --cpu-prof-dir=${options.profile}`
  }
  const sites = await startNetwork(founded, NAMES)
  delete process.env['NODE_OPTIONS']
  try {
    await sleep(SETTLE_MS)
    if (kinds.length > 0 || options.idleOnly) {
      await measureMemory(bench, sites, 'rss-idle', null, null)
      await measureIdleCpu(bench, sites)
    }
    if (hasSocketClients) await measureSocketClients(bench, sites)
    if (kinds.length > 0 && options.profile === undefined) await measureColdStart(bench, sites)
    for (const kind of kinds) {
      const label = chainOf(kind, chains)
      const workload = await createWorkload(kind, { sites, label, clients: Math.max(...options.clients) })
      for (const clients of options.clients) await measureLoad(bench, { sites, label, kind, clients, workload })
    }
    // Last, because it leaves one of them dead.
    if (isOneDead) await measureOneDead(bench, sites, chainOf('member.register', chains))
  } finally {
    await stopSites(sites)
  }
}
