/** Request streams: one frame there, frames back in order, with credit so that a handler never runs far ahead of its reader. */
import { AssertionError, assert, limits, WardlineError } from '@wardline/codec'
import type { StreamRequest } from '@wardline/ports'
import {
  type ClientStream,
  type Connection,
  type Host,
  otherEnd,
  type ServerStream,
  type StreamEnd,
  type Wire
} from './host.ts'
import { type Life, never } from './life.ts'

/** Frames that may be under way or unread. */
const WINDOW_FRAMES = 8

const MESSAGES: Readonly<Record<Exclude<StreamEnd, 'done'>, string>> = {
  'stream-timeout': 'did not answer in time',
  'stream-overflow': 'answered more than was asked for',
  'stream-closed': 'closed the stream'
}

export type RequestCall = {
  readonly peer: string
  readonly protocol: string
  readonly bytes: Uint8Array
  readonly options: StreamRequest
  /** Counts a fault of `peer` against its score with `host`. */
  readonly report: (host: Host, peer: string) => void
}

/** The client's side of one request; everything happens when the first frame is asked for. */
export async function* request(wire: Wire, host: Host, call: RequestCall): AsyncGenerator<Uint8Array> {
  if (!host.life.alive) await never()
  const { peer, options } = call
  const connection = host.view.get(peer)
  if (connection === undefined || host.closed) {
    throw new WardlineError('peer-unreachable', `The peer ${peer} is not connected.`)
  }
  const inbox: Uint8Array[] = []
  let end: StreamEnd | undefined
  let received = 0
  let wake: () => void = () => {}

  const stream: ClientStream = {
    connection,
    end(code) {
      if (end !== undefined) return
      end = code
      // What was in time may still be read; after a broken bound or deadline nothing is.
      if (code === 'stream-timeout' || code === 'stream-overflow') inbox.length = 0
      wake()
    }
  }
  const arrive = (frame: Uint8Array): void => {
    if (end !== undefined) return
    received += 1
    if (frame.length > options.frameBytesMax || received > options.framesMax) {
      stream.end('stream-overflow')
      return
    }
    inbox.push(frame)
    wake()
  }

  const server = openServer(wire, host, connection, call, { arrive, end: (code) => stream.end(code) })
  const deadline = wire.scheduler.after(options.timeoutMs, host.life, () => stream.end('stream-timeout'))
  host.clientStreams.add(stream)
  try {
    for (;;) {
      const frame = inbox.shift()
      if (frame !== undefined) {
        server.credit()
        yield frame
      } else if (end === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      } else if (end === 'done') {
        return
      } else {
        throw new WardlineError(end, `The peer ${peer} ${MESSAGES[end]}.`)
      }
    }
  } finally {
    deadline.cancel()
    host.clientStreams.delete(stream)
    if (end !== 'done') server.cancel()
  }
}

/** What the client tells the server's side after its request. */
type Server = {
  /** One more frame may be sent. */
  credit(): void
  /** The client has stopped reading. */
  cancel(): void
}

type Client = { arrive(frame: Uint8Array): void; end(code: StreamEnd): void }

function openServer(wire: Wire, client: Host, connection: Connection, call: RequestCall, back: Client): Server {
  const server = otherEnd(connection, client)
  const toServer = createPipe(wire, client.name, server.name, server.life, connection)
  const toClient = createPipe(wire, server.name, client.name, client.life, connection)
  let credit = WINDOW_FRAMES
  let aborted = false
  let wake: () => void = () => {}
  let iterator: AsyncIterator<Uint8Array> | undefined

  const close = (): void => toClient.send('stream end', 'closed', () => back.end('stream-closed'))

  const stream: ServerStream = {
    connection,
    abort() {
      if (aborted) return
      aborted = true
      wake()
      iterator?.return?.().catch(surface)
    }
  }
  /** A handler's failure is the peer's closed stream; a failed assertion is ours and ends the run. */
  const surface = (error: unknown): void => {
    if (error instanceof AssertionError && server.life.alive) wire.scheduler.fail(error)
  }

  const pump = async (frames: AsyncIterator<Uint8Array>): Promise<void> => {
    while (!aborted) {
      const next = await frames.next()
      if (aborted) return
      if (next.done === true) return toClient.send('stream end', 'done', () => back.end('done'))
      if (next.value.length > limits.streamFrameBytesMax) throw new RangeError('a frame is larger than its limit')
      const frame = next.value.slice()
      credit -= 1
      toClient.send('frame', String(frame.length), () => back.arrive(frame))
      while (credit === 0 && !aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  }

  const serve = async (bytes: Uint8Array): Promise<void> => {
    const service = server.protocols.get(call.protocol)
    const slot = `${client.name} ${call.protocol}`
    const running = server.serving.get(slot) ?? 0
    if (service === undefined || running >= limits.streamsPerPeer) return close()
    if (bytes.length > service.options.requestBytesMax) {
      close()
      return call.report(server, client.name)
    }
    const runningBytes = server.servingBytes.get(client.name) ?? 0
    if (runningBytes + bytes.length > limits.requestBytesPerPeerMax) return close()
    server.serving.set(slot, running + 1)
    server.servingBytes.set(client.name, runningBytes + bytes.length)
    server.serverStreams.add(stream)
    // A client that a cut has silenced can neither read nor cancel: its stream must not stay forever.
    const giveUpMs = call.options.timeoutMs + wire.faults().linkTimeoutMs
    const giveUp = wire.scheduler.after(giveUpMs, server.life, () => stream.abort())
    try {
      iterator = service.handler(bytes, client.name)[Symbol.asyncIterator]()
      await pump(iterator)
    } catch (error) {
      surface(error)
      if (!aborted) close()
      if (error instanceof WardlineError && error.code === 'bad-request') call.report(server, client.name)
    } finally {
      giveUp.cancel()
      server.serverStreams.delete(stream)
      server.serving.set(slot, (server.serving.get(slot) ?? 1) - 1)
      server.servingBytes.set(client.name, (server.servingBytes.get(client.name) ?? bytes.length) - bytes.length)
      await iterator?.return?.()
    }
  }

  assert(call.bytes.length <= limits.streamFrameBytesMax, 'a request is within its limit')
  const bytes = call.bytes.slice()
  toServer.send('request', `${call.protocol} ${bytes.length}`, () => {
    serve(bytes).catch(surface)
  })
  return {
    credit: () =>
      toServer.send('credit', '', () => {
        credit += 1
        wake()
      }),
    cancel: () => toServer.send('cancel', '', () => stream.abort())
  }
}

type Pipe = { send(kind: string, detail: string, run: () => void): void }

/**
 * One direction of a stream: in order, and whole or not at all. What a cut swallows is never sent again, so everything
 * behind it is lost too and the reader runs into its deadline.
 */
function createPipe(wire: Wire, from: string, to: string, life: Life, connection: Connection): Pipe {
  let lastMs = 0
  let broken = false
  return {
    send(kind, detail, run) {
      const { scheduler } = wire
      if (kind === 'frame' && wire.prng.chance(wire.faults().streamBreakRate)) {
        if (!broken) wire.count('stall')
        broken = true
      }
      if (wire.isCut(from, to)) broken = true
      if (broken || !connection.open) return
      const nowMs = scheduler.elapsedMs()
      lastMs = Math.max(lastMs, nowMs + wire.delayMs())
      scheduler.schedule(lastMs - nowMs, kind, life, `${from} ${detail}`, () => {
        if (!connection.open) return false
        run()
        return true
      })
    }
  }
}
