/** The hospitals of one run, the network between them, and what their disks have shown so far. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectSocket, type SocketClient } from '@wardline/client'
import { type ChainId, type MemberId, WardlineError } from '@wardline/codec'
import { homePaths, portOf, socketPaths } from '@wardline/config'
import { type JournalEntry, scanJournal } from '@wardline/consensus'
import { cardMember, chainIdOf, type Genesis, parseGenesis } from '@wardline/ledger'
import type { Prng } from '@wardline/network-memory'
import { openFileJournal } from '@wardline/store-level'
import { foundNetwork } from '../local-network/ceremony.ts'
import { type Daemon, isConnected, type Status, startDaemon } from '../local-network/daemon.ts'
import { chainsOf } from '../local-network/homes.ts'
import { createFaultProxy, type FaultProxy } from './fault-proxy.ts'
import { createSignedVotes, type SignedVotes } from './signed-votes.ts'

export const LABEL = 'transfers'

export type Hospital = {
  readonly index: number
  readonly name: string
  readonly home: string
  readonly member: MemberId
  /** Where its daemon listens, behind the proxy. */
  readonly port: number
  /** For those who watch; its clients have their own. */
  readonly admin: SocketClient
  /** Undefined while none runs. */
  daemon: Daemon | undefined
  /** Whether somebody is about to end it, or has made it end. */
  mayEnd: boolean
  /** Its clients ask nothing more. */
  quiet: boolean
  /** Questions under way. */
  asking: number
}

export type Violation = { readonly code: string; readonly what: string }

export type Arena = {
  readonly folder: string
  readonly genesisFile: string
  readonly genesis: Genesis
  readonly chain: ChainId
  readonly hospitals: readonly Hospital[]
  readonly proxy: FaultProxy
  readonly votes: SignedVotes
  readonly prng: Prng
  /** Faults so far, by kind. */
  readonly faults: Map<string, number>
  readonly violations: readonly Violation[]
  readonly say: (line: string) => void
  readonly violate: (code: string, what: string) => void
}

/** The folder of a hospital's home. */
export function placeOf(index: number): string {
  return `h${index + 1}`
}

export const READY_MS_MAX = 120_000
const STATUS_MS_MAX = 3_000

export async function createArena(options: {
  readonly folder: string
  readonly nodes: number
  readonly prng: Prng
  readonly say: (line: string) => void
  /** Called for each home before anything is in it. */
  readonly prepareHome?: (home: string, index: number) => Promise<void>
}): Promise<Arena> {
  const { folder, nodes, prng, say } = options
  const proxy = await createFaultProxy(nodes)
  const founders = Array.from({ length: nodes }, (_, index) => ({
    name: `H${index + 1}`,
    place: placeOf(index),
    announce: { [LABEL]: proxy.address(index) }
  }))
  await mkdir(join(folder, 'logs'), { recursive: true })
  for (const [index, { place }] of founders.entries()) await options.prepareHome?.(join(folder, place), index)
  const founded = await foundNetwork({ folder, chains: [{ label: LABEL, mode: 'stt' }], founders })
  const genesisFile = join(folder, `${LABEL}.genesis.json`)
  const parsed = parseGenesis(await readFile(genesisFile, 'utf8'))
  if (parsed.kind === 'failed') throw new TypeError('the ceremony gives a genesis')
  const { genesis } = parsed
  const hospitals = founders.map(({ name }, index): Hospital => {
    const home = founded.homes[index] ?? ''
    const card = genesis.founders.find((each) => each.name === name)
    const chain = chainsOf(home)[LABEL]
    if (card === undefined || chain === undefined) throw new TypeError('every founder has a card and settings')
    const admin = connectSocket(socketPaths(homePaths(home).run).admin)
    const member = cardMember(card)
    const port = portOf(chain.listen)
    return { index, name, home, member, port, admin, daemon: undefined, mayEnd: true, quiet: false, asking: 0 }
  })
  const violations: Violation[] = []
  return {
    folder,
    genesisFile,
    genesis,
    chain: chainIdOf(genesis),
    hospitals,
    proxy,
    votes: createSignedVotes(),
    prng,
    faults: new Map(),
    violations,
    say,
    violate(code, what) {
      violations.push({ code, what })
      say(`VIOLATION ${code}: ${what}`)
    }
  }
}

export function noteFault({ faults }: Arena, kind: string): void {
  faults.set(kind, (faults.get(kind) ?? 0) + 1)
}

/**
 * Most of a start is compiling the program, and here it starts a thousand times: Node keeps what it has compiled in this
 * folder. A process that is killed leaves nothing there; one that ends by itself does.
 */
export function compileCache(folder: string): Readonly<Record<string, string>> {
  return { NODE_COMPILE_CACHE: join(folder, 'compiled') }
}

