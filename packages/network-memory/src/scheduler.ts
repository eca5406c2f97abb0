/** Virtual time: schedules events, and runs them one by one, each together with all promise work it sets off. */
import type { Timer } from '@wardline/ports'
import { createEventQueue, type EventQueue, type WorldEvent } from './event-queue.ts'
import type { Life } from './life.ts'
import type { Trace } from './trace.ts'

export type Scheduler = {
  readonly queue: EventQueue
  /** Virtual milliseconds since the world began. */
  elapsedMs(): number
  /** Moves time forward without an event; not beyond the next event. */
  advanceTo(elapsedMs: number): void
  schedule(delayMs: number, kind: string, life: Life | undefined, detail: string, run: () => boolean): WorldEvent
  /** A port's timer for a process. */
  after(delayMs: number, life: Life | undefined, run: () => void): Timer
  /** Runs the next event and what follows from it; undefined if there is none. False: it turned out not to happen. */
  step(): Promise<WorldEvent | false | undefined>
  /** See `World.track`. */
  track<T>(work: Promise<T>): Promise<T>
  /** The run ends with this error, after the present event. The first one counts. */
  fail(error: unknown): void
  failure(): unknown
}

type External = { readonly settled: Promise<unknown>; readonly release: () => void }

export function createScheduler(trace: Trace): Scheduler {
  const queue = createEventQueue()
  const external: External[] = []
  let nowMs = 0
  let sequence = 0
  let stepping = false
  let failed: unknown

  const fail = (error: unknown): void => {
    failed ??= error ?? new Error('something failed without saying what')
  }

  const schedule: Scheduler['schedule'] = (delayMs, kind, life, detail, run) => {
    sequence += 1
    // Steps of 1/1024 ms add up without rounding, whatever the order of the additions.
    const atMs = Math.ceil((nowMs + Math.max(0, delayMs)) * 1024) / 1024
    const event: WorldEvent = { atMs, sequence, kind, life, detail, run, cancelled: false }
    queue.push(event)
    return event
  }

  const drain = async (): Promise<void> => {
    await turn()
    while (external.length > 0) {
      const first = external.shift() as External
      await first.settled
      first.release()
      await turn()
    }
  }

  const run = (event: WorldEvent): boolean => {
    try {
      return event.run()
    } catch (error) {
      fail(error)
      return true
    }
  }

  return {
    queue,
    elapsedMs: () => nowMs,
    advanceTo(elapsedMs) {
      nowMs = Math.max(nowMs, Math.min(elapsedMs, queue.peek()?.atMs ?? elapsedMs))
    },
    schedule,
    after(delayMs, life, callback) {
      if (life?.alive === false) return { cancel: () => {} }
      const event = schedule(delayMs, 'timer', life, '', () => {
        callback()
        return true
      })
      return { cancel: () => queue.cancel(event) }
    },
    async step() {
      const event = queue.pop()
      if (event === undefined) return undefined
      nowMs = event.atMs
      stepping = true
      try {
        if (!run(event)) return false
        trace.add(event.atMs, event.kind, event.life?.node ?? '', event.detail)
        await drain()
      } finally {
        stepping = false
      }
      return event
    },
    track(work) {
      if (!stepping) return work
      let release: () => void = () => {}
      const released = new Promise<void>((resolve) => {
        release = resolve
      })
      const settled = work.then(
        () => {},
        () => {}
      )
      external.push({ settled, release })
      return released.then(() => work)
    },
    fail,
    failure: () => failed
  }
}

/**
 * One turn of the real event loop. Node runs every microtask and `nextTick`, and all that those add, before it: when this
 * resolves, whatever the event set off has run or waits for a later event. About 1 µs.
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
