/** A world in which nobody misbehaves and no daemon ends: only its links and disks take their time. */
import { createWorld, type NetworkFaults, type World } from '@wardline/network-memory'
import { createMemoryDisk, type MemoryDisk } from '@wardline/store-memory'
import { type Cast, createCast } from './cast.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { createRememberingVerifier } from './remembering-verifier.ts'
import { createVoteKeys } from './vote-keys.ts'
import { joinWatches, type Watch } from './watch.ts'

export type CalmWorld = {
  readonly world: World<MemoryDisk>
  readonly cast: Cast
  /** In the order of the cast's hospitals; all of them run. */
  readonly daemons: readonly Daemon[]
}

export type CalmOptions = {
  readonly nodes: number
  readonly seed: number
  readonly faults: Partial<NetworkFaults>
  /** How long a disk takes for one write, virtual ms. */
  readonly diskMs: readonly [min: number, max: number]
  readonly watch: (world: World<MemoryDisk>, cast: Cast) => Partial<Watch>
}

/** An STT chain of so many hospitals, after its first seconds. */
export async function startCalmWorld({ nodes, seed, faults, diskMs, watch }: CalmOptions): Promise<CalmWorld> {
  const world = createWorld<MemoryDisk>({
    seed,
    faults,
    disk: ({ clock, prng }) => createMemoryDisk({ clock, latencyMs: () => prng.between(...diskMs) })
  })
  const verifier = createRememberingVerifier()
  const random = world.prng.fork('genesis').bytes(32)
  const cast = createCast({ mode: 'STT', count: nodes, random, createdMs: world.nowMs() - 1000, verifier })
  const voteKeys = createVoteKeys(cast, verifier)
  const joined = joinWatches([watch(world, cast)])
  const daemons = cast.hospitals.map((hospital) =>
    startDaemon(
      {
        world,
        cast,
        watch: joined,
        report: (code, what) => {
          throw new Error(`${code}: ${what}`)
        },
        verifier,
        voteKeys,
        votersIn: () => [],
        mutant: {},
        output: () => {},
        onOpened: () => undefined,
        excuse: () => undefined,
        onExit: () => {},
        isHostile: () => false
      },
      hospital
    )
  )
  await world.run({ forMs: 60_000, until: () => daemons.every((daemon) => daemon.chain() !== undefined) })
  await world.run({ forMs: 5000 })
  return { world, cast, daemons }
}
