/** What `pnpm sim` is asked for, parsed once; and the same said again, as a command that plays one seed. */
import { parseArgs } from 'node:util'
import { MODES, type Mode } from '@wardline/ledger'
import { UsageError } from '../usage-error.ts'
import { FAULT_KINDS, type FaultKind, parseFaultKinds } from '../world/fault-kinds.ts'
import { WIDE_AREA_NODES } from './wide-area.ts'

/** What is asked for besides the seeds. */
export type Chosen = {
  readonly nodes?: number
  readonly mode?: Mode
  readonly faults?: readonly FaultKind[]
  readonly mishaps?: readonly number[]
  readonly actionsMax?: number
}

export type SimOptions = {
  readonly chosen: Chosen
  readonly json: boolean
  readonly quiet: boolean
  readonly task:
    | { readonly kind: 'help' }
    | { readonly kind: 'replay'; readonly seed: number }
    | { readonly kind: 'shrink'; readonly seed: number }
    /** Seeds to try for each broken guard. */
    | { readonly kind: 'mutants'; readonly seedsMax: number; readonly workers: number }
    /** These numbers of hospitals on a wide-area network. */
    | { readonly kind: 'wide-area'; readonly nodes: readonly number[] }
    | {
        readonly kind: 'many'
        readonly first: number
        /** Either of the two ends it. */
        readonly count: number
        readonly minutes: number
        readonly workers: number
        /** A file for the figures. */
        readonly report?: string
      }
}

const faultList = Object.entries(FAULT_KINDS).map(([kind, what]) => `  ${kind.padEnd(18)}${what}`)

export const USAGE = `usage: pnpm sim --seed S                 plays one seed, event by event
       pnpm sim --seed S --shrink        finds a smaller schedule that breaks the same invariant
       pnpm sim --seeds COUNT [--from S] [--workers W] [--report FILE]
       pnpm sim --minutes M   [--from S] [--workers W] [--report FILE]
       pnpm sim --mutants [--seeds MAX]  breaks guards on purpose, one at a time: each must be caught, in at most MAX seeds
       pnpm sim --wan [--nodes N]        latency and messages per block on links of 10 to 150 ms, 4 to 100 hospitals
       pnpm sim --help

  --nodes N          so many hospitals, otherwise the seed draws 1 to 7
  --mode M           dss, stt or spv, otherwise the seed draws it
  --faults A,B,…     only these kinds of faults, of those that the seed draws; none for none
  --mishaps 1,2,…    only these mishaps of the seed's schedule; none for none
  --actions N        at most so many actions of the clients
  --workers W        threads that run seeds, default 2
  --quiet            does not print events; --json: the figures as one JSON object on the last line

Every seed is a few minutes of faults, then healing, then rest, with every invariant checked after every event.
A seed that breaks one is shrunk, and the command that replays it is printed. Exit code 1 then, 2 for a wrong call.

kinds of faults:
${faultList.join('\n')}`

const text = { type: 'string' } as const
const flag = { type: 'boolean', default: false } as const

const MUTANT_SEEDS_MAX = 20

/** @throws UsageError */
export function readOptions(args: readonly string[]): SimOptions {
  const values = readValues(args)
  const chosen: Chosen = {
    ...(values.nodes === undefined ? {} : { nodes: wholeNumber('nodes', values.nodes, 1) }),
    ...(values.mode === undefined ? {} : { mode: modeNamed(values.mode) }),
    ...(values.faults === undefined ? {} : { faults: faultsNamed(values.faults) }),
    ...(values.mishaps === undefined ? {} : { mishaps: numbersIn(values.mishaps) }),
    ...(values.actions === undefined ? {} : { actionsMax: wholeNumber('actions', values.actions, 0) })
  }
  return { chosen, json: values.json, quiet: values.quiet, task: taskOf(values) }
}

function taskOf(values: ReturnType<typeof readValues>): SimOptions['task'] {
  if (values.help) return { kind: 'help' }
  if (values.seed !== undefined) {
    return { kind: values.shrink ? 'shrink' : 'replay', seed: wholeNumber('seed', values.seed, 0) }
  }
  const workers = wholeNumber('workers', values.workers, 1)
  if (values.wan) {
    const nodes = values.nodes === undefined ? WIDE_AREA_NODES : [wholeNumber('nodes', values.nodes, 2)]
    return { kind: 'wide-area', nodes }
  }
  if (values.mutants) {
    const seedsMax = values.seeds === undefined ? MUTANT_SEEDS_MAX : wholeNumber('seeds', values.seeds, 1)
    return { kind: 'mutants', seedsMax, workers }
  }
  if (values.seeds === undefined && values.minutes === undefined) throw new UsageError('nothing was asked for')
  const orNoEnd = (name: string, value: string | undefined): number =>
    value === undefined ? Number.POSITIVE_INFINITY : wholeNumber(name, value, 1)
  return {
    kind: 'many',
    first: values.from === undefined ? 1 : wholeNumber('from', values.from, 0),
    count: orNoEnd('seeds', values.seeds),
    minutes: orNoEnd('minutes', values.minutes),
    workers,
    ...(values.report === undefined ? {} : { report: values.report })
  }
}

function readValues(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: text,
        seeds: text,
        minutes: text,
        from: text,
        nodes: text,
        mode: text,
        faults: text,
        mishaps: text,
        actions: text,
        workers: { ...text, default: '2' },
        report: text,
        shrink: flag,
        mutants: flag,
        wan: flag,
        quiet: flag,
        json: flag,
        help: flag
      },
      strict: true
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function wholeNumber(name: string, value: string, least: number): number {
  const number = Number(value)
  if (Number.isSafeInteger(number) && number >= least && value.trim() !== '') return number
  throw new UsageError(`--${name} wants a whole number from ${least}, got ${value}`)
}

function modeNamed(name: string): Mode {
  const mode = MODES.find((one) => one.toLowerCase() === name)
  if (mode !== undefined) return mode
  throw new UsageError(`--mode wants dss, stt or spv, got ${name}`)
}

function faultsNamed(list: string): readonly FaultKind[] {
  const kinds = parseFaultKinds(list)
  if (kinds !== undefined) return kinds
  throw new UsageError(`--faults wants some of these, got ${list}:\n${Object.keys(FAULT_KINDS).join(' ')}`)
}

function numbersIn(list: string): readonly number[] {
  return list === 'none' ? [] : list.split(',').map((one) => wholeNumber('mishaps', one, 0))
}

/** The command that plays this seed with these choices. */
export function commandFor(seed: number, { nodes, mode, faults, mishaps, actionsMax }: Chosen): string {
  const list = (items: readonly (string | number)[]): string => (items.length === 0 ? 'none' : items.join(','))
  return [
    `pnpm sim --seed ${seed}`,
    ...(nodes === undefined ? [] : [`--nodes ${nodes}`]),
    ...(mode === undefined ? [] : [`--mode ${mode.toLowerCase()}`]),
    ...(faults === undefined ? [] : [`--faults ${list(faults)}`]),
    ...(mishaps === undefined ? [] : [`--mishaps ${list(mishaps)}`]),
    ...(actionsMax === undefined ? [] : [`--actions ${actionsMax}`])
  ].join(' ')
}
