/** A clock that stands still until a test moves it. */
import type { Clock } from '@wardline/ports'

export type ManualClock = Clock & {
  /** Moves on by `forMs`; what falls due runs in its order, with all promise work that follows from it. */
  pass(forMs: number): Promise<void>
  /** As when the machine's clock is set: no time passes. */
  setBack(byMs: number): void
}

export function manualClock(): ManualClock {
  const due = new Map<object, { readonly atMs: number; readonly run: () => void }>()
  let nowMs = 0
  let setBackMs = 0
  return {
    nowMs: () => nowMs - setBackMs,
    elapsedMs: () => nowMs,
    after(delayMs, run) {
      const timer = { cancel: () => due.delete(timer) }
      due.set(timer, { atMs: nowMs + delayMs, run })
      return timer
    },
    async pass(forMs) {
      const endMs = nowMs + forMs
      for (;;) {
        await settled()
        const [next] = [...due].filter(([, { atMs }]) => atMs <= endMs).sort(([, a], [, b]) => a.atMs - b.atMs)
        if (next === undefined) break
        const [timer, { atMs, run }] = next
        due.delete(timer)
        nowMs = Math.max(nowMs, atMs)
        run()
      }
      nowMs = endMs
    },
    setBack(byMs) {
      setBackMs += byMs
    }
  }
}

/** All promise work that can be done now is done. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
