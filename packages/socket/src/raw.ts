/** JSON-RPC as a stream of JSON in both directions: answers and events end with a line feed, messages need none. */
import type { Socket } from 'node:net'
import { ApiError } from '@wardline/api'
import { limits } from '@wardline/codec'
import { type Conversation, type ConversationParts, converse } from './conversation.ts'
import { createSplitter } from './split.ts'

const LINE_END = Buffer.from('\n')

/** Speaks with the client of `socket`, of which nothing has been read; the first bytes were put back. */
export function serveRaw(socket: Socket, parts: ConversationParts): Conversation {
  const splitter = createSplitter(limits.rpcBodyBytesMax)
  let begun = 0
  const conversation = converse(parts, {
    send: (text, sent) => {
      socket.cork()
      socket.write(text)
      socket.write(LINE_END, sent)
      socket.uncork()
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => {
      // What still comes is thrown away, for a client that only writes must not keep its connection.
      socket.removeListener('data', take)
      socket.resume()
      socket.end(() => socket.destroy())
    },
    destroy: () => void socket.destroy()
  })

  function take(chunk: Buffer): void {
    for (const piece of splitter.push(chunk)) {
      begun += 1
      switch (piece.kind) {
        case 'message':
          conversation.receive(piece.bytes)
          break
        case 'garbage':
          conversation.refuse(new ApiError('parse-error', 'messages are JSON objects and arrays'))
          return
        case 'too-large':
          conversation.refuse(new ApiError('too-large', `a request holds at most ${limits.rpcBodyBytesMax} bytes`))
          return
      }
    }
    conversation.progress(splitter.pendingBytes(), begun)
  }

  socket.setTimeout(parts.timeouts.idleMs)
  socket.on('timeout', () => conversation.idle())
  socket.on('data', take)
  socket.on('end', () => conversation.inputEnded())
  // What went wrong shows in what follows: the connection is closed.
  socket.on('error', () => {})
  socket.on('close', () => conversation.closed())
  return conversation
}
