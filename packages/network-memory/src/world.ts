/**
 * A world: nodes with clocks, disks and a network in one thread, moved by one queue of events and one seed. A node's own
 * asynchronous code runs as it is; because every wait of it ends in an event of this queue, the same seed gives the same
 * run, event by event.
 */
import { assert } from '@wardline/codec'
import type { Clock, Network, NetworkPeer, Random } from '@wardline/ports'
import { type NetworkFaults, NO_FAULTS } from './faults.ts'
import type { Life } from './life.ts'
import { createMemoryNetworks, type MemoryNetworks } from './memory-network.ts'
import { createPrng, type Prng } from './prng.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import { createTrace, type Trace, type TraceEvent } from './trace.ts'

export type WorldOptions<Disk extends WorldDisk> = {
  /** A whole number from 0 to 2^53 - 1. */
  readonly seed: number
  /** Makes a node's disk, once; it survives the node's crashes. */
  readonly disk: (context: WorldDiskContext) => Disk
  /** What the clocks say at the beginning, milliseconds since 1970. Default 2026-01-01. */
  readonly startMs?: number
  readonly faults?: Partial<NetworkFaults>
  /** How many of the newest events the trace keeps for reading. Default 200. */
  readonly traceKeep?: number
}

/** What a world needs of a disk; `MemoryDisk` of store-memory is one. */
export type WorldDisk = { crash(options: DiskCrash): void }

export type DiskCrash = { readonly keep: 'nothing' | 'prefix' | 'pages'; readonly below: (bound: number) => number }

/** `clock` does not stop when the node's process does; `prng` is the disk's own. */
export type WorldDiskContext = { readonly node: string; readonly clock: Clock; readonly prng: Prng }

/** What one process gets: the ports, all of which go dead when it crashes. */
export type NodeProcess<Disk> = {
  readonly name: string
  /** 1 for the node's first process. */
  readonly incarnation: number
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly disk: Disk
  /**
   * Gossip that only these neighbours hear from this process, said before or not: what a member that plays the others off
   * against each other can do, and no port offers.
   */
  whisper(peers: readonly string[], topic: string, data: Uint8Array): void
  /** False from the moment of its end on. */
  isAlive(): boolean
  /** The process ends itself, as a daemon does after a failed write; its disk keeps all that it was given. */
  exit(): void
}

/** What a process does. What it throws or rejects with, while alive, ends the run. */
export type NodeProgram<Disk> = (process: NodeProcess<Disk>) => void | Promise<void>

export type WorldNode<Disk> = {
  readonly name: string
  readonly disk: Disk
  state(): 'off' | 'running'
  /** How often it has been started. */
  incarnation(): number
  /** Starts a process, as the next event; the node must be off. */
  start(program: NodeProgram<Disk>): void
  /** Starts the last program again; a running process crashes first. */
  restart(): void
  /** Power cut: the process ends at once and the disk keeps of its unsynced writes what `keep` says (default `prefix`). */
  crash(options?: { readonly keep?: DiskCrash['keep'] }): void
  /** `kill -9`: the process ends at once; the disk loses nothing that it was given. */
  kill(): void
  /** Sets the node's clock off by this much from the world's; timers are not moved. */
  setClockOffset(offsetMs: number): void
  /** How others name it in `setPeers`. */
  readonly peer: NetworkPeer
}

export type RunOptions = {
  /** Ends when time reaches this, milliseconds since 1970, or `forMs` from now. Without either: when nothing is left to happen. */
  readonly untilMs?: number
  readonly forMs?: number
  /** Ends after this many events. */
  readonly steps?: number
  /** Ends once this holds; asked before every event. */
  readonly until?: () => boolean
  /** Runs after every event and all that it set off: the place for invariants. What it throws ends the run. */
  readonly afterEvent?: (event: TraceEvent) => void
}

export type RunResult = { readonly reason: 'time' | 'idle' | 'steps' | 'condition'; readonly events: number }

