/**
 * Processes that this program starts. Each is ended by its own process id, and none outlives this program, however it ends
 * (short of being killed with a signal that nobody can catch).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export type Child = {
  readonly pid: number
  /** How it ended; resolves once, and never rejects. */
  readonly ended: Promise<ChildEnd>
  /** Null while it runs. */
  end(): ChildEnd | null
  /** Asks it to stop, and kills it if it has not after `graceMs`. */
  stop(graceMs: number): Promise<ChildEnd>
  /** Ends it at once, as a power cut would. */
  kill(): Promise<ChildEnd>
}

export type ChildEnd = { readonly code: number | null; readonly signal: string | null }

export type ChildOptions = {
  readonly environment?: Readonly<Record<string, string>>
  /** Told every line of its standard output and of its standard error. */
  readonly onOutput?: (line: string) => void
  readonly onTalk?: (line: string) => void
  /** For Node itself. */
  readonly nodeFlags?: readonly string[]
}

const living = new Set<ChildProcess>()
let guarded = false

/**
 * Runs a TypeScript file in a process of its own, on the Node that runs this program. Settings of Wardline in the
 * environment do not reach it, so that it does not act on a home that its arguments do not name.
 * @throws Error if no process can be started
 */
export async function startChild(file: string, args: readonly string[], options: ChildOptions = {}): Promise<Child> {
  guard()
  const child = spawn(process.execPath, [...(options.nodeFlags ?? []), file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...withoutSettings(process.env), ...options.environment }
  })
  living.add(child)
  const ended = new Promise<ChildEnd>((resolve) => {
    // `close`, not `exit`: by then its last lines have been read.
    child.once('close', (code, signal) => {
      living.delete(child)
      resolve({ code, signal })
    })
  })
  createInterface({ input: child.stdout }).on('line', (line) => options.onOutput?.(line))
  createInterface({ input: child.stderr }).on('line', (line) => options.onTalk?.(line))
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  let end: ChildEnd | null = null
  void ended.then((how) => {
    end = how
  })
  return {
    pid: child.pid as number,
    ended,
    end: () => end,
    async stop(graceMs) {
      if (end !== null) return end
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      return ended.finally(() => clearTimeout(timer))
    },
    kill() {
      child.kill('SIGKILL')
      return ended
    }
  }
}

/** Asks every process that still runs to stop, kills those that have not after `graceMs`, and waits for all. */
export async function stopChildren(graceMs: number): Promise<void> {
  const ends = [...living].map((child) => new Promise((resolve) => child.once('close', resolve)))
  for (const child of living) child.kill('SIGTERM')
  const timer = setTimeout(() => {
    for (const child of living) child.kill('SIGKILL')
  }, graceMs)
  await Promise.all(ends)
  clearTimeout(timer)
}

/** The last resort: this program is ending, and there is no time left to ask. */
function guard(): void {
  if (guarded) return
  guarded = true
  process.on('exit', () => {
    for (const child of living) child.kill('SIGKILL')
  })
}

/** The environment of a process that must not act on a home that its arguments do not name. */
export function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('WARDLINE_')))
}
