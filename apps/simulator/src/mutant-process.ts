/** One hunt of `pnpm sim --mutants`: breaks the guard, and only then loads the world. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '@wardline/codec'
import type { BrokenGuard } from './mutants/catalog.ts'
import { type Catch, guardNamed, type HuntRequest } from './mutants/hunt.ts'
import { replaceSource } from './mutants/replaced-source.ts'

const request = workerData as HuntRequest
const guard = guardNamed(request.name)
assert(guard !== undefined, `a guard is named ${request.name}`)
const confirmReplaced = replaceSource(guard.kind === 'source' ? guard.replacements : [])
const { runSeed, runTwice } = await import('./world/run-seed.ts')
confirmReplaced()
parentPort?.postMessage(await play(guard, request.seedsMax))

async function play({ name, mode, nodes, profile, caughtBy, seed: first, ...guard }: BrokenGuard, seedsMax: number) {
  for (let seeds = 1; seeds <= seedsMax; seeds++) {
    const seed = first + seeds - 1
    const run = caughtBy.includes('I12') ? runTwice : runSeed
    const { violations } = await run({
      seed,
      nodes,
      mode,
      only: caughtBy,
      profile: (drawn) => ({ ...drawn, ...profile }),
      ...(guard.kind === 'composed' ? { mutant: guard.mutant() } : {})
    })
    const [violation] = violations
    if (violation !== undefined) return { name, seeds, caught: { seed, ...violation } } satisfies Catch
  }
  return { name, seeds: seedsMax, caught: undefined } satisfies Catch
}
