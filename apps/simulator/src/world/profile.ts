/** What one seed draws before anything happens: how many hospitals, how bad the network, how often power fails. */
import type { NetworkFaults, Prng } from '@wardline/network-memory'

export type Profile = {
  readonly nodes: number
  /** How long things go wrong, virtual milliseconds. */
  readonly safetyMs: number
  readonly network: Partial<NetworkFaults>
  /** Mean time between cuts of the network, ms; null for none. */
  readonly cutEveryMs: number | null
  readonly cutLastsMs: readonly [min: number, max: number]
  /** Mean time between crashes of some node, ms; null for none. */
  readonly crashEveryMs: number | null
  readonly awayMs: readonly [min: number, max: number]
  /** Out of so many outputs (a write called for, a message handed over), a process dies right after about one; null for never. */
  readonly outputsPerCrash: number | null
  /** Out of so many writes about one fails; null for none. */
  readonly writesPerFault: number | null
  /** Each node's clock is off by up to this much, either way. */
  readonly clockOffsetMs: number
  readonly diskLatencyMs: readonly [min: number, max: number]
  readonly segmentBytes: number
  /** Mean time between actions of the clients together, ms. */
  readonly actionEveryMs: number
}

const NODE_COUNTS = [1, 2, 3, 4, 4, 4, 5, 7]

export function drawProfile(prng: Prng, nodes: number | undefined): Profile {
  const sometimes = <T>(rate: number, make: () => T): T | null => (prng.chance(rate) ? make() : null)
  const count = prng.pick(NODE_COUNTS)
  const slowestMs = prng.pick([1, 5, 20, 100, 300])
  return {
    nodes: nodes ?? count,
    safetyMs: Math.round(prng.between(10_000, 60_000)),
    network: {
      delayMs: [0.25, prng.between(0.5, slowestMs)],
      dropRate: sometimes(0.6, () => prng.between(0, 0.2)) ?? 0,
      duplicateRate: sometimes(0.5, () => prng.between(0, 0.2)) ?? 0,
      slowRate: sometimes(0.5, () => prng.between(0, 0.2)) ?? 0,
      slowMs: [50, prng.between(100, 4000)],
      streamBreakRate: sometimes(0.4, () => prng.between(0, 0.1)) ?? 0
    },
    cutEveryMs: sometimes(0.6, () => prng.between(2000, 20_000)),
    cutLastsMs: [500, prng.between(1000, 30_000)],
    crashEveryMs: sometimes(0.6, () => prng.between(1500, 20_000)),
    awayMs: [10, prng.between(100, 20_000)],
    outputsPerCrash: sometimes(0.5, () => prng.pick([50, 200, 1000])),
    writesPerFault: sometimes(0.25, () => prng.pick([100, 500])),
    clockOffsetMs: sometimes(0.4, () => Math.round(prng.between(0, 3000))) ?? 0,
    diskLatencyMs: [0.05, prng.pick([0.2, 2, 20])],
    segmentBytes: prng.pick([4096, 16_384, 65_536]),
    actionEveryMs: prng.pick([50, 200, 500, 1500])
  }
}
