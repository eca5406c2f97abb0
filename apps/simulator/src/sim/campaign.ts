/** Many seeds on several threads. Some of them run twice, to see that a seed is all that a run depends on (I12). */
import { Worker } from 'node:worker_threads'
import { runSeed, runTwice } from '../world/run-seed.ts'
import type { Chosen } from './options.ts'
import { asSeedOptions } from './shrink.ts'
import type { Counted } from './totals.ts'

export type SeedRequest = { readonly seed: number; readonly chosen: Chosen; readonly isTwice: boolean }

/** Out of so many seeds one runs twice. */
const SEEDS_PER_REPEAT = 50

export type Campaign = {
  readonly first: number
  readonly count: number
  /** Milliseconds after which no other seed is begun. */
  readonly endMs: number
  readonly workers: number
  readonly chosen: Chosen
  /** Told of each seed as it ends. */
  readonly onSeed: (counted: Counted) => void
}

export async function runCampaign({ first, count, endMs, workers, chosen, onSeed }: Campaign): Promise<void> {
  const started = performance.now()
  let next = first
  const take = (): SeedRequest | undefined => {
    if (next >= first + count || performance.now() - started >= endMs) return undefined
    const seed = next
    next += 1
    return { seed, chosen, isTwice: seed % SEEDS_PER_REPEAT === 0 }
  }
  await Promise.all(Array.from({ length: Math.min(workers, count) }, () => work(take, onSeed)))
}

/** One thread with all that it is given. Its young heap is large: what a world allocates is nearly all garbage soon. */
async function work(take: () => SeedRequest | undefined, onSeed: (counted: Counted) => void): Promise<void> {
  const worker = new Worker(new URL('../seed-process.ts', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: 64 }
  })
  try {
    for (let request = take(); request !== undefined; request = take()) onSeed(await ask(worker, request))
  } finally {
    await worker.terminate()
  }
}

function ask(worker: Worker, request: SeedRequest): Promise<Counted> {
  return new Promise((resolve, reject) => {
    const settle = (): void => void worker.off('message', onMessage).off('error', onError)
    const onMessage = (reply: Counted): void => {
      settle()
      resolve(reply)
    }
    const onError = (error: unknown): void => {
      settle()
      reject(new Error(`the thread that played seed ${request.seed} ended: ${String(error)}`, { cause: error }))
    }
    worker.on('message', onMessage).on('error', onError)
    worker.postMessage(request)
  })
}

/** What a thread does with one request. */
export async function answer({ seed, chosen, isTwice }: SeedRequest): Promise<Counted> {
  const options = asSeedOptions(seed, chosen)
  return { report: await (isTwice ? runTwice(options) : runSeed(options)), isTwice }
}
