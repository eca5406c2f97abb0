/** One thing that a run does to its hospitals. It leaves the faults that it made behind; the run heals them. */
import type { Arena } from './arena.ts'
import type { History } from './history.ts'

export type ScenarioContext = {
  readonly arena: Arena
  readonly history: History
  /** Whether the last hospital's home is a file system of its own, whose size can be changed. */
  readonly hasSmallDisk: boolean
  /** Whether this build takes an older copy of a home, when told that it is one. */
  readonly canRestore: boolean
}

export type Scenario = {
  readonly name: string
  /** Why it cannot be played here; undefined if it can. */
  readonly hindrance?: (context: ScenarioContext) => string | undefined
  readonly play: (context: ScenarioContext) => Promise<void>
}
