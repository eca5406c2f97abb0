/** Homes of real daemons, made by the operator's command line, and the daemon itself as a process of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../../test/free-port.ts'

const DAEMON = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const COMMANDS = fileURLToPath(new URL('../../wardline/src/main.ts', import.meta.url))

export const LABEL = 'solo'

export type Homes = {
  /** A copy of the founded home of a chain of one hospital, with a free port of its own. */
  copy(name: string): Promise<string>
  /** A home that `init` made, without any chain. */
  bare(name: string): Promise<string>
  /** What a genesis is before it is signed. */
  readonly unsigned: string
  readonly folder: string
  remove(): Promise<void>
}

export async function makeHomes(): Promise<Homes> {
  const folder = await mkdtemp(join(tmpdir(), 'wld-'))
  const bare = join(folder, 'bare')
  const template = join(folder, 'template')
  const at = (name: string) => join(folder, name)
  await command('init', '--name', 'Solo Hospital', '--home', template)
  await cp(template, bare, { recursive: true })
  await command('id', 'export', '--chain', LABEL, '--home', template, '--out', at('card'))
  await command('genesis', 'draft', at('card'), '--chain', LABEL, '--home', template, '--out', at('draft'))
  await command('genesis', 'sign', at('draft'), '--home', template, '--out', at('signed'))
  await command('genesis', 'install', at('signed'), '--home', template)
  return {
    folder,
    unsigned: await readFile(at('draft'), 'utf8'),
    async copy(name) {
      const home = join(folder, name)
      await cp(template, home, { recursive: true })
      const settings = join(home, 'wardline.yaml')
      const text = await readFile(settings, 'utf8')
      await writeFile(settings, text.replace(/tcp\/\d+/, `tcp/${await freePort()}`))
      return home
    },
    async bare(name) {
      const home = join(folder, name)
      await cp(bare, home, { recursive: true })
      return home
    },
    async remove() {
      for (const child of running) child.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** The signed genesis of a new chain of this hospital alone, whose keys and settings are in `home`; written into `folder`. */
export async function foundAlone(folder: string, home: string, label: string, mode: 'dss' | 'spv'): Promise<string> {
  const at = (what: string) => join(folder, `${label}.${what}`)
  const listen = `/ip4/127.0.0.1/tcp/${await freePort()}`
  await command('id', 'export', '--chain', label, '--listen', listen, '--home', home, '--out', at('card'))
  await command('genesis', 'draft', at('card'), '--chain', label, '--mode', mode, '--home', home, '--out', at('draft'))
  await command('genesis', 'sign', at('draft'), '--home', home, '--out', at('signed'))
  return at('signed')
}

export type End = { readonly code: number | null; readonly signal: string | null; readonly lines: readonly string[] }

export type Running = {
  readonly pid: number
  readonly ended: Promise<End>
  /** Resolves once the daemon says that it is ready. @throws Error with what it said if it ends first */
  ready(): Promise<void>
  signal(name: NodeJS.Signals): void
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a daemon; it ends with the tests at the latest. */
export function daemon(home: string, ...args: readonly string[]): Running {
  const child = spawn(process.execPath, [DAEMON, '--home', home, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] }
  })
  running.add(child)
  let said = ''
  let wake = () => {}
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    said += part
    wake()
  })
  const lines = () => said.split('\n').filter((line) => line !== '')
  const ended = new Promise<End>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve({ code, signal, lines: lines() })
      wake()
    })
  })
  return {
    pid: child.pid as number,
    ended,
    async ready() {
      while (!said.includes('"message":"ready"')) {
        if (!running.has(child)) throw new Error(`it ended: ${said}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    signal: (name) => child.kill(name)
  }
}

/** The last line of a daemon that could not start: the one sentence for its operator. */
export async function failure(
  home: string,
  ...args: readonly string[]
): Promise<{ code: number | null; said: string }> {
  const started = daemon(home, ...args)
  const { code, lines } = await started.ended
  return { code, said: lines.filter((line) => !line.startsWith('{')).join('\n') }
}

export type Outcome = { readonly exit: number; readonly output: string; readonly talk: string }

/** How a command ends, its data, and what it says beside. */
export function outcome(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [COMMANDS, ...args], { env: { PATH: process.env['PATH'] } }, (error, output, talk) => {
      resolve({ exit: error === null ? 0 : Number(error.code), output, talk })
    })
  })
}

export function command(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [COMMANDS, ...args], { env: { PATH: process.env['PATH'] } }, (error, output, talk) => {
      if (error === null) resolve(output)
      else reject(new Error(`wardline ${args.join(' ')}: ${talk}`))
    })
  })
}