export type World<Disk extends WorldDisk = WorldDisk> = {
  readonly seed: number
  /** For the scenario's own choices; a node's draws and the network's do not shift it. */
  readonly prng: Prng
  /** For the scenario's own timers. */
  readonly clock: Clock
  nowMs(): number
  /** The node of that name, made at its first mention. */
  node(name: string): WorldNode<Disk>
  nodes(): readonly WorldNode<Disk>[]
  faults(): NetworkFaults
  setFaults(patch: Partial<NetworkFaults>): void
  /** Messages and streams that faults have hit so far, by kind. */
  networkFaults(): ReadonlyMap<string, number>
  /** Loses everything that `from` sends to `to`. One direction only. */
  cut(from: string, to: string): void
  /** Cuts all ways between nodes of different groups; nodes in no group form one more. Replaces earlier cuts. */
  partition(groups: readonly (readonly string[])[]): void
  /** Ends all cuts. */
  heal(): void
  /**
   * Runs events. Each is followed by all promise work that it sets off.
   * @throws Error naming seed, time and event, with the cause, when a program, a handler's assertion or `afterEvent` fails
   */
  run(options?: RunOptions): Promise<RunResult>
  /**
   * Lets nodes await work of real threads (WebCrypto, argon2): the event does not end before it is done, and several come
   * back in the order of their calls. Virtual time stands still meanwhile.
   */
  track<T>(work: Promise<T>): Promise<T>
  readonly trace: {
    hash(): string
    count(): number
    recent(): readonly TraceEvent[]
    /** Adds a line of the scenario's, so that it counts for the hash and shows among the events. */
    note(text: string): void
  }
}

const DEFAULT_START_MS = Date.UTC(2026, 0, 1)

export function createWorld<Disk extends WorldDisk>(options: WorldOptions<Disk>): World<Disk> {
  const { seed } = options
  assert(Number.isSafeInteger(seed) && seed >= 0, 'a seed is a whole number from 0 to 2^53 - 1')
  const startMs = options.startMs ?? DEFAULT_START_MS
  const root = createPrng(seed)
  const trace = createTrace(options.traceKeep ?? 200)
  const scheduler = createScheduler(trace)
  let faults: NetworkFaults = { ...NO_FAULTS, ...options.faults }
  const networks = createMemoryNetworks(scheduler, root.fork('network'), () => faults)
  const nodes = new Map<string, WorldNode<Disk>>()
  let running = false
  const nowMs = (): number => startMs + Math.floor(scheduler.elapsedMs())
  const clock: Clock = {
    nowMs,
    elapsedMs: () => scheduler.elapsedMs(),
    after: (delayMs, run) => scheduler.after(delayMs, undefined, run)
  }
  const parts: Parts = { scheduler, networks, root, nowMs }

  return {
    seed,
    prng: root.fork('scenario'),
    clock,
    nowMs,
    node(name) {
      let node = nodes.get(name)
      if (node === undefined) {
        node = createNode(parts, name, options.disk({ node: name, clock, prng: root.fork(`disk ${name}`) }))
        nodes.set(name, node)
      }
      return node
    },
    nodes: () => [...nodes.values()],
    faults: () => faults,
    setFaults(patch) {
      faults = { ...faults, ...patch }
    },
    networkFaults: () => networks.counts(),
    cut: (from, to) => networks.cut(from, to),
    partition: (groups) => networks.partition(groups, [...nodes.keys()]),
    heal: () => networks.heal(),
    async run(runOptions = {}) {
      assert(!running, 'a world runs once at a time')
      running = true
      try {
        return await run(parts, seed, startMs, trace, runOptions)
      } finally {
        running = false
      }
    },
    track: (work) => scheduler.track(work),
    trace: {
      hash: () => trace.hash(),
      count: () => trace.count(),
      recent: () => trace.recent(),
      note: (text) => trace.add(scheduler.elapsedMs(), 'note', '', text)
    }
  }
}

type Parts = {
  readonly scheduler: Scheduler
  readonly networks: MemoryNetworks
  readonly root: Prng
  readonly nowMs: () => number
}

