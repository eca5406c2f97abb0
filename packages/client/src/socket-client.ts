/** Calls a running daemon over one of its control sockets. */
import { Agent, type IncomingMessage, request } from 'node:http'
import type { MethodName, Notice, ParamsInput, Result, SubscribeInput, TopicName } from '@wardline/api'
import { limits, WardlineError } from '@wardline/codec'
import { describeFailure, readAnswer } from './answer.ts'
import { type FollowOptions, follow } from './follow.ts'

export type CallOptions = {
  /** Gives up after this; the daemon may still do what was asked. Left out: the call's own `timeoutMs`, or 30 s, and 5 s more. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export type SocketClient = {
  /**
   * @throws CallError what the daemon says
   * @throws WardlineError `daemon-not-running | socket-forbidden | call-timeout | daemon-gone | answer-unreadable`
   */
  call<M extends MethodName>(method: M, params: ParamsInput<M>, options?: CallOptions): Promise<Result<M>>
  /** As `call`, for a method and parameters that are not known before. */
  callAny(method: string, params: unknown, options?: CallOptions): Promise<unknown>
  /** Follows a topic on a connection of its own, until `options.signal`: see `follow` in follow.ts. */
  follow<T extends TopicName>(
    params: SubscribeInput & { readonly topic: T },
    options?: FollowOptions
  ): AsyncGenerator<Notice<T>>
  /** Closes its connections; running calls fail. */
  close(): void
}

const GRACE_MS = 5_000
const TIMEOUT_MS = 30_000

/**
 * A client of the socket at `path`. Nothing is opened before the first call; connections are kept and shared.
 * @param connectionsMax connections at once; further calls wait for one
 */
export function connectSocket(path: string, options: { readonly connectionsMax?: number } = {}): SocketClient {
  if (Buffer.byteLength(path) > limits.socketPathBytesMax) {
    throw new WardlineError(
      'socket-path-too-long',
      `the socket path ${path} is longer than ${limits.socketPathBytesMax} bytes: set runFolder to a shorter folder`
    )
  }
  const agent = new Agent({ keepAlive: true, maxSockets: options.connectionsMax ?? 64, scheduling: 'lifo' })
  let nextId = 1

  const callAny = async (method: string, params: unknown, callOptions: CallOptions = {}): Promise<unknown> => {
    const id = nextId++
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params })
    const signals = [AbortSignal.timeout(callOptions.timeoutMs ?? ownTimeout(params) + GRACE_MS)]
    if (callOptions.signal !== undefined) signals.push(callOptions.signal)
    const text = await post(agent, path, body, AbortSignal.any(signals))
    return readAnswer(text, id)
  }

  return {
    // The daemon is the same build on the same machine: its answers are of the table's types.
    call: (method, params, callOptions) => callAny(method, params, callOptions) as Promise<Result<typeof method>>,
    callAny,
    follow: (params, followOptions = {}) => follow(path, params, followOptions),
    close: () => agent.destroy()
  }
}

function ownTimeout(params: unknown): number {
  const own = typeof params === 'object' && params !== null && 'timeoutMs' in params ? params.timeoutMs : undefined
  return typeof own === 'number' ? own : TIMEOUT_MS
}

function post(agent: Agent, path: string, body: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(describeFailure(path, error, signal))
    const outgoing = request(
      {
        agent,
        socketPath: path,
        method: 'POST',
        path: '/',
        signal,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      },
      (answer) => {
        readText(answer).then(resolve, fail)
      }
    )
    outgoing.once('error', fail)
    outgoing.end(body)
  })
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    size += chunk.length
    // Its brackets and commas come on top of the limit of a batch's answers.
    if (size > limits.rpcAnswerBytesMax + 4_096) throw new WardlineError('answer-unreadable', 'the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
