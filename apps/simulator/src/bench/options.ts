/** The bench's command line. */
import { Command, InvalidArgumentError } from 'commander'
import { KINDS, type Kind } from './kinds.ts'

export type BenchOptions = {
  readonly json: boolean
  readonly kind: readonly Kind[]
  /** Length of each measured window, seconds. */
  readonly seconds: number
  readonly clients: readonly number[]
  /** Chains that every daemon runs, at least: one of each mode that the kinds need there is in any case. */
  readonly chains: number
  /** No load at all. */
  readonly idleOnly: boolean
  /** Where the daemons leave V8 CPU profiles. */
  readonly profile: string | undefined
}

const SECONDS_MAX = 3600
const CLIENTS_MAX = 256
const CHAINS_MAX = 8

/** @param args without the program's own path. @throws CommanderError for `--help` and for what it refuses, having said why */
export function parseOptions(args: readonly string[]): BenchOptions {
  const program = new Command('bench')
    .description(
      'Founds four hospitals, runs their daemons on this machine, and measures them under clients in a closed loop: memory, CPU and start of the idle daemons first, then each kind. socket.clients has a thousand programs on the control socket of one daemon; grant.decision, custody.fold and sealing need no daemon: the ledger decides, custody folds, and records are sealed and opened, in this process. one-dead kills one of the four under load. Figures on standard output, talk on standard error.'
    )
    .option('--json', 'one JSON object a line', false)
    .option('--kind <kinds>', `what to measure, of ${KINDS.join(',')}`, kinds, KINDS)
    .option('--seconds <number>', 'length of each measured window', wholeNumber(1, SECONDS_MAX), 15)
    .option('--clients <numbers>', 'how many clients at once, one run for each', clientCounts, [1, 64])
    .option(
      '--chains <number>',
      'how many chains each daemon runs at least: first one of each mode that the kinds need, then others of stt, dss and spv in turn',
      wholeNumber(1, CHAINS_MAX),
      1
    )
    .option('--idle-only', 'measure the idle daemons, with the chains that --chains gives, and nothing else', false)
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
    if (kind === undefined) throw new InvalidArgumentError(`There are ${KINDS.join(', ')}.`)
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
