/** Clients in a closed loop: each makes its next call when the last one was answered. */

export type Call = { readonly endedAtMs: number; readonly tookMs: number }

export type Load = {
  /** Every call that was answered, in order. */
  readonly calls: readonly Call[]
  /** Rejects with the first error of a client, at once; never resolves. */
  readonly failed: Promise<never>
  /** Starts no further call and resolves when the last one is answered. @throws what a client's call threw */
  stop(): Promise<void>
}

/** @param call one call of client number `client` (from 0) */
export function startLoad(clients: number, call: (client: number) => Promise<void>): Load {
  const calls: Call[] = []
  let stopped = false
  const client = async (number: number): Promise<void> => {
    while (!stopped) {
      const startMs = performance.now()
      await call(number)
      const endedAtMs = performance.now()
      calls.push({ endedAtMs, tookMs: endedAtMs - startMs })
    }
  }
  const all = Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  const failed = all.then(() => new Promise<never>(() => {}))
  // Whoever races with it, or awaits `stop`, hears of a failure; until then it must not count as unheard.
  failed.catch(() => {})
  return {
    calls,
    failed,
    async stop() {
      stopped = true
      await all
    }
  }
}

/** The calls answered from `fromMs` (included) to `toMs`. */
export function answeredWithin(calls: readonly Call[], fromMs: number, toMs: number): readonly Call[] {
  return calls.filter(({ endedAtMs }) => endedAtMs >= fromMs && endedAtMs < toMs)
}
