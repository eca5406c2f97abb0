/** Requests to one peer and their answers: a stream each, a request frame, then answer frames until the end. */

import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { AssertionError, assert, limits, WardlineError } from '@wardline/codec'
import type { Log, PeerName, ServeOptions, StreamHandler, StreamRequest } from '@wardline/ports'
import { isOpen, nameOf } from './dialler.ts'
import { PREFIX_BYTES, readFrames, reasonOf, writeFrame } from './frames.ts'

/** Opening a stream, at most; the request's own deadline may be shorter. */
const OPEN_MS_MAX = 5_000
/** An answer takes no longer than this, however slowly it is taken. */
const SERVE_MS_MAX = 120_000
/** The registrar counts streams that are just closing too; the exact bound is kept here. */
const STREAMS_SLACK = 2

export type Streams = {
  request(peer: PeerName, protocol: string, request: Uint8Array, options: StreamRequest): AsyncGenerator<Uint8Array>
  serve(protocol: string, handler: StreamHandler, options: ServeOptions): void
  close(): void
}

export function createStreams(parts: {
  readonly node: Libp2p
  readonly log: Log
  readonly isAllowed: (peer: PeerName) => boolean
  /** The peer broke the bound or the form of a protocol's requests. */
  readonly onFault: (peer: PeerName, code: string) => void
  readonly onBug: (error: AssertionError) => void
  /** A client must have sent its request, and must take what it is sent, within this time. */
  readonly stallMs: number
}): Streams {
  const { node, log } = parts
  let closed = false
  /** Every running request and answer, to end them with the network. */
  const running = new Set<Work>()
  const outgoing = createTurns(limits.streamsPerPeer)
  const incoming = new Map<string, number>()
  const requestBytes = createShares(limits.requestBytesPerPeerMax)

  const connectionTo = (peer: PeerName): Connection => {
    const connection = node
      .getConnections()
      .find((candidate) => isOpen(candidate) && candidate.remotePeer.toString() === peer)
    if (connection === undefined || closed || !parts.isAllowed(peer)) {
      throw new WardlineError('peer-unreachable', 'the peer is not connected')
    }
    return connection
  }

  const open = async (peer: PeerName, protocol: string, work: Work): Promise<Stream> => {
    const connection = connectionTo(peer)
    const opened = work.within(OPEN_MS_MAX, 'the peer did not open the stream in time')
    try {
      return await connection.newStream([protocol], {
        signal: work.signal,
        maxOutboundStreams: limits.streamsPerPeer * STREAMS_SLACK
      })
    } catch (cause) {
      if (work.signal.aborted) throw reasonOf(work.signal)
      if (!isOpen(connection)) throw new WardlineError('peer-unreachable', 'the peer disconnected', { cause })
      throw new WardlineError('stream-closed', 'the peer refused the stream', { cause })
    } finally {
      opened()
    }
  }

  const begin = (timeoutMs: number, message: string): Work => {
    const work = createWork(() => void running.delete(work))
    running.add(work)
    work.within(timeoutMs, message)
    return work
  }

  type Service = { readonly protocol: string; readonly handler: StreamHandler; readonly requestBytesMax: number }

  const answer = async (service: Service, stream: Stream, from: PeerName): Promise<void> => {
    const { protocol, handler, requestBytesMax } = service
    const work = begin(SERVE_MS_MAX, 'the answer took too long')
    // A handler must not work on for a client that left.
    stream.addEventListener('close', ({ error }) => work.abort('stream-closed', 'the client left', error))
    let release = (): void => {}
    let isRead = false
    let isGiven = false
    try {
      const asked = work.within(parts.stallMs, 'the request took too long')
      const reader = readFrames(stream, work.signal, requestBytesMax + PREFIX_BYTES)
      const request = await reader.next(requestBytesMax, (sizeBytes) => {
        release = requestBytes.take(from, sizeBytes)
      })
      isRead = true
      asked()
      if (request === undefined) throw new WardlineError('stream-closed', 'no request came')
      for await (const frame of untilAborted(handler(request, from), work.signal)) {
        await writeFrame(stream, frame, { stallMs: parts.stallMs, signal: work.signal })
      }
      isGiven = true
      work.end()
      await finish(stream, parts.stallMs)
    } catch (error) {
      const code = error instanceof WardlineError ? error.code : 'stream-handler-failed'
      // A handler may ask others, and pass on how that failed.
      if (isRead ? code === 'bad-request' : code === 'stream-overflow') parts.onFault(from, code)
      if (error instanceof AssertionError) parts.onBug(error)
      if (!closed) {
        // What is no error of the protocol is one of the handler's, unless the client left before it had taken all.
        const level = error instanceof WardlineError || isGiven ? 'debug' : 'error'
        log[level]('A request ended early.', { peer: from, protocol, code, reason: nameOf(error) })
      }
      stream.abort(error instanceof Error ? error : new Error(code))
    } finally {
      release()
      work.end()
    }
  }

  return {
    async *request(peer, protocol, request, options) {
      assert(request.length <= limits.streamFrameBytesMax, 'a request fits one frame')
      connectionTo(peer)
      const work = begin(options.timeoutMs, `no complete answer within ${options.timeoutMs} ms`)
      const { signal } = work
      let stream: Stream | undefined
      let leave: (() => void) | undefined
      let complete = false
      try {
        leave = await outgoing.enter(`${peer} ${protocol}`, signal)
        stream = await open(peer, protocol, work)
        const reader = readFrames(stream, signal)
        await writeFrame(stream, request, { stallMs: options.timeoutMs, signal })
        void stream.close({ signal }).catch((error) => stream?.abort(error))
        for (let count = 0; ; count += 1) {
          const frame = await reader.next(options.frameBytesMax)
          if (frame === undefined) break
          if (count >= options.framesMax) {
            throw new WardlineError('stream-overflow', `the answer has more than ${options.framesMax} frames`)
          }
          yield frame
        }
        complete = true
      } finally {
        work.end()
        if (!complete) stream?.abort(new Error('the request ended early'))
        leave?.()
      }
    },

    serve(protocol, handler, { requestBytesMax }) {
      assert(requestBytesMax <= limits.streamFrameBytesMax, 'a request fits one frame')
      const onStream = async (stream: Stream, connection: Connection): Promise<void> => {
        const from = connection.remotePeer.toString()
        const key = `${from} ${protocol}`
        const running = incoming.get(key) ?? 0
        if (closed || running >= limits.streamsPerPeer || !parts.isAllowed(from)) {
          stream.abort(new Error('refused'))
          return
        }
        incoming.set(key, running + 1)
        // The registrar must not wait for the answer.
        void answer({ protocol, handler, requestBytesMax }, stream, from).finally(() => {
          const left = (incoming.get(key) ?? 1) - 1
          if (left === 0) incoming.delete(key)
          else incoming.set(key, left)
        })
      }
      assert(!node.getProtocols().includes(protocol), 'a protocol has one handler')
      void node.handle(protocol, onStream, {
        maxInboundStreams: limits.streamsPerPeer * STREAMS_SLACK,
        maxOutboundStreams: limits.streamsPerPeer * STREAMS_SLACK
      })
    },

    close() {
      closed = true
      for (const work of [...running]) work.abort('stream-closed', 'the network is closed')
    }
  }
}

