/** A world that runs by itself, for suites that wait by its clock. */
import { setImmediate as turn } from 'node:timers/promises'
import { createWorld, type NetworkFaults, type World } from '../src/index.ts'

/** A disk for worlds whose nodes have none. */
export const noDisk = (): { crash(): void } => ({ crash: () => {} })

export function runningWorld(faults: Partial<NetworkFaults> = {}): { world: World; cleanup(): Promise<void> } {
  const world = createWorld({ seed: 1, disk: noDisk, faults })
  let stopped = false
  const running = (async () => {
    while (!stopped) {
      await world.run({ until: () => stopped })
      await turn()
    }
  })()
  return {
    world,
    async cleanup() {
      stopped = true
      await running
    }
  }
}
