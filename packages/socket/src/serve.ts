/** The control sockets of a daemon: one for each role, all answering from the same method table. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import {
  type Api,
  createDispatcher,
  createSubscriber,
  type Denied,
  type Dispatch,
  type OpenFeed,
  type Role,
  type Subscribe
} from '@wardline/api'
import type { AssertionError } from '@wardline/codec'
import type { Log } from '@wardline/ports'
import { type Budget, createBudget, TIMEOUTS, type Timeouts } from './bounds.ts'
import type { Conversation, ConversationParts } from './conversation.ts'
import { type Splitting, splitByFirstByte } from './first-byte.ts'
import { createHttpServer } from './http.ts'
import { listenOnPath } from './listen.ts'
import { serveRaw } from './raw.ts'
import { createWebSockets } from './web-socket.ts'

export type SocketSpec = {
  readonly path: string
  readonly role: Role
  /** Mode of the file; left out: 0600 for `admin`, 0660 for the others. */
  readonly mode?: number
}

export type ServeOptions = {
  readonly sockets: readonly SocketSpec[]
  readonly log: Log
  readonly timeouts?: Partial<Timeouts>
  /** Left out: the error is thrown out of any call, which ends the process. */
  readonly onBug?: (error: AssertionError) => void
}

/** What the clients of one socket make the daemon hold, bytes; see `rpcPendingBytesMax` and `rpcUnreadBytesOfAllMax`. */
export type Held = { readonly role: Role; readonly pendingBytes: number; readonly unreadBytes: number }

export type SocketServer = {
  /** For each socket, in the order of `sockets`. */
  held(): readonly Held[]
  /** Open connections over all sockets. */
  connections(): Promise<number>
  /** Stops accepting, ends subscriptions, lets running calls end for at most `graceMs` (5,000), then cuts them; removes the files. */
  close(graceMs?: number): Promise<void>
}

/** One listener, whatever its clients speak. */
type Listener = {
  readonly role: Role
  readonly budget: Budget
  readonly server: Server
  readonly conversations: ReadonlySet<Conversation>
  readonly splitting: Splitting
}

/**
 * Serves `api` and `feeds` on Unix sockets. All are listening when this resolves; if one cannot, none stays.
 * @throws WardlineError `socket-path-too-long | socket-path-taken | socket-in-use | socket-failed`
 */
export function serveSockets(
  options: ServeOptions & { readonly api: Api; readonly openFeed: OpenFeed; readonly denied?: Denied }
): Promise<SocketServer> {
  const { api, openFeed, denied, ...rest } = options
  const dispatch = createDispatcher(api, denied === undefined ? {} : { denied })
  return serveDispatch({ ...rest, dispatch, subscribe: createSubscriber(openFeed) })
}

/** As `serveSockets`, for any table of methods. */
export async function serveDispatch(
  options: ServeOptions & { readonly dispatch: Dispatch; readonly subscribe: Subscribe }
): Promise<SocketServer> {
  const { dispatch, subscribe, log } = options
  const rpc = { dispatch, subscribe, log, onBug: options.onBug ?? throwOutside }
  const timeouts = { ...TIMEOUTS, ...options.timeouts }
  const listeners: Listener[] = []
  try {
    for (const { path, role, mode } of options.sockets) {
      const listener = createListener({ rpc, role, budget: createBudget(), timeouts })
      await listenOnPath(listener.server, path, mode ?? (role === 'admin' ? 0o600 : 0o660))
      listeners.push(listener)
    }
  } catch (error) {
    await Promise.all(listeners.map((listener) => closeListener(listener, 0)))
    throw error
  }
  return {
    held: () =>
      listeners.map(({ role, budget: { pending, unread } }) => ({
        role,
        pendingBytes: pending.bytes,
        unreadBytes: unread.bytes
      })),
    connections: async () =>
      (await Promise.all(listeners.map(({ server }) => countConnections(server)))).reduce(
        (sum, count) => sum + count,
        0
      ),
    close: async (graceMs = 5_000) => {
      await Promise.all(listeners.map((listener) => closeListener(listener, graceMs)))
    }
  }
}

function createListener(parts: ConversationParts): Listener {
  const { rpc, role, budget, timeouts } = parts
  const conversations = new Set<Conversation>()
  const keep = (socket: Socket, conversation: Conversation) => {
    conversations.add(conversation)
    socket.once('close', () => conversations.delete(conversation))
  }
  const server = createHttpServer(rpc, role, budget, timeouts)
  const webSockets = createWebSockets(parts)
  server.on('upgrade', (request, socket: Socket, head) => {
    webSockets.upgrade(request, socket, head, (conversation) => keep(socket, conversation))
  })
  const splitting = splitByFirstByte(server, timeouts.idleMs, (socket) => keep(socket, serveRaw(socket, parts)))
  return { role, budget, server, conversations, splitting }
}

function throwOutside(error: AssertionError): void {
  setImmediate(() => {
    throw error
  })
}

function countConnections(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}

function closeListener({ server, conversations, splitting }: Listener, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      server.closeAllConnections()
      for (const conversation of conversations) conversation.cut()
    }, graceMs)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
    splitting.closeSilent()
    for (const conversation of conversations) conversation.finish()
  })
}
