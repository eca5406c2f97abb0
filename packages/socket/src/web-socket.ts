/** JSON-RPC by WebSocket, one message a text frame in both directions. No compression: what a client sends is as large as it is. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { ApiError } from '@wardline/api'
import { limits } from '@wardline/codec'
import { type ServerOptions, WebSocketServer } from 'ws'
import { type Conversation, type ConversationParts, converse } from './conversation.ts'
import { followFrames } from './frames.ts'

export type WebSockets = {
  /** Answers the request for an upgrade; `begun` is told once it has been granted. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer, begun: (conversation: Conversation) => void): void
}

/** Bounds that the library's types do not have yet. */
type Options = ServerOptions & { readonly maxFragments: number; readonly maxBufferedChunks: number }

/** Pieces of one frame, in which a client may send it byte by byte. */
const CHUNKS_MAX = 65_536

export function createWebSockets(parts: ConversationParts): WebSockets {
  const options: Options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.rpcBodyBytesMax,
    maxFragments: limits.rpcFragmentsMax,
    maxBufferedChunks: CHUNKS_MAX,
    // The library would queue an answer to each ping, however many there are and whether or not they are read.
    autoPong: false
  }
  const server = new WebSocketServer(options)
  return {
    upgrade(request, socket, head, begun) {
      server.handleUpgrade(request, socket, head, (client) => {
        const frames = followFrames()
        const conversation = converse(parts, {
          send: (text, sent) => client.send(text, { binary: false }, sent),
          pause: () => client.pause(),
          resume: () => client.resume(),
          close: (why) => client.close(why === undefined ? 1000 : closeCode(why), why?.code),
          destroy: () => client.terminate()
        })
        const follow = (chunk: Buffer) => {
          frames.push(chunk)
          conversation.progress(frames.pendingBytes(), frames.begun())
        }
        client.on('message', (message: Buffer, isBinary) => {
          if (isBinary) conversation.refuse(new ApiError('invalid-request', 'messages are text frames'))
          else conversation.receive(message)
        })
        client.on('ping', (data) => {
          // RFC 6455, section 5.5.3: who is behind may answer the newest ping alone.
          if (socket.writableLength === 0 && client.readyState === client.OPEN) client.pong(data)
        })
        // The library answers what is no frame, or too large, with its close code, and closes.
        client.on('error', (error: NodeJS.ErrnoException) => {
          parts.rpc.log.debug('A WebSocket ended.', { code: error.code ?? error.name })
        })
        client.on('close', () => conversation.closed())
        socket.on('data', follow)
        socket.setTimeout(parts.timeouts.idleMs, () => conversation.idle())
        begun(conversation)
      })
    }
  }
}

/** RFC 6455, section 7.4.1, and the registry that it opens. */
function closeCode({ code }: ApiError): number {
  switch (code) {
    case 'too-large':
      return 1009
    case 'invalid-request':
      return 1003
    case 'unavailable':
      return 1001
    case 'busy':
      return 1013
    default:
      return 1008
  }
}
