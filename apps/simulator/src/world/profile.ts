/** What one seed draws before anything happens: how many hospitals, how bad the network, how often power fails, who lies. */
import { crashesTolerated, faultsTolerated } from '@wardline/consensus'
import { MODES, type Mode } from '@wardline/ledger'
import type { NetworkFaults, Prng } from '@wardline/network-memory'
import { ALL_FAULTS, BYZANTINE_KINDS, type ByzantineKind, type FaultKind } from './fault-kinds.ts'

export type Profile = {
  readonly mode: Mode
  readonly nodes: number
  /** How long things go wrong, virtual milliseconds. */
  readonly safetyMs: number
  readonly network: Partial<NetworkFaults>
  /** Mean time between cuts of the network, ms; null for none. */
  readonly cutEveryMs: number | null
  readonly cutLastsMs: readonly [min: number, max: number]
  readonly cuts: readonly Cut[]
  /** Mean time between crashes of some node, ms; null for none. */
  readonly crashEveryMs: number | null
  readonly losses: readonly Loss[]
  readonly awayMs: readonly [min: number, max: number]
  /** Mean time between restarts by an operator, ms; null for none. */
  readonly restartEveryMs: number | null
  /** Out of so many outputs (a write called for, a message handed over), a process dies right after about one; null for never. */
  readonly outputsPerCrash: number | null
  /** Out of so many parts of records that come, the owner or the requester ends right after about one; null for never. */
  readonly partsPerCrash: number | null
  /** Out of so many writes about one fails; null for none. */
  readonly writesPerFault: number | null
  /** Each node's clock is off by up to this much, either way. */
  readonly clockOffsetMs: number
  /** Clocks that are off by about an hour; together with the Byzantine members no more than the others bear. */
  readonly clocksFarOff: number
  /** Mean time between jumps of some clock, ms; null for none. */
  readonly clockJumpEveryMs: number | null
  /** Mean time between changes of the validators, ms; null for none. */
  readonly changeEveryMs: number | null
  /** Disks on which a bit turns over, and of what; together with the Byzantine members no more than may stop for good. */
  readonly flips: readonly ('journal-flip' | 'store-flip')[]
  /** What the Byzantine members do, one each; no more than the members bear. */
  readonly byzantine: readonly ByzantineKind[]
  readonly diskLatencyMs: readonly [min: number, max: number]
  readonly segmentBytes: number
  /** Mean time between actions of the clients together, ms. */
  readonly actionEveryMs: number
  /** Actions of the clients, at most. */
  readonly actionsMax: number
}

export type Cut = 'split' | 'alone' | 'one-way' | 'several one-way'

/** What a crash takes: nothing that the disk was given, all that was not synced, its end, or pages of it. */
export type Loss = 'kill' | 'nothing' | 'prefix' | 'pages'

export const LOSS_KINDS = { kill: 'kill', nothing: 'power-cut', prefix: 'power-cut', pages: 'torn-tail' } as const

const NODE_COUNTS = [1, 2, 3, 4, 4, 4, 5, 6, 7]
const CUTS: readonly Cut[] = ['split', 'alone', 'one-way', 'several one-way']
const LOSSES: readonly Loss[] = ['nothing', 'prefix', 'pages', 'kill']
/** A world is cheaper to run twice than to run twice as long. */
const ACTIONS_MAX = 100

export type Wanted = {
  /** In place of what the seed draws. */
  readonly nodes?: number
  readonly mode?: Mode
  /** Only these kinds of faults, of those that the seed draws; all by default. */
  readonly faults?: readonly FaultKind[]
}

