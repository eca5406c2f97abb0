/**
 * Daemons that outlive the command that started them. Whether one runs is asked of the daemon itself and, where it does not
 * answer, of the operating system: a process id from a file alone may by now be another program's.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectSocket } from '@wardline/client'
import { WardlineError } from '@wardline/codec'
import { homePaths, socketPaths } from '@wardline/config'
import { withoutSettings } from '../local-network/children.ts'
import { DAEMON_NODE_FLAGS, DAEMON_PROGRAM, type Status, statusOf } from '../local-network/daemon.ts'

export type Presence =
  | { readonly kind: 'running'; readonly pid: number; readonly status: Status }
  /** The process is there and does not answer: it starts, hangs, or was stopped by a signal. */
  | { readonly kind: 'silent'; readonly pid: number }
  | { readonly kind: 'absent' }

const ANSWER_MS_MAX = 2_000
const READY_MS_MAX = 60_000
const STOP_MS_MAX = 10_000
const POLL_MS = 50
const SAID_BYTES_MAX = 16 * 1024

export function logFile(home: string): string {
  return join(home, 'daemon.log')
}

export async function presenceOf(home: string): Promise<Presence> {
  const client = connectSocket(socketPaths(homePaths(home).run).admin)
  try {
    const status = await statusOf(client, ANSWER_MS_MAX)
    if (status !== undefined) return { kind: 'running', pid: status.pid, status }
  } finally {
    client.close()
  }
  const pid = await holderOf(home)
  return pid !== undefined && (await isDaemonOf(home, pid)) ? { kind: 'silent', pid } : { kind: 'absent' }
}

/**
 * Starts the daemon of `home` in a session of its own, its log going to `HOME/daemon.log`, and waits until it answers.
 * @throws WardlineError `daemon-failed` with what it said
 */
export async function startDetached(home: string): Promise<number> {
  const log = openSync(logFile(home), 'a', 0o600)
  const before = readFileSync(logFile(home)).length
  const child = spawn(process.execPath, [...DAEMON_NODE_FLAGS, DAEMON_PROGRAM, '--home', home], {
    detached: true,
    stdio: ['ignore', log, log],
    env: withoutSettings(process.env)
  })
  closeSync(log)
  await once(child, 'spawn')
  child.unref()
  const client = connectSocket(socketPaths(homePaths(home).run).admin)
  try {
    const untilMs = performance.now() + READY_MS_MAX
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) {
        const said = readFileSync(logFile(home)).subarray(before).subarray(-SAID_BYTES_MAX).toString().trim()
        throw new WardlineError('daemon-failed', `the daemon of ${home} does not start: ${said.split('\n').at(-1)}`)
      }
      const status = await statusOf(client, ANSWER_MS_MAX)
      if (status !== undefined && status.pid === child.pid) return status.pid
      if (performance.now() > untilMs) {
        throw new WardlineError('daemon-failed', `the daemon of ${home} does not answer; see ${logFile(home)}`)
      }
      await pause(POLL_MS)
    }
  } finally {
    client.close()
  }
}

/** Ends the process and waits until it is gone. An orderly end that takes longer than 10 s is cut off. */
export async function endDetached(pid: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  signalTo(pid, signal)
  const untilMs = performance.now() + STOP_MS_MAX
  while (signalTo(pid, 0)) {
    if (performance.now() > untilMs) signalTo(pid, 'SIGKILL')
    await pause(POLL_MS)
  }
}

/** Whether there was such a process. */
function signalTo(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** The process that took the home's lock last; it may be long gone. */
async function holderOf(home: string): Promise<number | undefined> {
  const text = await readFile(join(home, 'lock.pid'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return /^\d{1,10}\n$/.test(text) ? Number(text) : undefined
}

async function isDaemonOf(home: string, pid: number): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(pid)])
    return stdout.includes(`${DAEMON_PROGRAM} --home ${home}\n`)
  } catch (error) {
    // `ps` ends with 1 where there is no such process.
    if ((error as { code?: unknown }).code === 1) return false
    throw error
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
