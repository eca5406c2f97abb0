/** Hunts one broken guard: plays seeds until an invariant breaks, in a thread of its own that alone has the broken source. */
import { Worker } from 'node:worker_threads'
import { BROKEN_GUARDS, type BrokenGuard } from './catalog.ts'

export type Catch = {
  readonly name: string
  /** Undefined if none of the seeds caught it. */
  readonly caught: { readonly seed: number; readonly code: string; readonly what: string } | undefined
  /** Seeds that it took. */
  readonly seeds: number
}

export type HuntRequest = { readonly name: string; readonly seedsMax: number }

export function guardNamed(name: string): BrokenGuard | undefined {
  return BROKEN_GUARDS.find((guard) => guard.name === name)
}

/** @param seedsMax seeds to try, from the guard's own on */
export async function hunt(request: HuntRequest): Promise<Catch> {
  const worker = new Worker(new URL('../mutant-process.ts', import.meta.url), { workerData: request })
  try {
    return await new Promise<Catch>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', () => reject(new Error(`the hunt for ${request.name} ended without a word`)))
    })
  } finally {
    await worker.terminate()
  }
}
