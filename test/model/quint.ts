/**
 * Runs the simulator of Quint on a module with its constants filled in. The TypeScript backend is the one that needs
 * nothing but the installed package; the default backend and `verify` download programs.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** A value of a constant. A string is a string, an array a list. */
export type Constant = string | number | readonly Constant[] | { readonly set: readonly number[] }

export type Simulation = {
  /** The specification, whose file of this folder has its name. */
  readonly module: string
  readonly constants: Readonly<Record<string, Constant>>
  readonly invariants: readonly string[]
  /** What some trace must reach. */
  readonly witnesses?: readonly string[]
  readonly steps: number
  readonly samples: number
  readonly seed: number
}

export type SimulationResult = {
  /** Those that a trace violated. The simulation ends with the first such trace. */
  readonly violated: readonly string[]
  /** In how many traces each witness was seen. */
  readonly witnessed: ReadonlyMap<string, number>
}

const root = resolve(import.meta.dirname, '../..')
const program = join(root, 'node_modules/@informalsystems/quint/dist/src/cli.js')

/** @throws Error with what Quint printed, if that is no verdict */
export async function simulate(simulation: Simulation): Promise<SimulationResult> {
  const { invariants, witnesses = [] } = simulation
  const wanted = ['--invariants', ...invariants, ...(witnesses.length === 0 ? [] : ['--witnesses', ...witnesses])]
  const output = await inScratch((scratch) => runQuint(scratch, simulation, wanted))
  const verdict = output.match(/^\[(ok|violation)\]/m)?.[1]
  if (verdict === undefined) throw new Error(`no verdict from Quint:\n${output}`)
  // Of a single invariant it does not repeat the name.
  const named = [...output.matchAll(/❌ (\w+)/g)].map(([, name]) => name as string)
  const violated = verdict === 'ok' ? [] : named.length > 0 ? named : invariants
  const seen = [...output.matchAll(/^(\w+) was witnessed in (\d+) trace/gm)]
  return { violated, witnessed: new Map(seen.map(([, name, count]) => [name as string, Number(count)])) }
}

/** The traces of a simulation that must not violate anything, in the Informal Trace Format. */
export async function traces(simulation: Simulation): Promise<readonly string[]> {
  return inScratch(async (scratch) => {
    const count = simulation.samples
    const into = ['--n-traces', `${count}`, '--out-itf', join(scratch, 'trace-{seq}.itf.json')]
    const output = await runQuint(scratch, simulation, ['--invariants', ...simulation.invariants, ...into])
    if (!/^\[ok\]/m.test(output)) throw new Error(`no traces from Quint:\n${output}`)
    return Array.from({ length: count }, (_, at) => readFileSync(join(scratch, `trace-${at}.itf.json`), 'utf8'))
  })
}

async function inScratch<T>(work: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), 'wardline-model-'))
  try {
    return await work(scratch)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function runQuint(scratch: string, simulation: Simulation, more: readonly string[]): Promise<string> {
  const { module, constants, steps, samples, seed } = simulation
  const file = join(scratch, 'instance.qnt')
  const filled = Object.entries(constants).map(([name, value]) => `${name}=${literal(value)}`)
  const instance = `module instance { import ${module}(${filled.join(', ')}).* }`
  writeFileSync(file, `${readFileSync(join(import.meta.dirname, `${module}.qnt`), 'utf8')}\n${instance}\n`)
  const numbers = ['--max-steps', steps, '--max-samples', samples, '--seed', seed, '--verbosity', 1].map(String)
  return collect([program, 'run', file, '--main', 'instance', '--backend', 'typescript', ...numbers, ...more])
}

function literal(value: Constant): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return `${value}`
  if ('set' in value) return `Set(${value.set.join(', ')})`
  return `[${value.map(literal).join(', ')}]`
}

function collect(args: readonly string[]): Promise<string> {
  return new Promise((settle, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        output += text
      })
    }
    child.once('error', reject)
    child.once('close', () => settle(output))
  })
}
