/** The bench's command line. */
import { Command, InvalidArgumentError } from 'commander'
import { KINDS, type Kind } from './figures.ts'

export type BenchOptions = {
  readonly json: boolean
  readonly kind: readonly Kind[]
  /** Length of each measured window, seconds. */
  readonly seconds: number
  readonly clients: readonly number[]
  /** Where the daemons leave V8 CPU profiles. */
  readonly profile: string | undefined
}

const SECONDS_MAX = 3600
const CLIENTS_MAX = 256

/** @param args without the program's own path. @throws CommanderError for `--help` and for what it refuses, having said why */
export function parseOptions(args: readonly string[]): BenchOptions {
  const program = new Command('bench')
    .description(
      'Founds four hospitals, runs their daemons on this machine, and measures them under clients in a closed loop. Figures on standard output, talk on standard error.'
    )
    .option('--json', 'one JSON object a line', false)
    .option('--kind <kinds>', `which transactions, of ${KINDS.join(',')}`, kinds, KINDS)
    .option('--seconds <number>', 'length of each measured window', wholeNumber(1, SECONDS_MAX), 15)
    .option('--clients <numbers>', 'how many clients at once, one run for each', clientCounts, [1, 64])
    .option('--profile <folder>', 'let the daemons write V8 CPU profiles there (which slows them)')
    .allowExcessArguments(false)
    .exitOverride()
  program.parse(args, { from: 'user' })
  const options = program.opts<BenchOptions>()
  return { ...options, profile: options.profile }
}

function kinds(text: string): readonly Kind[] {
  return text.split(',').map((name) => {
    const kind = KINDS.find((each) => each === name)
    if (kind === undefined) throw new InvalidArgumentError(`There are ${KINDS.join(' and ')}.`)
    return kind
  })
}

function clientCounts(text: string): readonly number[] {
  return text.split(',').map(wholeNumber(1, CLIENTS_MAX))
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }
}
