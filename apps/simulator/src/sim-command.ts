/**
 * `pnpm sim --seed S` replays one seed, event by event; `pnpm sim --seeds N` or `--minutes M` runs many and adds up what
 * they saw. Exits with 1 if an invariant was broken, after printing the command that replays it.
 */
import { parseArgs } from 'node:util'
import { runSeed, type SeedReport } from './world/run-seed.ts'

const USAGE = `usage: pnpm sim --seed S [--nodes N] [--quiet]
       pnpm sim --seeds COUNT [--from S] [--nodes N]
       pnpm sim --minutes M   [--from S] [--nodes N]
       (--json: one JSON object on the last line)`

const { values } = readArguments()
const nodes = values.nodes === undefined ? undefined : wholeNumber('nodes', values.nodes, 1)
const chosen = nodes === undefined ? {} : { nodes }
const started = performance.now()

if (values.seed !== undefined) {
  process.exitCode = await replay(wholeNumber('seed', values.seed, 0))
} else if (values.seeds !== undefined || values.minutes !== undefined) {
  process.exitCode = await runMany()
} else {
  console.error(USAGE)
  process.exitCode = 2
}

function readArguments() {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const options = { seed: text, seeds: text, minutes: text, from: text, nodes: text, quiet: flag, json: flag } as const
  try {
    return parseArgs({ options, strict: true })
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
    process.exit(2)
  }
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= least && text.trim() !== '') return value
  console.error(`--${name} wants a whole number from ${least}, got ${text}\n${USAGE}`)
  process.exit(2)
}

async function replay(seed: number): Promise<number> {
  const startMs = Date.UTC(2026, 0, 1)
  const loud = {
    log: (atMs: number, node: string, level: string, message: string, fields: object) =>
      console.log(`${(atMs - startMs).toFixed(0).padStart(9)} ${node} ${level} ${message} ${JSON.stringify(fields)}`),
    onEvent: (atMs: number, kind: string, node: string, detail: string) =>
      console.log(`${atMs.toFixed(3).padStart(13)} ${node} ${kind} ${detail}`)
  }
  const report = await runSeed({ seed, ...chosen, ...(values.quiet ? {} : loud) })
  console.log(JSON.stringify({ profile: report.profile, answers: Object.fromEntries(report.answers) }))
  for (const { code, what } of report.violations) console.log(`${code}: ${what}`)
  console.log(`trace ${report.traceHash}`)
  summary([report])
  return report.violations.length > 0 ? 1 : 0
}

async function runMany(): Promise<number> {
  const first = values.from === undefined ? 1 : wholeNumber('from', values.from, 0)
  const count = values.seeds === undefined ? Number.POSITIVE_INFINITY : wholeNumber('seeds', values.seeds, 1)
  const endMs =
    values.minutes === undefined ? Number.POSITIVE_INFINITY : wholeNumber('minutes', values.minutes, 1) * 60_000
  const reports: SeedReport[] = []
  for (let seed = first; seed < first + count && performance.now() - started < endMs; seed++) {
    const report = await runSeed({ seed, ...chosen })
    reports.push(report)
    for (const { code, what } of report.violations) console.log(`seed ${seed}: ${code}: ${what}`)
    if (report.violations.length > 0)
      console.log(`  replay: pnpm sim --seed ${seed}${nodes === undefined ? '' : ` --nodes ${nodes}`}`)
  }
  summary(reports)
  return reports.some(({ violations }) => violations.length > 0) ? 1 : 0
}

function summary(reports: readonly SeedReport[]): void {
  const sum = (of: (report: SeedReport) => number): number => reports.reduce((total, report) => total + of(report), 0)
  const faults = new Map<string, number>()
  for (const { mishaps } of reports)
    for (const [kind, count] of mishaps) faults.set(kind, (faults.get(kind) ?? 0) + count)
  const totals = {
    seeds: reports.length,
    seconds: Math.round((performance.now() - started) / 100) / 10,
    cpuSeconds: Math.round((process.cpuUsage().user + process.cpuUsage().system) / 100_000) / 10,
    simulatedHours: Math.round(sum(({ simulatedMs }) => simulatedMs) / 36_000) / 100,
    events: sum(({ events }) => events),
    views: sum(({ views }) => views),
    blocks: sum(({ height }) => height),
    accepted: sum(({ transactions }) => transactions.accepted),
    committed: sum(({ transactions }) => transactions.committed),
    expired: sum(({ transactions }) => transactions.expired),
    refused: sum(({ transactions }) => transactions.refused),
    faults: Object.fromEntries([...faults].sort(([a], [b]) => (a < b ? -1 : 1))),
    violations: sum(({ violations }) => violations.length)
  }
  if (values.json) console.log(JSON.stringify(totals))
  else for (const [name, value] of Object.entries(totals)) console.log(`${name}: ${JSON.stringify(value)}`)
}
