/** One listener for two protocols: a client that begins with JSON speaks the raw stream, any other HTTP. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { isOpening, isSpace } from './split.ts'

export type Splitting = {
  /** Closes the connections on which nothing has been said yet. */
  closeSilent(): void
}

/**
 * Hands connections of `server` to `takeRaw`, with their first bytes still to be read, where the first byte is one that JSON-RPC
 * begins with, and else to the server itself, which stays what it is otherwise. One that says nothing for `idleMs` is closed.
 */
export function splitByFirstByte(server: Server, idleMs: number, takeRaw: (socket: Socket) => void): Splitting {
  const takeHttp = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  const silent = new Set<Socket>()
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const destroy = () => void socket.destroy()
    silent.add(socket)
    socket.setTimeout(idleMs)
    for (const event of ['timeout', 'end', 'error']) socket.once(event, destroy)
    socket.once('close', () => silent.delete(socket))
    socket.once('data', (first: Buffer) => {
      silent.delete(socket)
      socket.pause()
      for (const event of ['timeout', 'end', 'error']) socket.removeListener(event, destroy)
      socket.setTimeout(0)
      socket.unshift(first)
      const byte = first[0] as number
      if (isOpening(byte) || isSpace(byte)) takeRaw(socket)
      else for (const take of takeHttp) take.call(server, socket)
      socket.resume()
    })
  })
  return {
    closeSilent() {
      for (const socket of silent) socket.destroy()
    }
  }
}