export function drawProfile(prng: Prng, wanted: Wanted): Profile {
  const sometimes = <T>(rate: number, make: () => T): T | null => (prng.chance(rate) ? make() : null)
  const drawnNodes = prng.pick(NODE_COUNTS)
  const nodes = wanted.nodes ?? drawnNodes
  const slowestMs = prng.pick([1, 5, 20, 100, 300])
  const parts = prng.fork('parts')
  const members = drawMembers(prng.fork('members'), nodes)
  const drawn: Profile = {
    mode: wanted.mode ?? prng.fork('mode').pick(MODES),
    nodes,
    safetyMs: Math.round(prng.between(8000, 40_000)),
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
    cuts: CUTS,
    crashEveryMs: sometimes(0.6, () => prng.between(1500, 20_000)),
    losses: LOSSES,
    awayMs: [10, prng.between(100, 20_000)],
    restartEveryMs: sometimes(0.5, () => prng.between(5000, 60_000)),
    outputsPerCrash: sometimes(0.5, () => prng.pick([50, 200, 1000])),
    partsPerCrash: parts.chance(0.75) ? parts.pick([1, 3]) : null,
    writesPerFault: sometimes(0.25, () => prng.pick([100, 500])),
    clockOffsetMs: sometimes(0.4, () => Math.round(prng.between(0, 3000))) ?? 0,
    clockJumpEveryMs: sometimes(0.3, () => prng.between(5000, 30_000)),
    diskLatencyMs: [0.05, prng.pick([0.2, 2, 20])],
    segmentBytes: prng.pick([4096, 16_384, 65_536]),
    actionEveryMs: prng.pick([50, 200, 500, 1500]),
    actionsMax: ACTIONS_MAX,
    changeEveryMs: drawChanges(prng.fork('changes')),
    clocksFarOff: drawFarOff(prng.fork('clocks far off'), faultsTolerated(nodes) - members.byzantine.length),
    ...members
  }
  return withFaults(drawn, wanted.faults ?? ALL_FAULTS)
}

function drawChanges(prng: Prng): number | null {
  return prng.chance(0.5) ? prng.between(1500, 12_000) : null
}

function drawFarOff(prng: Prng, most: number): number {
  return most > 0 && prng.chance(0.4) ? 1 + prng.below(most) : 0
}

/** Who is Byzantine, and whose disk turns bits over: all of them together may stop for good, and the others go on. */
function drawMembers(prng: Prng, nodes: number): Pick<Profile, 'byzantine' | 'flips'> {
  const byzantine: ByzantineKind[] = []
  if (prng.chance(0.6)) {
    const count = 1 + prng.below(Math.max(1, faultsTolerated(nodes)))
    for (let i = 0; i < Math.min(count, faultsTolerated(nodes)); i++) byzantine.push(prng.pick(BYZANTINE_KINDS))
  }
  const flips: ('journal-flip' | 'store-flip')[] = []
  const spare = crashesTolerated(nodes) - byzantine.length
  for (let i = 0; i < spare; i++) if (prng.chance(0.3)) flips.push(prng.pick(['journal-flip', 'store-flip'] as const))
  return { byzantine, flips }
}

/** The profile without the kinds of faults that are not in `kinds`. */
function withFaults(drawn: Profile, kinds: readonly FaultKind[]): Profile {
  const has = (kind: FaultKind): boolean => kinds.includes(kind)
  const rate = (kind: FaultKind, value: number | undefined): number => (has(kind) ? (value ?? 0) : 0)
  const { network } = drawn
  const cuts = drawn.cuts.filter((cut) => has(cut.endsWith('one-way') ? 'one-way' : 'partition'))
  const losses = drawn.losses.filter((loss) => has(LOSS_KINDS[loss]))
  return {
    ...drawn,
    network: {
      ...network,
      delayMs: has('delay') ? (network.delayMs ?? [0.25, 1]) : [0.25, 1],
      dropRate: rate('drop', network.dropRate),
      duplicateRate: rate('duplicate', network.duplicateRate),
      slowRate: rate('reorder', network.slowRate),
      streamBreakRate: rate('stall', network.streamBreakRate)
    },
    cuts,
    cutEveryMs: cuts.length > 0 ? drawn.cutEveryMs : null,
    losses,
    crashEveryMs: losses.length > 0 ? drawn.crashEveryMs : null,
    restartEveryMs: has('restart') ? drawn.restartEveryMs : null,
    outputsPerCrash: has('last-output') ? drawn.outputsPerCrash : null,
    partsPerCrash: has('mid-release') ? drawn.partsPerCrash : null,
    writesPerFault: has('write-error') ? drawn.writesPerFault : null,
    clockOffsetMs: has('clock-offset') ? drawn.clockOffsetMs : 0,
    clocksFarOff: has('clock-offset') ? drawn.clocksFarOff : 0,
    clockJumpEveryMs: has('clock-jump') ? drawn.clockJumpEveryMs : null,
    changeEveryMs: has('validator-change') ? drawn.changeEveryMs : null,
    flips: drawn.flips.filter(has),
    byzantine: drawn.byzantine.filter(has)
  }
}
