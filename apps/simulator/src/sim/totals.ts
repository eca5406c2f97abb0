/** Adds up what many seeds saw. */
import type { SeedReport } from '../world/run-seed.ts'

export type Totals = {
  readonly seeds: number
  /** By number of hospitals. */
  readonly nodes: Readonly<Record<string, number>>
  readonly modes: Readonly<Record<string, number>>
  readonly byzantineMembers: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly simulatedHours: number
  readonly seedsPerMinute: number
  readonly simulatedHoursPerMinute: number
  readonly events: number
  readonly views: number
  readonly blocks: number
  readonly epochsEnded: number
  readonly validatorsAdded: number
  readonly validatorsRemoved: number
  /** Validators that went on with another key. */
  readonly validatorsRotated: number
  readonly receiptsVerified: number
  readonly accepted: number
  readonly committed: number
  readonly expired: number
  readonly payloadsGiven: number
  readonly released: number
  readonly endedMidway: number
  readonly revokedMeanwhile: number
  readonly waiting: number
  readonly refused: number
  readonly certificatesSpoilt: number
  /** Of the Byzantine members, against how many a correct node has evidence. */
  readonly convicted: number
  /** Seeds that were run a second time and gave the same trace. */
  readonly sameTraceTwice: number
  /** By kind. */
  readonly faults: Readonly<Record<string, number>>
  readonly violations: number
}

export type Counted = { readonly report: SeedReport; readonly isTwice: boolean }

export function totalsOf(counted: readonly Counted[], seconds: number, cpuSeconds: number): Totals {
  const reports = counted.map(({ report }) => report)
  const sum = (of: (report: SeedReport) => number): number => reports.reduce((total, report) => total + of(report), 0)
  const faults = new Map<string, number>()
  const nodes = new Map<string, number>()
  const modes = new Map<string, number>()
  for (const { faults: happened, profile } of reports) {
    nodes.set(String(profile.nodes), (nodes.get(String(profile.nodes)) ?? 0) + 1)
    modes.set(profile.mode, (modes.get(profile.mode) ?? 0) + 1)
    for (const [kind, count] of happened) faults.set(kind, (faults.get(kind) ?? 0) + count)
  }
  const hours = sum(({ simulatedMs }) => simulatedMs) / 3_600_000
  return {
    seeds: reports.length,
    nodes: inOrder(nodes),
    modes: inOrder(modes),
    byzantineMembers: sum(({ profile }) => profile.byzantine.length),
    seconds: rounded(seconds, 1),
    cpuSeconds: rounded(cpuSeconds, 1),
    simulatedHours: rounded(hours, 2),
    seedsPerMinute: rounded((reports.length / seconds) * 60, 0),
    simulatedHoursPerMinute: rounded((hours / seconds) * 60, 1),
    events: sum(({ events }) => events),
    views: sum(({ views }) => views),
    blocks: sum(({ height }) => height),
    epochsEnded: sum(({ epochs }) => epochs.ended),
    validatorsAdded: sum(({ epochs }) => epochs.added),
    validatorsRemoved: sum(({ epochs }) => epochs.removed),
    validatorsRotated: sum(({ epochs }) => epochs.rotated),
    receiptsVerified: sum(({ receipts }) => receipts),
    accepted: sum(({ transactions }) => transactions.accepted),
    committed: sum(({ transactions }) => transactions.committed),
    expired: sum(({ transactions }) => transactions.expired),
    payloadsGiven: sum(({ payloadsGiven }) => payloadsGiven),
    released: sum(({ released }) => released),
    endedMidway: sum(({ endedMidway }) => endedMidway),
    revokedMeanwhile: sum(({ revokedMeanwhile }) => revokedMeanwhile),
    waiting: sum(({ transactions }) => transactions.waiting),
    refused: sum(({ transactions }) => transactions.refused),
    certificatesSpoilt: sum(({ spoilt }) => spoilt),
    convicted: sum(({ convicted }) => convicted),
    sameTraceTwice: counted.filter(({ isTwice }) => isTwice).length,
    faults: inOrder(faults),
    violations: sum(({ violations }) => violations.length)
  }
}

function inOrder(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function rounded(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