/** Closes our side and waits for the client's; one that never closes is reset, so that its stream is not kept. */
async function finish(stream: Stream, stallMs: number): Promise<void> {
  // Not `AbortSignal.timeout`: its timer would stay for all of that time, for each stream.
  const closing = new AbortController()
  const late = setTimeout(() => closing.abort(), stallMs)
  try {
    await stream.close({ signal: closing.signal })
  } finally {
    clearTimeout(late)
  }
  if (stream.status === 'closed') return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      stream.abort(new Error('the client did not close its side'))
    }, stallMs)
    stream.addEventListener(
      'close',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true }
    )
    if (stream.status === 'reset' || stream.status === 'aborted') {
      clearTimeout(timer)
      resolve()
    }
  })
}

/** The items of `source` until `signal` aborts; then its reason is thrown and `source` is told to stop. */
async function* untilAborted(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  let abort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(reasonOf(signal))
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
  })
  aborted.catch(() => {})
  let done = false
  try {
    for (;;) {
      const item = await Promise.race([iterator.next(), aborted])
      if (item.done === true) {
        done = true
        return
      }
      yield item.value
    }
  } finally {
    if (abort !== undefined) signal.removeEventListener('abort', abort)
    // Not awaited: a handler that hangs in its own `await` would keep the stream.
    if (!done) void Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

/** One request or answer on its way: a signal of its own, deadlines that abort it, and an end that leaves no timer. */
type Work = {
  readonly signal: AbortSignal
  abort(code: string, message: string, cause?: unknown): void
  /** Aborts with `stream-timeout` after `timeoutMs`, unless the returned function is called before. */
  within(timeoutMs: number, message: string): () => void
  end(): void
}

function createWork(onEnd: () => void): Work {
  // Not `AbortSignal.any` over a signal of the network's life: that keeps a trace of every request until it aborts.
  const controller = new AbortController()
  const timers = new Set<NodeJS.Timeout>()
  let ended = false
  const work: Work = {
    signal: controller.signal,
    abort(code, message, cause) {
      if (!ended && !controller.signal.aborted) controller.abort(new WardlineError(code, message, { cause }))
    },
    within(timeoutMs, message) {
      const timer = setTimeout(() => work.abort('stream-timeout', message), timeoutMs)
      timers.add(timer)
      return () => {
        clearTimeout(timer)
        timers.delete(timer)
      }
    },
    end() {
      ended = true
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      onEnd()
    }
  }
  return work
}

/** Hands out at most `max` to each peer; what does not fit is refused. */
function createShares(max: number): { take(peer: PeerName, size: number): () => void } {
  const taken = new Map<PeerName, number>()
  return {
    take(peer, size) {
      const before = taken.get(peer) ?? 0
      if (before + size > max) throw new WardlineError('stream-closed', 'the peer has too many requests running')
      taken.set(peer, before + size)
      return () => {
        const left = (taken.get(peer) ?? size) - size
        if (left === 0) taken.delete(peer)
        else taken.set(peer, left)
      }
    }
  }
}

/** Lets at most `max` into each `key` at once; the others wait in order. */
function createTurns(max: number): { enter(key: string, signal: AbortSignal): Promise<() => void> } {
  const rooms = new Map<string, { inside: number; waiting: (() => void)[] }>()
  return {
    async enter(key, signal) {
      const room = rooms.get(key) ?? { inside: 0, waiting: [] }
      rooms.set(key, room)
      const leave = (): void => {
        const next = room.waiting.shift()
        if (next === undefined) room.inside -= 1
        else next()
        if (room.inside === 0) rooms.delete(key)
      }
      if (room.inside < max) {
        room.inside += 1
        return leave
      }
      await new Promise<void>((resolve, reject) => {
        const turn = (): void => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        }
        const onAbort = (): void => {
          room.waiting.splice(room.waiting.indexOf(turn), 1)
          reject(reasonOf(signal))
        }
        room.waiting.push(turn)
        signal.addEventListener('abort', onAbort, { once: true })
      })
      return leave
    }
  }
}
