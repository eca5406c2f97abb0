/** One real daemon on this machine: started, watched, stopped or killed by its process id. */
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Result } from '@wardline/api'
import { connectSocket, type SocketClient } from '@wardline/client'
import { WardlineError } from '@wardline/codec'
import { homePaths, type SocketPaths, socketPaths } from '@wardline/config'
import { type ChildEnd, startChild } from './children.ts'

export const DAEMON_PROGRAM = fileURLToPath(new URL('../../../wardlined/src/main.ts', import.meta.url))
/** As `pnpm wardlined` and the systemd unit have it. Half of Node's default, it saves 20 to 100 MiB and costs nothing measurable. */
export const DAEMON_NODE_FLAGS = ['--max-semi-space-size=8']

export type Status = Result<'status'>

/** A line of a daemon's log. */
export type LogLine = {
  readonly level: string
  readonly message: string
  readonly code?: unknown
  readonly [field: string]: unknown
}

export type Daemon = {
  readonly home: string
  readonly pid: number
  readonly sockets: SocketPaths
  /** Clients of two of its sockets, closed when it ends. */
  readonly ehr: SocketClient
  readonly admin: SocketClient
  /** Resolves with its status once that satisfies `isReady`. @throws WardlineError `daemon-failed`, also after `timeoutMs` */
  until(isReady: (status: Status) => boolean, timeoutMs: number): Promise<Status>
  /** Told of every line it logs from now on; returns a function that ends this. */
  onLog(run: (line: LogLine) => void): () => void
  /** The last lines it logged. They hold no record, name or key. */
  lastLines(): readonly string[]
  /** Null while it runs. */
  end(): ChildEnd | null
  readonly ended: Promise<ChildEnd>
  /** Orderly. */
  stop(): Promise<ChildEnd>
  /** As a power cut. */
  kill(): Promise<ChildEnd>
}

const LINES_KEPT = 12
const STOP_MS_MAX = 10_000
const POLL_MS = 25

export type DaemonOptions = {
  /** Where its log goes as well; left out: `HOME/daemon.log`. */
  readonly logFile?: string
  /** Further arguments of the program. */
  readonly args?: readonly string[]
  /** Further variables of its environment. */
  readonly environment?: Readonly<Record<string, string>>
}

/** Starts the daemon of `home`. */
export async function startDaemon(home: string, options: DaemonOptions = {}): Promise<Daemon> {
  const sockets = socketPaths(homePaths(home).run)
  const lines: string[] = []
  const listeners = new Set<(line: LogLine) => void>()
  const file = createWriteStream(options.logFile ?? join(home, 'daemon.log'), { flags: 'a', mode: 0o600 })
  const keep = (line: string) => {
    file.write(`${line}\n`)
    if (lines.push(line) > LINES_KEPT) lines.shift()
    const parsed = listeners.size === 0 ? undefined : parseLine(line)
    if (parsed !== undefined) for (const run of listeners) run(parsed)
  }
  const child = await startChild(DAEMON_PROGRAM, ['--home', home, ...(options.args ?? [])], {
    onOutput: keep,
    onTalk: keep,
    nodeFlags: DAEMON_NODE_FLAGS,
    environment: options.environment ?? {}
  })
  const ehr = connectSocket(sockets.ehr)
  const admin = connectSocket(sockets.admin)
  void child.ended.then(() => {
    ehr.close()
    admin.close()
    file.end()
  })
  const failed = (what: string) =>
    new WardlineError('daemon-failed', [`the daemon of ${home} ${what}; its last lines:`, ...lines].join('\n  '))

  return {
    home,
    pid: child.pid,
    sockets,
    ehr,
    admin,
    async until(isReady, timeoutMs) {
      const untilMs = performance.now() + timeoutMs
      for (;;) {
        const end = child.end()
        if (end !== null) throw failed(`ended (${end.signal ?? `code ${end.code}`})`)
        const status = await statusOf(admin)
        if (status !== undefined && isReady(status)) return status
        if (performance.now() > untilMs) throw failed(`was not ready after ${timeoutMs / 1000} s`)
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
    },
    onLog(run) {
      listeners.add(run)
      return () => listeners.delete(run)
    },
    lastLines: () => lines,
    end: () => child.end(),
    ended: child.ended,
    stop: () => child.stop(STOP_MS_MAX),
    kill: () => child.kill()
  }
}

/** Ready: every chain runs and has a working link to each of its other hospitals. */
export function isConnected({ chains }: Status): boolean {
  return chains.length > 0 && chains.every(({ phase, peers }) => phase === 'running' && peers.missing.length === 0)
}

/** Undefined where no daemon answers, or none does within `timeoutMs`. @throws WardlineError for another reason */
export async function statusOf(client: SocketClient, timeoutMs?: number): Promise<Status | undefined> {
  try {
    return await client.call('status', {}, timeoutMs === undefined ? {} : { timeoutMs })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'daemon-not-running' || code === 'daemon-gone' || code === 'unavailable') return undefined
    if (code === 'call-timeout' && timeoutMs !== undefined) return undefined
    throw error
  }
}

function parseLine(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'message' in value ? (value as LogLine) : undefined
  } catch {
    // Something that is not of the log, such as a warning of Node's: kept as text, nothing to look for in it.
    return undefined
  }
}
