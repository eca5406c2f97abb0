/** The command line of a run. */
import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { SCENARIOS } from './scenarios.ts'

export type ChaosOptions = {
  /** How long there is harm, founding and checking not counted; every scenario is played at least once. */
  readonly minutes: number
  readonly nodes: number
  readonly seed: number
  /** First kill daemons until there were so many kills, or the time is over; undefined: none but those of the scenarios. */
  readonly kills: number | undefined
  /** Names of those to play. */
  readonly scenarios: readonly string[]
  /** Clients of each hospital. */
  readonly clients: number
  /** Undefined: a new temporary folder, removed if nothing is wrong. */
  readonly data: string | undefined
  /** A file for the figures, in Markdown. */
  readonly report: string | undefined
}

type Defaults = Pick<ChaosOptions, 'nodes' | 'clients'>

const NODES_MAX = 16
const MINUTES_BY_DEFAULT = 2
const MINUTES_MAX = 24 * 60
const KILLS_MAX = 1_000_000
const CLIENTS_MAX = 16

/** @param args without the program's own path. @throws CommanderError for `--help` and for what it refuses, having said why */
export function parseOptions(args: readonly string[]): ChaosOptions {
  const names = SCENARIOS.map(({ name }) => name)
  const program = new Command('chaos')
    .description(
      'Real daemons on this machine, behind a proxy that holds back, delays and breaks what they say to each other, killed, frozen and run on full, old and edited disks, while clients note what they are told. In the end a checker holds that history against the chain, every block is executed again from the genesis on every disk, and all votes are looked through for two that exclude each other. Exit code 1 if anything is wrong: it then prints the seed, and keeps the files.'
    )
    .option(
      '--minutes <M>',
      'how long there is harm; left out: 2, and with --kills alone as long as they take',
      minutes
    )
    .option('--nodes <N>', 'how many hospitals', wholeNumber(2, NODES_MAX), 4)
    .option(
      '--seed <S>',
      'which scenarios, victims and moments; the machine decides the rest',
      wholeNumber(0, 2 ** 31 - 1)
    )
    .option(
      '--kills <K>',
      'first kill -9 daemons until there were so many kills; without --scenarios nothing else',
      wholeNumber(1, KILLS_MAX)
    )
    .option('--scenarios <names>', `with commas between; left out: all, of ${names.join(', ')}`, scenarios)
    .option('--clients <C>', 'clients of each hospital', wholeNumber(1, CLIENTS_MAX), 2)
    .option('--data <folder>', 'where homes, logs and the history go; left out: a new temporary folder')
    .option('--report <file>', 'where to write the figures, in Markdown')
    .allowExcessArguments(false)
    .exitOverride()
  program.parse(args, { from: 'user' })
  const { data, report, seed, ...given } = program.opts<Partial<ChaosOptions> & Defaults>()
  const isKillsAlone = given.kills !== undefined && given.scenarios === undefined
  return {
    ...given,
    minutes: given.minutes ?? (isKillsAlone ? MINUTES_MAX : MINUTES_BY_DEFAULT),
    kills: given.kills,
    scenarios: given.scenarios ?? (isKillsAlone ? [] : names),
    seed: seed ?? Math.floor(Math.random() * 2 ** 31),
    data: data === undefined ? undefined : resolve(data),
    report: report === undefined ? undefined : resolve(report)
  }
}

function scenarios(text: string): readonly string[] {
  return text.split(',').map((name) => {
    if (SCENARIOS.some((scenario) => scenario.name === name)) return name
    throw new InvalidArgumentError(`There are ${SCENARIOS.map((scenario) => scenario.name).join(', ')}.`)
  })
}

function minutes(text: string): number {
  const value = Number(text)
  if (/^\d+(?:\.\d+)?$/.test(text) && value > 0 && value <= MINUTES_MAX) return value
  throw new InvalidArgumentError(`It must be a number above 0, up to ${MINUTES_MAX}.`)
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d{1,10}$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }
}
