/** The demo's command line. */
import { Command, InvalidArgumentError } from 'commander'
import { UsageError } from '../usage-error.ts'

export type DemoOptions = {
  /** FHIR files; empty: the generator. */
  readonly input: readonly string[]
  /** How many hospitals, or which Organizations of the input. */
  readonly hospitals: number | readonly string[]
  readonly seed: number
  /** Patients that the generator makes; undefined: as many as suit the hospitals. */
  readonly patients: number | undefined
  /** Where homes, genesis and receipt go; undefined: a new temporary folder. */
  readonly data: string | undefined
  /** End when all is done, rather than run on. */
  readonly ci: boolean
  readonly json: boolean
}

/** One liar among four is the least that a chain can tolerate. */
const HOSPITALS_MIN = 4
/** Daemons that one machine is asked to run. */
const HOSPITALS_MAX = 32
const PATIENTS_MAX = 10_000

/**
 * @param args without the program's own path
 * @throws CommanderError for `--help` and for what commander refuses, having said why; UsageError
 */
export function parseOptions(args: readonly string[]): DemoOptions {
  const program = new Command('demo')
    .description(
      'Founds hospitals and three chains among them, starts their daemons, replays patients’ journeys, tries what must be refused, and shows the records’ graph and a timeline.'
    )
    .option('--input <file...>', 'FHIR R4 Bundles (JSON or NDJSON, also gzipped); left out: generated journeys')
    .option(
      '--hospitals <N|ID,ID…>',
      'how many hospitals, or which Organizations of the input',
      hospitals,
      HOSPITALS_MIN
    )
    .option('--seed <number>', 'other generated journeys', wholeNumber(0, 2 ** 31 - 1), 1)
    .option('--patients <number>', 'how many patients to generate', wholeNumber(1, PATIENTS_MAX))
    .option('--data <folder>', 'where homes, genesis and receipt stay; left out: a new temporary folder')
    .option('--ci', 'end when all is done: exit code 0, or 1 if anything differed')
    .option('--json', 'one JSON object as the last line of standard output; the rest goes to standard error')
    .allowExcessArguments(false)
    .showHelpAfterError('(add --help for what is possible)')
    .exitOverride()
  program.parse(args, { from: 'user' })
  const options = program.opts<Partial<DemoOptions> & Pick<DemoOptions, 'hospitals' | 'seed'>>()
  const { hospitals: asked, seed, input = [], patients, data, ci = false, json = false } = options
  if (input.length > 0 && patients !== undefined) {
    throw new UsageError('--patients is for generated journeys: leave it out with --input.')
  }
  if (input.length === 0 && typeof asked !== 'number') {
    throw new UsageError('--hospitals with ids names Organizations of an input: give --input as well.')
  }
  return { input, hospitals: asked, seed, patients, data, ci, json }
}

function hospitals(text: string): number | readonly string[] {
  const ids = text.split(',').map((id) => id.trim())
  const asked = /^\d+$/.test(text) ? Number(text) : ids
  const count = typeof asked === 'number' ? asked : asked.length
  if (count < HOSPITALS_MIN || count > HOSPITALS_MAX) {
    throw new InvalidArgumentError(
      `There must be ${HOSPITALS_MIN} to ${HOSPITALS_MAX} of them: with fewer than four, none may lie.`
    )
  }
  if (ids.includes('') || new Set(ids).size !== ids.length) {
    throw new InvalidArgumentError('Give each id once, separated by commas.')
  }
  return asked
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d{1,10}$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}
