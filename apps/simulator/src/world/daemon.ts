/** One hospital's daemon in a world: the real chain on watched ports, opened again after every end of its process. */
import { WardlineError } from '@wardline/codec'
import type { Verifier, VoteSigner } from '@wardline/crypto'
import { custodyFold } from '@wardline/custody'
import type { NodeProcess, World } from '@wardline/network-memory'
import { type Chain, openChain } from '@wardline/node'
import type { Journal, KeyValueStore, Log, LogFields, LogLevel } from '@wardline/ports'
import type { MemoryDisk } from '@wardline/store-memory'
import { dutiesFold } from '@wardline/views'
import type { Cast, Hospital } from './cast.ts'
import type { Report, Watch } from './watch.ts'
import { type WatchedParts, watchJournal, watchNetwork, watchStore } from './watched-ports.ts'

/** What a mutant puts between the chain and its ports, to prove that the checkers bite. */
export type Mutant = {
  readonly journal?: (journal: Journal) => Journal
  readonly store?: (store: KeyValueStore) => KeyValueStore
  /** Who this node takes itself for. */
  readonly self?: (hospital: Hospital, cast: Cast) => { readonly hospital: Hospital; readonly voteSigner: VoteSigner }
  /** Runs while a node is off, before it starts again. */
  readonly beforeRestart?: (disk: MemoryDisk, node: string) => void
  /** Runs after every event. */
  readonly afterEvent?: (world: World<MemoryDisk>) => void
}

export type Daemon = {
  readonly hospital: Hospital
  readonly self: Hospital
  /** The chain, while it is open. */
  chain(): Chain | undefined
  /** Ends it as an operator does, and starts it again. */
  restartGently(): Promise<void>
}

export type DaemonParts = {
  readonly world: World<MemoryDisk>
  readonly cast: Cast
  readonly watch: Watch
  readonly report: Report
  readonly verifier: Verifier
  readonly mutant: Mutant
  /** Called at every output of a process; may end it. */
  readonly output: (node: string) => void
  /** Whether a write of this node's disk has failed on purpose; such a failure ends a process without being a fault of it. */
  readonly diskFailed: (node: string) => boolean
  /** The process ended by itself after its disk failed. */
  readonly onExit: (node: string) => void
  readonly log?: (node: string, level: LogLevel, message: string, fields: LogFields) => void
}

const STORE = 'chain'
const JOURNAL = 'votes'

export function startDaemon(parts: DaemonParts, hospital: Hospital): Daemon {
  const { world, cast, watch, report, mutant } = parts
  const { name } = hospital
  const node = world.node(name)
  const { hospital: self, voteSigner } = mutant.self?.(hospital, cast) ?? { hospital, voteSigner: hospital.voteSigner }
  const peerNames = new Map(cast.hospitals.map((one) => [one.host, one.name]))
  let open: { readonly chain: Chain; readonly process: NodeProcess<MemoryDisk> } | undefined

  const fail = (process: NodeProcess<MemoryDisk>, error: unknown): void => {
    if (!process.isAlive()) return
    if (!parts.diskFailed(name) || !isDiskFailure(error)) report('failed', `${name} stopped: ${textOf(error)}`)
    process.exit()
    parts.onExit(name)
  }

  const program = async (process: NodeProcess<MemoryDisk>): Promise<void> => {
    const watched: WatchedParts = { node: name, watch, output: () => parts.output(name) }
    try {
      const store = await process.disk.openStore(STORE)
      watch.storeOpened(name, process.disk.image().stores.get(STORE) ?? new Map())
      const journal = await process.disk.openJournal(JOURNAL)
      const chain = await openChain({
        genesis: cast.genesis,
        self: self.member,
        voteSigner,
        voteMarks: null,
        store: (mutant.store ?? same)(watchStore(store, watched)),
        journal: (mutant.journal ?? same)(watchJournal(journal, watched)),
        network: watchNetwork(process.network, watched),
        clock: process.clock,
        verifier: parts.verifier,
        log: logOf((level, message, fields) => parts.log?.(name, level, message, fields)),
        folds: [custodyFold, dutiesFold(self.member)],
        peerNameOf: (host) => peerNames.get(host) ?? `stranger ${host.slice(0, 8)}`,
        onFailure: (error) => fail(process, error)
      })
      if (!process.isAlive()) return
      open = { chain, process }
      chain.onCommit((block) => watch.committed(name, block))
    } catch (error) {
      fail(process, error)
    }
  }
  node.start(program)

  return {
    hospital,
    self,
    chain: () => (open?.process.isAlive() === true && open.chain.status().phase !== 'stopped' ? open.chain : undefined),
    async restartGently() {
      if (open === undefined || !open.process.isAlive()) return
      const { chain, process } = open
      await chain.stop()
      process.exit()
      node.start(program)
    }
  }
}

function same<T>(one: T): T {
  return one
}

function isDiskFailure(error: unknown): boolean {
  return error instanceof WardlineError && (error.code === 'store-failed' || error.code === 'journal-failed')
}

export function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function logOf(write: (level: LogLevel, message: string, fields: LogFields) => void): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      write(level, message, fields)
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), with: () => log }
  return log
}
