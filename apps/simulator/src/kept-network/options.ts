/** The command line of a kept network. What is typed at its prompt is read by the same words. */
import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import type { ChainMode } from '../local-network/ceremony.ts'
import { HOSPITALS_MAX } from './folder.ts'

export type Act =
  | { readonly kind: 'start' | 'stop' | 'kill' | 'status'; readonly hospitals: readonly string[] }
  | { readonly kind: 'follow'; readonly hospitals: readonly string[]; readonly logs: boolean }
  | { readonly kind: 'add'; readonly name: string | undefined }

export type NetworkOptions = {
  /** Undefined: found the network where there is none, start all and hold them until told to stop. */
  readonly act: Act | undefined
  readonly folder: string
  /** What to found; only where there is no network yet. */
  readonly hospitals: number
  readonly modes: readonly ChainMode[]
  readonly json: boolean
}

const MODES: readonly ChainMode[] = ['dss', 'stt', 'spv']
const HOSPITALS_BY_DEFAULT = 4

/**
 * @param args without the program's own path
 * @throws CommanderError for `--help` and for what commander refuses, having said why
 */
export function parseOptions(args: readonly string[]): NetworkOptions {
  const program = createProgram('network')
    .description(
      'Keeps hospitals with real daemons on this machine, for experiments. Without a command: founds them in the folder if it holds none, starts all, and stops them when it is ended; at a terminal it takes the commands below line by line. With a command: acts on the network in the folder, from any shell.'
    )
    .requiredOption('--data <folder>', 'where the homes are')
    .option('--hospitals <N>', 'how many to found', wholeNumber(1, HOSPITALS_MAX), HOSPITALS_BY_DEFAULT)
    .option('--modes <list>', 'the chains to found: of dss, stt and spv, with commas between', modes, ['stt'])
    .option('--json', 'status: one JSON object on standard output')
  const read = addActs(program)
  program.action(() => undefined).parse(args, { from: 'user' })
  const { data, hospitals, modes: chosen, json = false } = program.opts<Given>()
  return { act: read(), folder: resolve(data), hospitals, modes: chosen, json }
}

type Given = {
  readonly data: string
  readonly hospitals: number
  readonly modes: readonly ChainMode[]
  readonly json?: true
}

/** One line typed at the prompt; undefined for an empty one. @throws CommanderError as above */
export function parseLine(line: string): Act | undefined {
  const words = line.split(/\s+/).filter((word) => word !== '')
  const program = createProgram('').helpCommand(true)
  const read = addActs(program)
  if (words.length > 0) program.parse(words, { from: 'user' })
  return read()
}

function createProgram(name: string): Command {
  return new Command(name).allowExcessArguments(false).showSuggestionAfterError().exitOverride()
}

/** Adds a command for each act; returns a function that tells which one was given. */
function addActs(program: Command): () => Act | undefined {
  let act: Act | undefined
  const listed = [
    ['start', 'start daemons, and wait until they answer'],
    ['stop', 'stop daemons in an orderly way'],
    ['kill', 'end daemons at once, as a power cut would'],
    ['status', 'say how daemons and their chains are, and where their sockets are']
  ] as const
  for (const [kind, text] of listed) {
    program
      .command(`${kind} [hospital...]`)
      .description(text)
      .action((hospitals: string[]) => {
        act = { kind, hospitals }
      })
  }
  program
    .command('add [name]')
    .description('admit another hospital, which follows the chains without a vote, and start its daemon')
    .action((name?: string) => {
      act = { kind: 'add', name }
    })
  program
    .command('follow [hospital...]')
    .description('look at daemons twice a second, and tell of heads that are new')
    .option('--logs', 'and give the lines of the logs')
    .action((hospitals: string[], { logs = false }: { readonly logs?: boolean }) => {
      act = { kind: 'follow', hospitals, logs }
    })
  for (const command of program.commands) command.allowExcessArguments(false).exitOverride()
  return () => act
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d{1,10}$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}

function modes(text: string): readonly ChainMode[] {
  const chosen = text.split(',').map((word) => MODES.find((mode) => mode === word))
  if (chosen.includes(undefined))
    throw new InvalidArgumentError('They must be of dss, stt and spv, with commas between.')
  return [...new Set(chosen as ChainMode[])]
}
