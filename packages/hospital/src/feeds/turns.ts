/** Lets many readers of old blocks take turns, so that together they leave the process to others for half of its time. */
import type { Clock } from '@wardline/ports'

export type Turns = {
  /** The result of `work`, which may take up to `TURN_MS` at a stretch, when it is its turn. */
  take<T>(work: () => T): Promise<T>
}

/** Milliseconds. */
export const TURN_MS = 5

export function createTurns(clock: Clock): Turns {
  let last: Promise<unknown> = Promise.resolve()
  const pause = () => new Promise<void>((resolve) => clock.after(TURN_MS, resolve))
  return {
    take(work) {
      const done = last.then(work)
      last = done.then(pause, pause)
      return done
    }
  }
}
