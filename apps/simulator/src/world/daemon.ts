/** One hospital's daemon in a world: the real thing on watched ports, opened again after every end of its process. */
import { height, WardlineError } from '@wardline/codec'
import type { Verifier } from '@wardline/crypto'
import { createMemoryRecordKeysDisk } from '@wardline/keys-files'
import type { NodeProcess, World } from '@wardline/network-memory'
import type { Chain } from '@wardline/node'
import type { Journal, KeyValueStore, Log, LogFields, LogLevel, Network } from '@wardline/ports'
import type { MemoryDisk } from '@wardline/store-memory'
import { createMemoryVaultDisk } from '@wardline/vault-files'
import type { ByzantineMember } from './byzantine/member.ts'
import { MISCONDUCT } from './byzantine/misconduct.ts'
import { splitNetwork } from './byzantine/twins.ts'
import type { Cast, Hospital } from './cast.ts'
import type { Voter } from './checkers/epochs.ts'
import { JOURNAL, STORE } from './damage.ts'
import type { ByzantineKind } from './fault-kinds.ts'
import { type Opened, type OpeningParts, openPart, type Releases } from './opening.ts'
import type { VoteKeys } from './vote-keys.ts'
import { joinWatches, type Report, type Watch } from './watch.ts'
import { type WatchedParts, watchJournal, watchNetwork, watchStore } from './watched-ports.ts'

/** What a mutant puts between the chain and its ports, to prove that the checkers bite. */
export type Mutant = {
  readonly journal?: (journal: Journal) => Journal
  readonly store?: (store: KeyValueStore) => KeyValueStore
  readonly network?: (network: Network) => Network
  /** Who this node takes itself for. */
  readonly self?: (hospital: Hospital, cast: Cast) => Hospital
  /** Runs while a node is off, before it starts again. */
  readonly beforeRestart?: (disk: MemoryDisk, node: string) => void
  /** Runs after every event. */
  readonly afterEvent?: (world: World<MemoryDisk>) => void
}

export type Daemon = {
  readonly hospital: Hospital
  /** False for a Byzantine member's. */
  readonly isCorrect: boolean
  readonly self: Hospital
  /** The chain, while it is open. */
  chain(): Chain | undefined
  /** The exchange of records, while an SPV chain is open. */
  releases(): Releases | undefined
  /** Ends it with an error that a client met. */
  fail(error: unknown): void
  /** Ends it as an operator does, and starts it again. */
  restartGently(): Promise<void>
}

export type DaemonParts = {
  readonly world: World<MemoryDisk>
  readonly cast: Cast
  readonly watch: Watch
  readonly report: Report
  readonly verifier: Verifier
  readonly voteKeys: VoteKeys
  /** Who votes in an epoch that has begun somewhere. */
  readonly votersIn: (epoch: number) => readonly Voter[]
  readonly mutant: Mutant
  /** Called at every output of a process; may end it. */
  readonly output: (node: string) => void
  /** What of the mishaps explains that this process ends itself with this error code; undefined: nothing does. */
  readonly excuse: (node: string, code: string) => string | undefined
  /** The chain is open; what the start should have found wrong and did not, if anything. */
  readonly onOpened: (node: string, trustsJournal: boolean) => string | undefined
  /** The process has ended itself, with an excuse or because it is Byzantine. */
  readonly onExit: (node: string, code: string) => void
  /** Whether Byzantine members still do what they do on their own account. */
  readonly isHostile: () => boolean
  readonly log?: (node: string, level: LogLevel, message: string, fields: LogFields) => void
}

type Ports = Pick<OpeningParts, 'store' | 'journal' | 'network' | 'recordKeys' | 'vault'>

