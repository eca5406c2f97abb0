/** The machine's clock. */
import type { Clock, Timer } from '@wardline/ports'

/** `setTimeout` takes longer delays for 1 ms; timers beyond it are armed again. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1

/**
 * Wall clock for `nowMs`, elapsed time for the rest: a step of the machine's clock moves no timer. `after(0)` runs as soon
 * as pending I/O has been served, without the millisecond that `setTimeout(0)` takes.
 */
export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    elapsedMs: () => performance.now(),
    after: (delayMs, run) => (delayMs <= 0 ? immediate(run) : timeout(delayMs, run))
  }
}

function immediate(run: () => void): Timer {
  const handle = setImmediate(run)
  return { cancel: () => clearImmediate(handle) }
}

function timeout(delayMs: number, run: () => void): Timer {
  const dueMs = performance.now() + delayMs
  let handle: NodeJS.Timeout
  const arm = (): void => {
    // Node's timers count whole milliseconds of the loop's own time and may fire a fraction early.
    const leftMs = Math.ceil(dueMs - performance.now())
    handle = setTimeout(fire, Math.min(Math.max(leftMs, 1), TIMEOUT_MS_MAX))
  }
  const fire = (): void => {
    if (performance.now() < dueMs) arm()
    else run()
  }
  arm()
  return { cancel: () => clearTimeout(handle) }
}
