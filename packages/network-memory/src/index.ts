/** The deterministic world: virtual time, seeded randomness and a network that fails on purpose, for many nodes in one thread. */
export type { NetworkFaults } from './faults.ts'
export { createPrng, type Prng } from './prng.ts'
export type { TraceEvent } from './trace.ts'
export {
  createWorld,
  type DiskCrash,
  type NodeProcess,
  type NodeProgram,
  type RunOptions,
  type RunResult,
  type World,
  type WorldDisk,
  type WorldDiskContext,
  type WorldNode,
  type WorldOptions
} from './world.ts'
