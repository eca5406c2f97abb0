/** The problems of this daemon as `status` gives them, looked at from time to time while somebody follows alerts. */
import type { EventOf, StatusProblem } from '@wardline/api'
import { WardlineError } from '@wardline/codec'
import type { Clock, Log, Timer } from '@wardline/ports'

export type ProblemWatch = {
  /** `run` is told whenever they have been looked at anew. Returns a function that ends this. */
  watch(run: () => void): () => void
  /** As of the last look; undefined before the first one. */
  current(): readonly StatusProblem[] | undefined
}

export type ProblemWatchParts = {
  readonly look: () => Promise<readonly StatusProblem[]>
  readonly clock: Clock
  readonly log: Log
  readonly onFailure: (error: unknown) => void
}

/** From one look to the next. */
const LOOK_MS = 5_000

export function createProblemWatch({ look, clock, log, onFailure }: ProblemWatchParts): ProblemWatch {
  const listeners = new Set<() => void>()
  let problems: readonly StatusProblem[] | undefined
  let timer: Timer | undefined
  let isLooking = false

  async function lookAnew(): Promise<void> {
    if (isLooking) return
    isLooking = true
    try {
      problems = await look()
    } catch (error) {
      if (!(error instanceof WardlineError)) throw error
      // A chain that ends while it is looked at; another look shows what has become of it.
      log.warn('the problems of this daemon could not be looked at', { code: error.code })
    } finally {
      isLooking = false
    }
    if (listeners.size === 0) problems = undefined
    for (const run of listeners) run()
    if (listeners.size > 0) timer = clock.after(LOOK_MS, start)
  }

  function start(): void {
    timer?.cancel()
    lookAnew().catch(onFailure)
  }

  return {
    watch(run) {
      listeners.add(run)
      if (listeners.size === 1) start()
      return () => {
        if (!listeners.delete(run) || listeners.size > 0) return
        timer?.cancel()
        problems = undefined
      }
    },
    current: () => problems
  }
}

/** One reader's view: the problems of its chain, and of the daemon as a whole. */
export type ProblemReader = {
  /** What is to be told since the last time: what began or says something else, and what is over. */
  news(): readonly EventOf<'alerts'>[]
  watch(run: () => void): () => void
}

export function createProblemReader(watch: ProblemWatch, label: string, clock: Clock): ProblemReader {
  const told = new Map<string, StatusProblem>()
  return {
    watch: (run) => watch.watch(run),
    news() {
      const now = watch.current()
      if (now === undefined) return []
      const mine = new Map(now.filter(({ chain }) => chain === null || chain === label).map((one) => [keyOf(one), one]))
      const begun = [...mine].filter(([key, { problem }]) => told.get(key)?.problem !== problem)
      const over = [...told].filter(([key]) => !mine.has(key))
      for (const [key] of over) told.delete(key)
      for (const [key, problem] of begun) told.set(key, problem)
      const timeMs = clock.nowMs()
      return [
        ...over.map(([, problem]) => eventOf('cleared', problem, timeMs)),
        ...begun.map(([, problem]) => eventOf('raised', problem, timeMs))
      ]
    }
  }
}

function keyOf({ chain, code }: StatusProblem): string {
  return `${chain ?? ''}/${code}`
}

function eventOf(kind: 'raised' | 'cleared', problem: StatusProblem, timeMs: number): EventOf<'alerts'> {
  const { severity, code, problem: what, remedy } = problem
  return { kind, severity, code, problem: what, remedy, transaction: null, timeMs }
}
