/** The writes of one open handle: done one after another, each after its latency, until the handle is closed or killed. */
import type { Clock } from '@wardline/ports'

/** The write fails with this error code; `persisted` says whether it is on the disk all the same. */
export type WriteFault = { readonly error: 'ENOSPC' | 'EIO'; readonly persisted: boolean }

export type OperationsOptions = {
  readonly clock: Clock | undefined
  readonly latencyMs: (() => number) | undefined
  readonly fault: () => WriteFault | undefined
  readonly onClosed: () => void
}

/** What one write does to the disk. */
export type Effect<T> = {
  /** The write is done and, if it was to be, synced. */
  readonly finish: () => T
  /** The write failed and left nothing. */
  readonly abandon: () => void
  /** Makes the error its caller gets. */
  readonly error: (cause: Error) => Error
}

export type Operations = {
  /**
   * Does the write after all earlier ones and after its latency. After a fault it, and every later one, fails; after
   * `kill` the promise never settles.
   */
  enqueue<T>(effect: Effect<T>): Promise<T>
  isClosed(): boolean
  /** False once the process was killed: then nothing it does reaches the disk, and nothing it awaits comes. */
  isAlive(): boolean
  /** Resolves once the writes under way are done. */
  close(): Promise<void>
  kill(): void
}

export function createOperations(options: OperationsOptions): Operations {
  let alive = true
  let failed: Error | undefined
  let closing: Promise<void> | undefined
  let last: Promise<unknown> = Promise.resolve()

  const passTime = async (): Promise<void> => {
    const { clock, latencyMs } = options
    if (clock !== undefined && latencyMs !== undefined) {
      await new Promise<void>((resolve) => {
        clock.after(latencyMs(), resolve)
      })
    }
    if (!alive) await new Promise(() => {})
  }

  const perform = <T>(effect: Effect<T>): T => {
    const fault = failed === undefined ? options.fault() : undefined
    if (failed === undefined && fault === undefined) return effect.finish()
    if (fault?.persisted === true) effect.finish()
    else effect.abandon()
    if (fault !== undefined) {
      failed = Object.assign(new Error(`${fault.error}: injected by the simulation`), { code: fault.error })
    }
    throw effect.error(failed as Error)
  }

  return {
    enqueue(effect) {
      const done = last.then(async () => {
        await passTime()
        return perform(effect)
      })
      last = done.catch(() => {})
      return done
    },
    isClosed: () => closing !== undefined,
    isAlive: () => alive,
    close() {
      closing ??= last.then(() => (alive ? options.onClosed() : new Promise(() => {})))
      return closing
    },
    kill() {
      alive = false
    }
  }
}
