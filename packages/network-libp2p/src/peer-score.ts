import type { PeerName } from '@wardline/ports'

/** How long faults count, what they add up to, and how long the peer is then refused. */
const FAULT_POINTS = 10
const CUT_POINTS = 100
const HALF_LIFE_MS = 60_000
const REFUSE_MS = 60_000
const REFUSE_MS_MAX = 15 * 60_000

type Score = { points: number; atMs: number; refusedUntilMs: number; refusals: number }

export type PeerScores = {
  /** Counts one fault. True when the peer has just fallen below what is tolerated and must be disconnected. */
  fault(peer: PeerName, nowMs: number): boolean
  isRefused(peer: PeerName, nowMs: number): boolean
  /** Milliseconds until `peer` may connect again, 0 if it may now. */
  refusedForMs(peer: PeerName, nowMs: number): number
  /** Forgets all peers but these, so that the memory is bounded by the allow list. */
  keepOnly(peers: ReadonlySet<PeerName>): void
}

/**
 * Ten faults within about a minute cut a peer off for a minute, twice as long each time. Gossipsub's own scores are
 * switched off: they punish peers that share an address and cost time per message.
 */
export function createPeerScores(): PeerScores {
  const scores = new Map<PeerName, Score>()

  const refusedForMs = (peer: PeerName, nowMs: number): number => {
    const score = scores.get(peer)
    return score === undefined ? 0 : Math.max(0, score.refusedUntilMs - nowMs)
  }

  return {
    fault(peer, nowMs) {
      const score = scores.get(peer) ?? { points: 0, atMs: nowMs, refusedUntilMs: 0, refusals: 0 }
      scores.set(peer, score)
      score.points = score.points * 0.5 ** ((nowMs - score.atMs) / HALF_LIFE_MS) + FAULT_POINTS
      score.atMs = nowMs
      if (score.points < CUT_POINTS || refusedForMs(peer, nowMs) > 0) return false
      score.points = 0
      score.refusedUntilMs = nowMs + Math.min(REFUSE_MS * 2 ** score.refusals, REFUSE_MS_MAX)
      score.refusals += 1
      return true
    },
    isRefused: (peer, nowMs) => refusedForMs(peer, nowMs) > 0,
    refusedForMs,
    keepOnly(peers) {
      for (const peer of scores.keys()) if (!peers.has(peer)) scores.delete(peer)
    }
  }
}
