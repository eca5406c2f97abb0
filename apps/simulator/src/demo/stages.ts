/** The demo's stages and checks: each stage is a line on the screen, each check that fails a difference to report. */
import type { Screen } from './screen.ts'

export type Stages = {
  /**
   * Runs one stage. Its line ends with what `run` says came of it, marked as failed if a check in it failed.
   * @throws what `run` throws, having marked the stage
   */
  readonly stage: <T>(title: string, run: () => Promise<readonly [value: T, outcome: string]>) => Promise<T>
  /** Notes `difference`, a sentence without its full stop, unless it `holds`. */
  readonly check: (holds: boolean, difference: string) => void
  readonly differences: readonly string[]
}

export function createStages(screen: Screen): Stages {
  const differences: string[] = []
  return {
    differences,
    check(holds, difference) {
      if (!holds) differences.push(difference)
    },
    async stage(title, run) {
      screen.begin(title)
      const before = differences.length
      try {
        const [value, outcome] = await run()
        screen.end(differences.length === before ? 'done' : 'failed', outcome)
        return value
      } catch (error) {
        screen.end('failed', 'failed')
        throw error
      }
    }
  }
}
