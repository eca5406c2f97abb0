/**
 * HTTP POST on one Unix socket, one role. Everything a client can do slowly or in bulk is bounded: header and body time,
 * body size, pipelined calls, connections, and reading the answer.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ApiError, type Role } from '@wardline/api'
import { limits } from '@wardline/codec'
import type { Budget, Timeouts } from './bounds.ts'
import { answerMessage, errorText, type Rpc } from './rpc.ts'

/** The calls a connection waits for. */
const waiting = new WeakMap<Socket, number>()

export function createHttpServer(rpc: Rpc, role: Role, budget: Budget, timeouts: Timeouts): Server {
  const server = createServer(
    {
      maxHeaderSize: 8 * 1024,
      headersTimeout: timeouts.requestMs,
      requestTimeout: timeouts.requestMs,
      keepAliveTimeout: timeouts.idleMs,
      connectionsCheckingInterval: Math.min(1_000, timeouts.requestMs),
      shouldUpgradeCallback: ({ url, headers }) => url === '/' && headers.upgrade?.toLowerCase() === 'websocket'
    },
    (request, response) => {
      handle(rpc, role, budget, timeouts, request, response).catch((error: NodeJS.ErrnoException) => {
        // The connection broke while its body came in; there is nobody to answer.
        rpc.log.debug('A connection ended early.', { code: error.code ?? error.name })
        request.socket.destroy()
      })
    }
  )
  server.maxConnections = limits.rpcConnectionsMax
  server.on('drop', () => rpc.log.warn('A connection was refused: too many.', { role }))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseGarbage(error, socket as Socket))
  // Runs while nothing moves on a connection: idle, or reading nothing of its answer. One that waits for a call may be silent.
  server.timeout = timeouts.idleMs
  server.on('timeout', (socket: Socket) => {
    if ((waiting.get(socket) ?? 0) === 0) socket.destroy()
  })
  return server
}

async function handle(
  rpc: Rpc,
  role: Role,
  budget: Budget,
  timeouts: Timeouts,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> {
  const refusal = refuseEarly(request, budget)
  if (refusal !== undefined) {
    response.setHeader('connection', 'close')
    if (refusal.status === 405) response.setHeader('allow', 'POST')
    request.resume()
    return respond(response, refusal.status, errorText(null, refusal.error), timeouts)
  }
  const { socket } = request
  const count = (waiting.get(socket) ?? 0) + 1
  waiting.set(socket, count)
  const held = { bytes: 0 }
  try {
    const body = await readBody(request, budget, held)
    if (body === undefined) {
      response.setHeader('connection', 'close')
      request.resume()
      return respond(response, 413, errorText(null, tooLarge()), timeouts)
    }
    if (count > limits.rpcPipelineMax) {
      response.setHeader('connection', 'close')
      return respond(
        response,
        503,
        errorText(null, new ApiError('busy', 'too many calls wait on this connection')),
        timeouts
      )
    }
    const gone = new AbortController()
    const onClose = () => gone.abort()
    response.once('close', onClose)
    const answer = await answerMessage(rpc, body, { role, signal: gone.signal })
    response.off('close', onClose)
    respond(response, answer === undefined ? 204 : 200, answer, timeouts)
  } finally {
    waiting.set(socket, (waiting.get(socket) ?? 1) - 1)
    budget.pendingBytes -= held.bytes
  }
}

type Refusal = { readonly status: number; readonly error: ApiError }

function refuseEarly(request: IncomingMessage, budget: Budget): Refusal | undefined {
  if (request.url !== '/') {
    return { status: 404, error: new ApiError('invalid-request', 'calls go to the path /') }
  }
  if (request.method !== 'POST') {
    return { status: 405, error: new ApiError('invalid-request', 'calls are made by POST') }
  }
  if (Number(request.headers['content-length'] ?? 0) > limits.rpcBodyBytesMax) return { status: 413, error: tooLarge() }
  if (budget.pendingBytes >= limits.rpcPendingBytesMax) {
    return { status: 503, error: new ApiError('busy', 'too many bytes wait in other calls; try again') }
  }
  return undefined
}

function tooLarge(): ApiError {
  return new ApiError('too-large', `a request holds at most ${limits.rpcBodyBytesMax} bytes`)
}

/**
 * Resolves with undefined once the body is larger than allowed; rejects when the connection breaks. What it holds is added
 * to `held` and to the budget. Events rather than iteration: a tenth less CPU for a small call (measured).
 */
function readBody(request: IncomingMessage, budget: Budget, held: { bytes: number }): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => {
      if (held.bytes > limits.rpcBodyBytesMax) return
      held.bytes += chunk.length
      budget.pendingBytes += chunk.length
      if (held.bytes > limits.rpcBodyBytesMax) resolve(undefined)
      else chunks.push(chunk)
    })
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)))
    request.once('error', reject)
  })
}

/** Sends the answer; the connection is cut if its reader stops reading. */
function respond(response: ServerResponse, status: number, text: string | undefined, timeouts: Timeouts): void {
  if (response.destroyed) return
  if (text === undefined) {
    response.writeHead(status).end()
  } else {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    response.end(text)
  }
  if (!response.writableFinished) response.req.socket.setTimeout(timeouts.stalledAnswerMs)
}

/** Answers what is not HTTP, or not in time, once, and closes. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const [status, what] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ['408 Request Timeout', 'the request took too long']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? ['431 Request Header Fields Too Large', 'the headers are too large']
        : ['400 Bad Request', 'this is not an HTTP request']
  const text = errorText(null, new ApiError('invalid-request', what))
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    () => socket.destroy()
  )
}
