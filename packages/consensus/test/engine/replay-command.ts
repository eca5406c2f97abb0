/**
 * `pnpm replay [--traces N] [--steps N] [--seed S]`: draws N traces of the specification from seed S on and plays them to
 * engines, 50 at a time. The first difference ends it with exit code 1.
 */
import { parseArgs } from 'node:util'
import { replayTrace } from './replay.ts'
import { BYZANTINE, drawTraces, VALIDATORS } from './specification.ts'

const { values } = parseArgs({
  options: {
    traces: { type: 'string', default: '200' },
    steps: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' }
  }
})
const [count, steps, firstSeed] = [values.traces, values.steps, values.seed].map(Number) as [number, number, number]
if (!(count >= 1 && steps >= 1 && firstSeed >= 0)) throw new RangeError('--traces, --steps and --seed want numbers')

const AT_ONCE = 50
const events = new Map<string, number>()
for (let done = 0; done < count; done += AT_ONCE) {
  const seed = firstSeed + done / AT_ONCE
  for (const [at, trace] of (await drawTraces(Math.min(AT_ONCE, count - done), steps, seed)).entries()) {
    try {
      for (const [name, times] of replayTrace(trace, VALIDATORS, BYZANTINE)) {
        events.set(name, (events.get(name) ?? 0) + times)
      }
    } catch (error) {
      console.error(
        `trace ${at + 1} of --traces ${AT_ONCE} --steps ${steps} --seed ${seed}: ${(error as Error).message}`
      )
      process.exit(1)
    }
  }
}
const table = [...events].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, times]) => `${times} ${name}`)
console.log(`${count} traces without a difference: ${table.join(', ')}`)
