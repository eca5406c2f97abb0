/** Follows a topic over the raw stream of a control socket, across breaks of the connection and restarts of the daemon. */
import { connect, type Socket } from 'node:net'
import type { Notice, Subscribed, SubscribeInput, TopicName } from '@wardline/api'
import { limits, WardlineError } from '@wardline/codec'
import { CallError, describeFailure, readAnswer } from './answer.ts'

export type FollowOptions = {
  /** Ends it, without an error. */
  readonly signal?: AbortSignal
  /** Told when it is subscribed, at first and after every break, and when the connection has broken. */
  readonly onStanding?: (standing: Standing) => void
}

export type Standing =
  | { readonly kind: 'subscribed'; readonly subscribed: Subscribed }
  | { readonly kind: 'broken'; readonly code: string }

const RETRY_MS_MIN = 250
const RETRY_MS_MAX = 5_000
/** What another try may find otherwise, once there was a subscription. */
const PASSING = ['daemon-not-running', 'daemon-gone', 'unavailable', 'busy', 'slow-reader']

const SUBSCRIBE_ID = 1

/**
 * Yields what each height brings, in order, each once; after a break it goes on above the last height that it yielded. Of
 * alerts the problems that stand are told anew then. The next is read when it is asked for.
 * @throws CallError `not-found | wrong-mode | height-ahead …`; WardlineError `daemon-not-running …` only before the first subscription
 */
export async function* follow<T extends TopicName>(
  path: string,
  params: SubscribeInput & { readonly topic: T },
  { signal, onStanding }: FollowOptions
): AsyncGenerator<Notice<T>> {
  let wanted: SubscribeInput = params
  let isKnown = false
  let delayMs = RETRY_MS_MIN
  while (!signal?.aborted) {
    try {
      for await (const said of subscription(path, wanted, signal)) {
        if (said.kind === 'subscribed') {
          const { chain, height: from } = said.subscribed
          wanted = { ...wanted, chain, from }
          isKnown = true
          delayMs = RETRY_MS_MIN
          onStanding?.(said)
        } else {
          // Before it is yielded: whoever has it does not want it again.
          wanted = { ...wanted, from: said.notice.height }
          // The daemon is the same build on the same machine: its events are of the topic's type.
          yield said.notice as Notice<T>
        }
      }
    } catch (error) {
      const code = error instanceof CallError || error instanceof WardlineError ? error.code : undefined
      if (signal?.aborted) return
      if (code === undefined || !isKnown || !PASSING.includes(code)) throw error
      onStanding?.({ kind: 'broken', code })
      await pause(delayMs, signal)
      delayMs = Math.min(2 * delayMs, RETRY_MS_MAX)
    }
  }
}

type Said =
  | { readonly kind: 'subscribed'; readonly subscribed: Subscribed }
  | { readonly kind: 'notice'; readonly notice: Notice }

/** One connection with one subscription. Never ends but by throwing, or by `signal`. */
async function* subscription(
  path: string,
  params: SubscribeInput,
  signal: AbortSignal | undefined
): AsyncGenerator<Said> {
  const socket = connect(path)
  const stop = () => void socket.destroy()
  signal?.addEventListener('abort', stop)
  try {
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: SUBSCRIBE_ID, method: 'subscribe', params })}\n`)
    for await (const line of linesOf(socket)) yield readMessage(line)
  } catch (error) {
    throw error instanceof CallError ? error : describeFailure(path, error as NodeJS.ErrnoException, undefined)
  } finally {
    signal?.removeEventListener('abort', stop)
    socket.destroy()
  }
  if (!signal?.aborted) throw new WardlineError('daemon-gone', 'the daemon ended the connection')
}

function readMessage(line: string): Said {
  const { method, params } = parse(line)
  if (method === 'event') return { kind: 'notice', notice: params as Notice }
  if (method !== 'ended') return { kind: 'subscribed', subscribed: readAnswer(line, SUBSCRIBE_ID) as Subscribed }
  const { code, message } = params as { readonly code: string; readonly message: string }
  throw new CallError(code, message, {})
}

function parse(line: string): { readonly method?: unknown; readonly params?: unknown } {
  try {
    return Object(JSON.parse(line))
  } catch (error) {
    throw new WardlineError('answer-unreadable', 'what the daemon says is not JSON', { cause: error })
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]).toString('utf8')
      parts = []
      size = 0
      start = end + 1
    }
    size += chunk.length - start
    if (size > limits.rpcAnswerBytesMax) throw new WardlineError('answer-unreadable', 'an event is too large')
    parts.push(chunk.subarray(start))
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
  })
}
