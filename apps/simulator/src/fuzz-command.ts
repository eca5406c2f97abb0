/**
 * `pnpm fuzz --inputs N [--seed S] [--parser NAME]… [--json]`: changed inputs for one daemon of a world; see `fuzz/fuzz.ts`.
 * Exits with 1 if something happened that must not, after printing it; the same seed and numbers do it again.
 */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz/fuzz.ts'
import { PARSERS, type Parser } from './fuzz/parsers.ts'

const USAGE = `usage: pnpm fuzz --inputs N [--seed S] [--parser ${PARSERS.join('|')}]… [--json]
       pnpm fuzz --help`

const { values } = readArguments()
if (values.help) {
  console.log(USAGE)
  process.exit()
}
const inputs = wholeNumber('inputs', values.inputs ?? '100000', 1)
const seed = wholeNumber('seed', values.seed, 0)
const parsers = values.parser?.map(parserNamed)
const started = performance.now()
const report = await fuzz({ seed, inputs, ...(parsers === undefined ? {} : { parsers }) })

const seconds = Math.round((performance.now() - started) / 100) / 10
const totals = {
  seed,
  seconds,
  inputs: report.inputs,
  resigned: report.resigned,
  blocks: report.blocks,
  simulatedSeconds: Math.round(report.simulatedMs / 1000),
  heapGrowthMiB: Math.round(report.heapGrowthBytes / 2 ** 20),
  violations: report.violations.length
}
const outcomes = Object.fromEntries(
  [...report.outcomes].map(([parser, counts]) => [parser, Object.fromEntries(byName(counts))])
)
const fields = Object.fromEntries(byName(report.fields))
if (values.json) console.log(JSON.stringify({ ...totals, outcomes, fields }))
else {
  for (const [name, value] of Object.entries(totals)) console.log(`${name}: ${value}`)
  for (const [parser, counts] of Object.entries(outcomes)) console.log(`${parser}: ${JSON.stringify(counts)}`)
  for (const [field, count] of Object.entries(fields)) console.log(`  ${String(count).padStart(8)} ${field}`)
}
for (const violation of report.violations) console.error(violation)
process.exitCode = report.violations.length === 0 ? 0 : 1

function byName<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

function readArguments() {
  const text = { type: 'string' } as const
  const options = {
    inputs: text,
    seed: { ...text, default: '1' },
    parser: { ...text, multiple: true },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  } as const
  try {
    return parseArgs({ options, strict: true })
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= least && text.trim() !== '') return value
  return refuse(`--${name} wants a whole number from ${least}, got ${text}`)
}

function parserNamed(name: string): Parser {
  return PARSERS.find((parser) => parser === name) ?? refuse(`no parser is called ${name}`)
}

function refuse(why: string): never {
  console.error(`${why}\n${USAGE}`)
  process.exit(2)
}
