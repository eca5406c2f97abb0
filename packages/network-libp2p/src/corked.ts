/**
 * Sends what one turn of the event loop writes to a connection with one system call.
 *
 * libp2p's TCP connection writes every piece of every frame by itself: at least two system calls and two packets per
 * message. Here the socket is corked by its first write of a turn and uncorked when the turn's work is done, which delays
 * nothing: `nextTick` runs before anything else happens.
 */

import { Socket } from 'node:net'
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'
import { assert } from '@wardline/codec'

/** `encrypter`, for connections that are corked as soon as they are handed to it. */
export function corked<T>(create: (components: T) => ConnectionEncrypter): (components: T) => ConnectionEncrypter {
  return (components) => {
    const encrypter = create(components)
    return new Proxy(encrypter, {
      get(target, key) {
        if (key === 'secureInbound' || key === 'secureOutbound') {
          return (connection: MessageStream, ...rest: [never]) => {
            corkTurns(connection)
            return target[key](connection, ...rest)
          }
        }
        return Reflect.get(target, key, target)
      }
    })
  }
}

function corkTurns(connection: MessageStream): void {
  const { socket } = connection as MessageStream & { socket?: unknown }
  assert(socket instanceof Socket, 'libp2p keeps the socket of a TCP connection under this name')
  const write = socket.write.bind(socket)
  let isCorked = false
  const uncork = (): void => {
    isCorked = false
    socket.uncork()
  }
  socket.write = ((...args: Parameters<typeof write>) => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      process.nextTick(uncork)
    }
    return write(...args)
  }) as typeof write
}
