/**
 * When to believe that a peer is in a later epoch. What it says cannot be verified here, where the validators of that epoch are
 * unknown, so it is asked for its blocks, which prove themselves; one that had none is asked again only after a pause that
 * doubles each time. Only members are peers, so this remembers few.
 */
import type { Clock, PeerName } from '@wardline/ports'

const PAUSE_MS = 1_000
const PAUSE_MS_MAX = 60_000

export type Ahead = {
  /** Whether to ask the peer now; then it is not to be asked again before its pause is over. */
  takes(peer: PeerName): boolean
  /** It had blocks. */
  bore(peer: PeerName): void
  /** The next epoch has begun here: who was in it a moment earlier had told the truth. */
  begun(): void
}

export function createAhead(clock: Clock): Ahead {
  const asked = new Map<PeerName, { readonly untilMs: number; readonly pauseMs: number }>()
  return {
    takes(peer) {
      const nowMs = clock.elapsedMs()
      const before = asked.get(peer)
      if (before !== undefined && nowMs < before.untilMs) return false
      const pauseMs = before === undefined ? PAUSE_MS : Math.min(before.pauseMs * 2, PAUSE_MS_MAX)
      asked.set(peer, { untilMs: nowMs + pauseMs, pauseMs })
      return true
    },
    bore(peer) {
      asked.delete(peer)
    },
    begun: () => asked.clear()
  }
}
