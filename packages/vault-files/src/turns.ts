/** Calls to a vault: those for one name one after another, in the order they were made; none after `close`. */
import { createInTurn, WardlineError } from '@wardline/codec'

export type Turns = {
  /**
   * Runs `work` after all earlier work for `name`; for null at once.
   * @throws WardlineError `vault-closed`, or what `work` throws
   */
  take<T>(name: string | null, work: () => Promise<T>): Promise<T>
  /** Resolves once all work taken so far has ended. */
  close(): Promise<void>
}

export function createTurns(): Turns {
  const inTurn = createInTurn()
  const running = new Set<Promise<void>>()
  let isClosed = false

  return {
    async take(name, work) {
      if (isClosed) throw new WardlineError('vault-closed', 'the vault is closed')
      const done = name === null ? work() : inTurn(name, work)
      const ended = done.then(
        () => undefined,
        // Whoever made the call is told.
        () => undefined
      )
      running.add(ended)
      try {
        return await done
      } finally {
        running.delete(ended)
      }
    },
    async close() {
      isClosed = true
      await Promise.all(running)
    }
  }
}
