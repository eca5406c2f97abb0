/** Runs the command line as its users do: as a process of its own. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Api, ApiError, type OpenFeed } from '@wardline/api'
import { serveSockets } from '@wardline/socket'

const main = resolve(import.meta.dirname, '../src/main.ts')

export type Ran = { readonly exit: number | null; readonly out: string; readonly err: string }

export type Runner = {
  readonly folder: string
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<Ran>
}

type RunOptions = { readonly input?: string; readonly env?: NodeJS.ProcessEnv }

/** A temporary folder, and a way to run `wardline` in it with an environment of its own. */
export function createRunner(): Runner & { readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'wardline-cli-'))
  const run = (args: readonly string[], { input = '', env = {} }: RunOptions = {}) =>
    new Promise<Ran>((done) => {
      const child = spawn(process.execPath, [main, ...args], {
        cwd: folder,
        env: { PATH: process.env['PATH'], HOME: folder, NO_COLOR: '1', ...env },
        stdio: 'pipe'
      })
      let out = ''
      let err = ''
      child.stdout.on('data', (chunk) => {
        out += chunk
      })
      child.stderr.on('data', (chunk) => {
        err += chunk
      })
      child.on('close', (exit) => done({ exit, out, err }))
      child.stdin.end(input)
    })
  return { folder, run, remove: () => rmSync(folder, { recursive: true }) }
}

const nothingToFollow: OpenFeed = async () => {
  throw new ApiError('unavailable', 'the fake has nothing to follow')
}

/** Serves what `api` has on the three sockets in `runFolder`; every other method answers `unavailable`. */
export async function serveFake(
  runFolder: string,
  api: Partial<Api>,
  openFeed: OpenFeed = nothingToFollow
): Promise<{ readonly close: () => Promise<void> }> {
  const whole = new Proxy(api as Api, {
    get: (target, method, receiver) =>
      Reflect.get(target, method, receiver) ??
      (async () => {
        throw new ApiError('unavailable', 'the fake does not have this')
      })
  })
  const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent }
  const roles = ['admin', 'ehr', 'read'] as const
  const server = await serveSockets({
    api: whole,
    openFeed,
    sockets: roles.map((role) => ({ role, path: join(runFolder, `${role}.sock`) })),
    log: silent
  })
  return { close: () => server.close(0) }
}
