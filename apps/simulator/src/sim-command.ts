/**
 * `pnpm sim`: plays seeds of the simulated world, one event by event, or many on several threads; see `sim/options.ts`.
 * Exits with 1 if an invariant was broken, after printing the command that replays it.
 */
import { writeFileSync } from 'node:fs'
import { unreachable } from '@wardline/codec'
import { BROKEN_GUARDS } from './mutants/catalog.ts'
import { hunt } from './mutants/hunt.ts'
import { runCampaign } from './sim/campaign.ts'
import { type Chosen, commandFor, readOptions, type SimOptions, USAGE } from './sim/options.ts'
import { reportOf } from './sim/report.ts'
import { asSeedOptions, shrink } from './sim/shrink.ts'
import { type Counted, type Totals, totalsOf } from './sim/totals.ts'
import { measureWideArea, WIDE_AREA_HEAD, wideAreaRow } from './sim/wide-area.ts'
import { UsageError } from './usage-error.ts'
import { runSeed, type SeedReport } from './world/run-seed.ts'

const started = performance.now()
/** A campaign that finds the same fault in every seed shrinks the first ones only. */
const SHRUNK_MAX = 3
/** Hand-offs submitted in each wide-area world. */
const WIDE_AREA_HAND_OFFS = 20

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let options: SimOptions
  try {
    options = readOptions(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`${error.message}\n${USAGE}`)
    return 2
  }
  const { task, chosen } = options
  switch (task.kind) {
    case 'help':
      console.log(USAGE)
      return 0
    case 'replay':
      return replay(task.seed, options)
    case 'shrink':
      return (await printShrunk(task.seed, chosen)) ? 1 : 0
    case 'wide-area':
      return printWideArea(task.nodes, options.json)
    case 'mutants':
      return huntMutants(task)
    case 'many':
      return runMany(task, options)
    default:
      return unreachable(task)
  }
}

async function replay(seed: number, { chosen, quiet, json }: SimOptions): Promise<number> {
  const startMs = Date.UTC(2026, 0, 1)
  const loud = {
    log: (atMs: number, node: string, level: string, message: string, fields: object) =>
      console.log(`${(atMs - startMs).toFixed(0).padStart(9)} ${node} ${level} ${message} ${JSON.stringify(fields)}`),
    onEvent: (atMs: number, kind: string, node: string, detail: string) =>
      console.log(`${atMs.toFixed(3).padStart(13)} ${node} ${kind} ${detail}`)
  }
  const report = await runSeed({ ...asSeedOptions(seed, chosen), ...(quiet ? {} : loud) })
  console.log(JSON.stringify({ profile: report.profile, answers: Object.fromEntries(report.answers) }))
  for (const { code, what } of report.violations) console.log(`${code}: ${what}`)
  console.log(`trace ${report.traceHash}`)
  print(totals([{ report, isTwice: false }]), json)
  return report.violations.length > 0 ? 1 : 0
}

async function runMany(task: Extract<SimOptions['task'], { kind: 'many' }>, options: SimOptions): Promise<number> {
  const counted: Counted[] = []
  const broken: SeedReport[] = []
  await runCampaign({
    ...task,
    endMs: task.minutes * 60_000,
    chosen: options.chosen,
    onSeed(one) {
      counted.push(one)
      const { seed, violations } = one.report
      for (const { code, what } of violations) console.log(`seed ${seed}: ${code}: ${what}`)
      if (violations.length > 0) console.log(`  replay: ${commandFor(seed, options.chosen)}`)
      if (violations.length > 0) broken.push(one.report)
    }
  })
  const sums = totals(counted)
  for (const { seed, violations } of broken.slice(0, SHRUNK_MAX)) {
    // One run of it breaks nothing.
    if (violations[0]?.code !== 'I12') await printShrunk(seed, options.chosen)
  }
  print(sums, options.json)
  if (task.report !== undefined)
    writeFileSync(task.report, reportOf(process.argv.slice(2), options.chosen, sums, broken))
  return broken.length > 0 ? 1 : 0
}

/** @returns whether the seed breaks an invariant */
async function printShrunk(seed: number, chosen: Chosen): Promise<boolean> {
  const shrunk = await shrink(seed, chosen)
  const violation = shrunk.report?.violations[0]
  if (violation === undefined) {
    console.log(`seed ${seed} breaks no invariant`)
    return false
  }
  console.log(`seed ${seed} shrunk in ${shrunk.runs} runs: ${violation.code}: ${violation.what}`)
  console.log(`  replay: ${commandFor(seed, shrunk.chosen)}`)
  return true
}

async function printWideArea(sizes: readonly number[], json: boolean): Promise<number> {
  if (!json) console.log(WIDE_AREA_HEAD)
  for (const nodes of sizes) {
    const figures = await measureWideArea(nodes, WIDE_AREA_HAND_OFFS)
    console.log(json ? JSON.stringify(figures) : wideAreaRow(figures))
  }
  return 0
}

async function huntMutants({ seedsMax, workers }: Extract<SimOptions['task'], { kind: 'mutants' }>): Promise<number> {
  const left = [...BROKEN_GUARDS]
  let escaped = 0
  const work = async (): Promise<void> => {
    for (let guard = left.shift(); guard !== undefined; guard = left.shift()) {
      const { caught, seeds } = await hunt({ name: guard.name, seedsMax })
      const how = caught === undefined ? 'ESCAPED' : `caught by ${caught.code} at seed ${caught.seed}`
      console.log(`${guard.name}: ${how}, seeds tried: ${seeds} (${guard.what})`)
      if (caught === undefined) escaped += 1
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
  console.log(`${BROKEN_GUARDS.length - escaped} of ${BROKEN_GUARDS.length} broken guards caught`)
  return escaped > 0 ? 1 : 0
}

function totals(counted: readonly Counted[]): Totals {
  const { user, system } = process.cpuUsage()
  return totalsOf(counted, (performance.now() - started) / 1000, (user + system) / 1_000_000)
}

function print(sums: Totals, json: boolean): void {
  if (json) console.log(JSON.stringify(sums))
  else for (const [name, value] of Object.entries(sums)) console.log(`${name}: ${JSON.stringify(value)}`)
}
