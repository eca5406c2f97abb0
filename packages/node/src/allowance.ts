/** What each peer may ask of this daemon: a bucket of tokens per peer, full at first, that fills with time. */
import type { Clock, PeerName } from '@wardline/ports'

export type Allowance = {
  /** Whether this peer has `count` tokens now; takes none. */
  has(peer: PeerName, count: number): boolean
  /** Takes `count` tokens of this peer's, or none if there are fewer. */
  take(peer: PeerName, count: number): boolean
}

export type AllowanceOptions = {
  readonly clock: Clock
  /** Tokens of a full bucket: the most that one `take` can get. */
  readonly burst: number
  readonly perSecond: number
}

type Bucket = { tokens: number; filledMs: number }

/** Above this many peers full buckets are forgotten, which changes nothing. */
const BUCKETS_KEPT = 1_024

export function createAllowance({ clock, burst, perSecond }: AllowanceOptions): Allowance {
  const buckets = new Map<PeerName, Bucket>()

  function fill(bucket: Bucket, nowMs: number): Bucket {
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.filledMs) * perSecond) / 1000)
    bucket.filledMs = nowMs
    return bucket
  }

  function forgetFull(nowMs: number): void {
    for (const [peer, bucket] of buckets) if (fill(bucket, nowMs).tokens === burst) buckets.delete(peer)
  }

  function filled(peer: PeerName): Bucket {
    const nowMs = clock.elapsedMs()
    if (buckets.size > BUCKETS_KEPT) forgetFull(nowMs)
    const bucket = fill(buckets.get(peer) ?? { tokens: burst, filledMs: nowMs }, nowMs)
    buckets.set(peer, bucket)
    return bucket
  }

  return {
    has: (peer, count) => filled(peer).tokens >= count,
    take(peer, count) {
      const bucket = filled(peer)
      if (bucket.tokens < count) return false
      bucket.tokens -= count
      return true
    }
  }
}