/** @param crime of a Byzantine member; undefined for a correct one, and only those are watched */
export function startDaemon(parts: DaemonParts, hospital: Hospital, crime?: ByzantineKind): Daemon {
  const { world, cast, report, mutant } = parts
  const watch = crime === undefined ? parts.watch : joinWatches([])
  const { name } = hospital
  const node = world.node(name)
  const self = mutant.self?.(hospital, cast) ?? hospital
  const prng = world.prng.fork(`beside the disk of ${name}`)
  const latency = { clock: world.clock, latencyMs: () => prng.between(1, 8) }
  const recordKeys = createMemoryRecordKeysDisk(latency)
  const vault = createMemoryVaultDisk(latency)
  let announced = 0
  let open: { readonly opened: Opened; readonly process: NodeProcess<MemoryDisk> } | undefined

  /** Tells of blocks that became final while nobody listened: as the process opened, or right before its end. */
  const catchUp = (chain: Chain): void => {
    while (announced < chain.head().height) {
      announced += 1
      const block = chain.query.block(height(announced))
      if (block !== undefined) watch.committed(name, { ...block, changes: [] })
    }
  }

  const fail = (process: NodeProcess<MemoryDisk>, error: unknown): void => {
    if (!process.isAlive()) return
    const code = error instanceof WardlineError ? error.code : ''
    if (crime === undefined && parts.excuse(name, code) === undefined) {
      report('failed', `${name} stopped: ${textOf(error)}`)
    }
    process.exit()
    parts.onExit(name, code)
  }

  const memberOf = (process: NodeProcess<MemoryDisk>): ByzantineMember => ({
    chain: cast.chain,
    self,
    votersIn: parts.votersIn,
    signerIn(epoch) {
      const voter = parts.votersIn(epoch).find(({ member }) => member === self.member)
      return parts.voteKeys.signerOf(voter?.key ?? '') ?? self.voteSigner
    },
    others: cast.hospitals.flatMap((other) => (other.name === name ? [] : [other.name])),
    prng: world.prng.fork(`${crime} ${name} ${process.incarnation}`),
    clock: process.clock,
    whisper: (peers, topic, data) => process.whisper(peers, topic, data),
    isActive: parts.isHostile
  })

  const program = async (process: NodeProcess<MemoryDisk>): Promise<void> => {
    const watched: WatchedParts = { node: name, watch, output: () => parts.output(name) }
    try {
      // The end of the last process, for what lies beside its disk: what it was writing then is there or not.
      recordKeys.crash({ below: (bound) => prng.below(bound) })
      vault.crash({ below: (bound) => prng.below(bound) })
      const store = await process.disk.openStore(STORE)
      watch.storeOpened(name, process.disk.image().stores.get(STORE) ?? new Map())
      const journal = await process.disk.openJournal(JOURNAL)
      const openOn = (ports: Ports): Promise<Opened> =>
        openPart({
          world,
          cast,
          self,
          voteKeys: () => parts.voteKeys.of(self.name),
          verifier: parts.verifier,
          process,
          log: logOf((level, message, fields) => parts.log?.(name, level, message, fields)),
          onFailure: (error) => fail(process, error),
          ...ports
        })
      const ports = {
        store: (mutant.store ?? same)(watchStore(store, watched)),
        journal: (mutant.journal ?? same)(watchJournal(journal, watched)),
        network: (mutant.network ?? same)(watchNetwork(process.network, watched)),
        recordKeys: recordKeys.open(process.random),
        vault: vault.open()
      }
      const opened = crime === undefined ? await openOn(ports) : await openByzantine(crime, process, ports, openOn)
      if (!process.isAlive()) return
      const unnoticed = parts.onOpened(name, trustsJournal(opened.chain))
      if (unnoticed !== undefined && crime === undefined) report('I6', `${name} opens ${unnoticed}`)
      open = { opened, process }
      catchUp(opened.chain)
      opened.chain.onCommit((block) => {
        announced = block.header.height
        watch.committed(name, block)
      })
    } catch (error) {
      fail(process, error)
    }
  }
  node.start(program)

  /** The real daemon behind its crime; of twins, the clients know the first. */
  const openByzantine = async (
    kind: ByzantineKind,
    process: NodeProcess<MemoryDisk>,
    ports: Ports,
    openOn: (ports: Ports) => Promise<Opened>
  ): Promise<Opened> => {
    const member = memberOf(process)
    if (kind !== 'twins') return openOn({ ...ports, network: MISCONDUCT[kind](ports.network, member) })
    const [network, twinNetwork] = splitNetwork(ports.network, member)
    const first = await openOn({ ...ports, network })
    const twin = await openOn({
      store: await process.disk.openStore(`${STORE} of the twin`),
      journal: await process.disk.openJournal(`${JOURNAL} of the twin`),
      network: twinNetwork,
      recordKeys: createMemoryRecordKeysDisk(latency).open(process.random),
      vault: createMemoryVaultDisk(latency).open()
    })
    return {
      ...first,
      async stop() {
        await Promise.all([first.stop(), twin.stop()])
      }
    }
  }

  const running = (): Opened | undefined =>
    open?.process.isAlive() === true && open.opened.chain.status().phase !== 'stopped' ? open.opened : undefined

  return {
    hospital,
    isCorrect: crime === undefined,
    self,
    chain: () => running()?.chain,
    releases: () => running()?.releases ?? undefined,
    fail(error) {
      if (open !== undefined) fail(open.process, error)
    },
    async restartGently() {
      if (open === undefined || !open.process.isAlive()) return
      const { opened, process } = open
      await opened.stop()
      process.exit()
      node.start(program)
    }
  }
}

function same<T>(one: T): T {
  return one
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

/** Whether it would sign what its vote journal permits: not once it has found that the journal does not tell all. */
function trustsJournal(chain: Chain): boolean {
  const { voting } = chain.status()
  return voting.kind === 'voting' || (voting.kind === 'asking' && !voting.isLost)
}
