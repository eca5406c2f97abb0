/**
 * yamux, with its limits, and with a way to ping each connection: a host that vanished without a word is noticed after
 * one missed answer instead of after the operating system's quarter of an hour.
 */

import type { ComponentLogger, MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { assert, limits } from '@wardline/codec'

/** Protocols with request streams that one peer may fill, and gossip's own few streams. */
const STREAMS_PER_CONNECTION = limits.streamsPerPeer * 4 + 8
/** Unread bytes of one stream that a peer may have on its way: 40 MB/s at a round trip of 25 ms. */
const STREAM_WINDOW_BYTES_MAX = 1024 * 1024
const PING_TIMEOUT_MS = 10_000

/** What yamux 8.0.3 has beyond libp2p's interface of a muxer; the version is pinned, and `windowed` checks it. */
type YamuxMuxer = StreamMuxer & {
  ping(options: { signal: AbortSignal }): Promise<number>
  onCreateStream(): YamuxStream
  onRemoteStream(stream: YamuxStream): void
}
type YamuxStream = {
  readonly state: number
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  sendWindowUpdate(): void
}
/** The states in which nothing but the size of the window is to be told. */
const SYN_SENT = 1
const ESTABLISHED = 3

export type WatchedMuxer = {
  readonly factory: (components: { logger: ComponentLogger }) => StreamMuxerFactory
  /** Pings every connection; one that does not answer within 10 s is cut. Never rejects. */
  pingAll(): Promise<void>
}

export function createWatchedMuxer(): WatchedMuxer {
  const muxers = new Map<YamuxMuxer, MessageStream>()

  const ping = async (muxer: YamuxMuxer, connection: MessageStream): Promise<void> => {
    if (muxer.status !== 'open') return
    try {
      await muxer.ping({ signal: AbortSignal.timeout(PING_TIMEOUT_MS) })
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error('ping failed'))
    }
  }

  return {
    factory: () => {
      const inner = yamux({
        enableKeepAlive: false,
        maxInboundStreams: STREAMS_PER_CONNECTION,
        maxOutboundStreams: STREAMS_PER_CONNECTION,
        streamOptions: {
          maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX,
          // Must hold a whole window: a stream whose reader pauses is reset above this.
          maxReadBufferLength: 2 * STREAM_WINDOW_BYTES_MAX
        }
      })()
      return {
        protocol: inner.protocol,
        createStreamMuxer(connection) {
          const muxer = windowed(inner.createStreamMuxer(connection) as StreamMuxer as YamuxMuxer)
          muxers.set(muxer, connection)
          connection.addEventListener('close', () => void muxers.delete(muxer), { once: true })
          // The first round trip time lets yamux widen its windows.
          void ping(muxer, connection)
          return muxer
        }
      }
    },
    async pingAll() {
      await Promise.all([...muxers].map(([muxer, connection]) => ping(muxer, connection)))
    }
  }
}

/**
 * yamux answers every piece of data with a window update, a frame of its own: with small messages that is as many frames
 * again. Here, as in other implementations, one is sent when half of the window is used up.
 */
function windowed(muxer: YamuxMuxer): YamuxMuxer {
  const late = (stream: YamuxStream): YamuxStream => {
    assert(typeof stream.recvWindow === 'number' && typeof stream.recvWindowCapacity === 'number', 'yamux has windows')
    const update = stream.sendWindowUpdate.bind(stream)
    stream.sendWindowUpdate = () => {
      const isOnlySize = stream.state === SYN_SENT || stream.state === ESTABLISHED
      if (!isOnlySize || stream.recvWindowCapacity <= stream.recvWindow / 2) update()
    }
    return stream
  }
  const create = muxer.onCreateStream.bind(muxer)
  const receive = muxer.onRemoteStream.bind(muxer)
  muxer.onCreateStream = () => late(create())
  muxer.onRemoteStream = (stream) => receive(late(stream))
  return muxer
}