/** Begins a life of the hospital's daemon; resolves as soon as there is a process. Ending by itself is a violation. */
export async function spawnDaemon(arena: Arena, hospital: Hospital, args: readonly string[] = []): Promise<Daemon> {
  const logFile = join(arena.folder, 'logs', `${hospital.name}.log`)
  const daemon = await startDaemon(hospital.home, { logFile, args, environment: compileCache(arena.folder) })
  hospital.daemon = daemon
  hospital.mayEnd = false
  void daemon.ended.then(({ code, signal }) => {
    if (hospital.mayEnd) return
    const last = daemon.lastLines().at(-1)
    arena.violate('daemon-ended', `the daemon of ${hospital.name} ended by itself with ${signal ?? code}: ${last}`)
  })
  arena.proxy.setDaemon(hospital.index, { port: hospital.port, pid: daemon.pid })
  return daemon
}

/** Starts the daemon where it does not run and waits until it answers. @throws WardlineError `daemon-failed` */
export async function startHospital(arena: Arena, hospital: Hospital, args: readonly string[] = []): Promise<void> {
  const daemon = hospital.daemon?.end() === null ? hospital.daemon : await spawnDaemon(arena, hospital, args)
  await daemon.until(({ chains }) => chains.length > 0, READY_MS_MAX)
}

export async function startAll(arena: Arena): Promise<void> {
  await Promise.all(arena.hospitals.map((hospital) => startHospital(arena, hospital)))
}

/** kill -9, at whatever moment this is. What its journal then holds is remembered. */
export async function killHospital(arena: Arena, hospital: Hospital): Promise<void> {
  if (hospital.daemon?.end() !== null) return
  noteFault(arena, 'kill -9')
  hospital.mayEnd = true
  await hospital.daemon.kill()
  await ended(arena, hospital)
}

export async function stopHospital(arena: Arena, hospital: Hospital): Promise<void> {
  if (hospital.daemon === undefined) return
  hospital.mayEnd = true
  await hospital.daemon.stop()
  await ended(arena, hospital)
}

/** To be called when the daemon has ended in another way. */
export async function ended(arena: Arena, hospital: Hospital): Promise<void> {
  hospital.daemon = undefined
  arena.proxy.setDaemon(hospital.index, undefined)
  arena.votes.journal(hospital.member, await readJournal(arena, hospital))
}

/** What a stopped daemon's vote journal says that it signed. A journal that cannot be read is a violation. */
async function readJournal(arena: Arena, { home, name }: Hospital): Promise<readonly JournalEntry[]> {
  const journal = await openFileJournal(homePaths(home).chain(LABEL).votes)
  try {
    const scan = scanJournal(await journal.read())
    if (scan.kind === 'ok') return scan.entries
    arena.violate('journal-lost', `the vote journal of ${name} is ${scan.reason} in segment ${scan.segment}`)
    return []
  } finally {
    await journal.close()
  }
}

export type ChainState = Status['chains'][number]

/** Undefined where no daemon answers in time. */
export async function stateOf({ admin }: Hospital): Promise<ChainState | undefined> {
  try {
    const { chains } = await admin.call('status', {}, { timeoutMs: STATUS_MS_MAX })
    return chains.find(({ label }) => label === LABEL)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (['daemon-not-running', 'daemon-gone', 'call-timeout', 'unavailable'].includes(String(code))) return undefined
    throw error
  }
}

/** The highest head that any of them tells. */
export async function highestHead(hospitals: readonly Hospital[]): Promise<number> {
  const states = await Promise.all(hospitals.map(stateOf))
  return Math.max(0, ...states.map((state) => state?.height ?? 0))
}

/** Waits for what must come true in the end. @throws WardlineError `not-live` */
export async function eventually(what: string, holds: () => Promise<boolean>, waitMs = READY_MS_MAX): Promise<void> {
  const untilMs = performance.now() + waitMs
  while (!(await holds())) {
    if (performance.now() > untilMs) throw new WardlineError('not-live', `${what}: not within ${waitMs / 1000} s`)
    await pause(100)
  }
}

/** Every daemon runs and is connected to all others. */
export async function untilWhole(arena: Arena): Promise<void> {
  arena.proxy.heal()
  await startAll(arena)
  await Promise.all(arena.hospitals.map(async ({ daemon }) => daemon?.until(isConnected, READY_MS_MAX)))
}

/** Blocks become final again: of these hospitals, each moves beyond where the furthest was. */
export async function untilProgress(hospitals: readonly Hospital[], what: string): Promise<void> {
  const before = await highestHead(hospitals)
  await eventually(`${what} go on after block ${before}`, async () => {
    const states = await Promise.all(hospitals.map(stateOf))
    return states.every((state) => (state?.height ?? 0) > before)
  })
}

/** All at one head, and nothing left to be done anywhere. */
export async function untilRest({ hospitals }: Arena): Promise<void> {
  await eventually('all are at rest', async () => {
    const states = await Promise.all(hospitals.map(stateOf))
    return states.every(
      (state) => state?.head === states[0]?.head && state?.mempool.transactions === 0 && state.duties.pending === 0
    )
  })
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
