/**
 * Makes a seed that breaks an invariant smaller: leaves out whole kinds of faults, then mishaps of the schedule by halves,
 * quarters and so on, then actions of the clients, as long as the same invariant still breaks.
 */
import { ALL_FAULTS } from '../world/fault-kinds.ts'
import { runSeed, type SeedReport } from '../world/run-seed.ts'
import type { Chosen } from './options.ts'

export type Shrunk = {
  readonly chosen: Chosen
  /** Of the smallest run that still breaks it; undefined if the seed breaks nothing. */
  readonly report: SeedReport | undefined
  readonly runs: number
}

type Run = (chosen: Chosen) => Promise<SeedReport>

/** @param runsMax worlds to run at most */
export async function shrink(seed: number, chosen: Chosen, runsMax = 150): Promise<Shrunk> {
  return shrinkWith((smaller) => runSeed(asSeedOptions(seed, smaller)), chosen, runsMax)
}

export function asSeedOptions(seed: number, { mishaps, ...chosen }: Chosen): Parameters<typeof runSeed>[0] {
  return { seed, ...chosen, ...(mishaps === undefined ? {} : { mishaps: new Set(mishaps) }) }
}

/** @param run plays the seed with these choices */
export async function shrinkWith(run: Run, chosen: Chosen, runsMax: number): Promise<Shrunk> {
  let runs = 1
  const whole = await run(chosen)
  const [violation] = whole.violations
  if (violation === undefined) return { chosen, report: undefined, runs }
  let best = { chosen, report: whole }

  const fails = async (smaller: Chosen): Promise<boolean> => {
    if (runs >= runsMax) return false
    runs += 1
    const report = await run(smaller)
    if (report.violations[0]?.code !== violation.code) return false
    best = { chosen: smaller, report }
    return true
  }

  // What did not happen before the end is no part of it. A whole schedule is one that names no mishaps.
  await fails({ ...best.chosen, mishaps: sorted(whole.happened), nodes: whole.profile.nodes, mode: whole.profile.mode })
  for (const kind of whole.faults.keys()) {
    const faults = (best.chosen.faults ?? ALL_FAULTS).filter((one) => one !== kind)
    await fails({ ...best.chosen, faults })
  }
  const left = best.chosen.faults
  if (left !== undefined) await fails({ ...best.chosen, faults: left.filter((kind) => best.report.faults.has(kind)) })

  let mishaps = best.chosen.mishaps ?? []
  for (let size = Math.ceil(mishaps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < mishaps.length; ) {
      const fewer = [...mishaps.slice(0, from), ...mishaps.slice(from + size)]
      if (await fails({ ...best.chosen, mishaps: fewer })) mishaps = fewer
      else from += size
    }
  }

  let [least, most] = [-1, best.report.actions]
  while (most - least > 1) {
    const middle = Math.floor((least + most) / 2)
    if (await fails({ ...best.chosen, actionsMax: middle })) most = middle
    else least = middle
  }
  return { ...best, runs }
}

function sorted(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((a, b) => a - b)
}