function createNode<Disk extends WorldDisk>(parts: Parts, name: string, disk: Disk): WorldNode<Disk> {
  const { scheduler, networks, root } = parts
  const crashPrng = root.fork(`crash ${name}`)
  let life: Life | undefined
  let incarnation = 0
  let offsetMs = 0
  let lastProgram: NodeProgram<Disk> | undefined

  const end = (crash: DiskCrash): void => {
    if (life === undefined) return
    life.alive = false
    networks.detach(life)
    life = undefined
    disk.crash(crash)
  }
  const crash: WorldNode<Disk>['crash'] = (options = {}) =>
    end({ keep: options.keep ?? 'prefix', below: (bound) => crashPrng.below(bound) })
  const kill = (): void => end({ keep: 'prefix', below: (bound) => bound - 1 })

  const start = (program: NodeProgram<Disk>): void => {
    assert(life === undefined, `node ${name} is running`)
    incarnation += 1
    lastProgram = program
    const born: Life = { node: name, incarnation, alive: true }
    life = born
    const prng = root.fork(`random ${name} ${incarnation}`)
    const process: NodeProcess<Disk> = {
      name,
      incarnation,
      clock: {
        nowMs: () => parts.nowMs() + offsetMs,
        elapsedMs: () => scheduler.elapsedMs(),
        after: (delayMs, run) => scheduler.after(delayMs, born, run)
      },
      random: { bytes: (size) => randomBytes(prng, size) },
      network: networks.attach(born),
      disk,
      whisper: (peers, topic, data) => networks.whisper(born, peers, topic, data),
      isAlive: () => born.alive,
      exit() {
        if (life === born) kill()
      }
    }
    scheduler.schedule(0, 'start', born, `incarnation ${incarnation}`, () => {
      const done = program(process)
      done?.catch((error: unknown) => {
        if (born.alive) scheduler.fail(error)
      })
      return true
    })
  }

  return {
    name,
    disk,
    peer: { name, addresses: [`/memory/${name}`] },
    state: () => (life === undefined ? 'off' : 'running'),
    incarnation: () => incarnation,
    start,
    restart() {
      assert(lastProgram !== undefined, `node ${name} was never started`)
      crash()
      start(lastProgram)
    },
    crash,
    kill,
    setClockOffset(next) {
      assert(Number.isSafeInteger(next), 'a clock offset is a whole number of milliseconds')
      offsetMs = next
    }
  }
}

function randomBytes(prng: Prng, size: number): Uint8Array {
  if (!Number.isInteger(size) || size < 0 || size > 65_536) {
    throw new RangeError(`size must be an integer from 0 to 65536, got ${size}`)
  }
  return prng.bytes(size)
}

async function run(
  { scheduler, nowMs }: Parts,
  seed: number,
  startMs: number,
  trace: Trace,
  options: RunOptions
): Promise<RunResult> {
  const untilMs = options.untilMs ?? (options.forMs === undefined ? undefined : nowMs() + options.forMs)
  const endMs = untilMs === undefined ? Number.POSITIVE_INFINITY : untilMs - startMs
  const steps = options.steps ?? Number.POSITIVE_INFINITY
  let events = 0
  let what = 'the beginning'
  try {
    for (;;) {
      if (scheduler.failure() !== undefined) throw scheduler.failure()
      if (options.until?.() === true) return { reason: 'condition', events }
      if (events >= steps) return { reason: 'steps', events }
      const next = scheduler.queue.peek()
      if (next === undefined || next.atMs > endMs) {
        if (Number.isFinite(endMs)) scheduler.advanceTo(endMs)
        return { reason: next === undefined ? 'idle' : 'time', events }
      }
      const event = await scheduler.step()
      if (event === undefined || event === false) continue
      events += 1
      what = `${event.kind} ${event.life?.node ?? ''} ${event.detail}`.trim()
      if (options.afterEvent !== undefined && scheduler.failure() === undefined) {
        const { atMs, kind, life, detail } = event
        options.afterEvent({ atMs, kind, node: life?.node ?? '', detail })
      }
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const where = `seed ${seed}, event ${trace.count()}, ${scheduler.elapsedMs()} ms, after ${what}`
    throw new Error(`${reason} (${where})`, { cause })
  }
}
