/** A server on a real socket in a temporary folder, and a way to say exact bytes to it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiError, type Dispatch, type Subscribe } from '@wardline/api'
import { type AssertionError, type ChainId, height } from '@wardline/codec'
import type { Log, LogFields } from '@wardline/ports'
import { type ServeOptions, type SocketServer, serveDispatch } from '../src/index.ts'

export type Fixture = {
  readonly folder: string
  readonly path: string
  readonly server: SocketServer
  readonly logged: { level: string; message: string; fields: LogFields | undefined }[]
  readonly bugs: AssertionError[]
}

/** Runs `body` with a server on `admin.sock`, and cleans up. */
export async function withServer(
  dispatch: Dispatch,
  body: (fixture: Fixture) => Promise<void>,
  options: Partial<ServeOptions> & { readonly subscribe?: Subscribe } = {}
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'wardline-socket-'))
  const path = join(folder, 'admin.sock')
  const logged: Fixture['logged'] = []
  const bugs: AssertionError[] = []
  const server = await serveDispatch({
    dispatch,
    subscribe: nothingToFollow,
    sockets: [{ path, role: 'admin' }],
    log: recordingLog(logged),
    onBug: (error) => bugs.push(error),
    ...options
  })
  try {
    await body({ folder, path, server, logged, bugs })
  } finally {
    await server.close(0)
    rmSync(folder, { recursive: true, force: true })
  }
}

export const nothingToFollow: Subscribe = async () => {
  throw new ApiError('not-found', 'there is nothing to follow')
}

export function recordingLog(logged: Fixture['logged']): Log {
  const at = (level: string) => (message: string, fields?: LogFields) => {
    logged.push({ level, message, fields })
  }
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), with: () => log }
  return log
}

/** The methods of the examples in the JSON-RPC 2.0 specification, and `echo`. */
export const exampleDispatch: Dispatch = async (method, params) => {
  switch (method) {
    case 'subtract': {
      const [a, b] = Array.isArray(params)
        ? params
        : [(params as Record<string, number>)['minuend'], (params as Record<string, number>)['subtrahend']]
      return a - b
    }
    case 'sum':
      return (params as number[]).reduce((sum, number) => sum + number, 0)
    case 'get_data':
      return ['hello', 5]
    case 'update':
    case 'notify_hello':
    case 'notify_sum':
      return undefined
    case 'echo':
      return params
    default:
      throw new ApiError('method-not-found', 'there is no such method')
  }
}

export type HttpAnswer = {
  readonly status: number
  readonly text: string
  readonly headers: NodeJS.Dict<string | string[]>
}

export function post(
  path: string,
  body: string | Uint8Array,
  options: { readonly method?: string; readonly url?: string } = {}
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath: path, method: options.method ?? 'POST', path: options.url ?? '/', agent: false },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk) => chunks.push(chunk))
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString(), headers: answer.headers })
        )
      }
    )
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

/** Writes `bytes` as they are and gives everything that comes back until the server closes or is quiet for `quietMs`. */
export function sayRaw(path: string, bytes: string, quietMs = 5_000): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let text = ''
    let timer: NodeJS.Timeout | undefined
    const end = (closed: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ text, closed })
    }
    const rearm = () => {
      clearTimeout(timer)
      timer = setTimeout(() => end(false), quietMs)
    }
    socket.on('connect', () => socket.write(bytes))
    socket.on('data', (chunk) => {
      text += chunk
      rearm()
    })
    socket.on('close', () => end(true))
    socket.on('error', reject)
    rearm()
  })
}

/** A client's WebSocket frame (RFC 6455, section 5.2), masked with zeros; `flags` may set a reserved bit. */
export function frame(
  opcode: number,
  payload: Buffer,
  { isLast = true, flags = 0 }: { readonly isLast?: boolean; readonly flags?: number } = {}
): Buffer {
  const first = (isLast ? 0x80 : 0) | flags | opcode
  const { length } = payload
  const head =
    length < 126
      ? Buffer.from([first, 0x80 | length])
      : length < 65_536
        ? Buffer.from([first, 0x80 | 126, length >> 8, length & 0xff])
        : Buffer.from([first, 0x80 | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (length >> shift) & 0xff)])
  return Buffer.concat([head, Buffer.alloc(4), payload])
}

/** The beginning of a WebSocket connection, for who sends frames byte by byte. */
export const UPGRADE =
  'GET / HTTP/1.1\r\nhost: w\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n'

/** Follows a chain of `length` blocks of which each brings `event`; then it waits until it is ended. */
export function countingFeed(length: number, event: unknown = 'x'): Subscribe {
  return async (params, { signal }) => {
    const { from = 0 } = (params ?? {}) as { readonly from?: number }
    async function* notices() {
      for (let at = from + 1; at <= length && !signal?.aborted; at++) {
        yield { height: height(at), events: [event] as unknown as [] }
      }
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
    }
    return { topic: 'blocks', chain: '00' as ChainId, height: height(from), notices: notices() }
  }
}

/** From above height 1 a chain that goes away, from above any other a bug. */
export const failingFeed: Subscribe = async (params, caller) => {
  const { from } = params as { readonly from: number }
  // biome-ignore lint/correctness/useYield: it fails before it has anything.
  async function* notices() {
    throw from === 1 ? new ApiError('unavailable', 'the chain is gone') : new TypeError('patient Jane Roe')
  }
  return { ...(await countingFeed(0)(params, caller)), notices: notices() }
}

export async function waitUntil(holds: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it did not happen within a minute')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
