/** The control sockets of a daemon: one for each role, all answering from the same method table. */
import type { Server } from 'node:http'
import { type Api, createDispatcher, type Dispatch, type Role } from '@wardline/api'
import type { AssertionError } from '@wardline/codec'
import type { Log } from '@wardline/ports'
import { type Budget, createHttpServer, HTTP_TIMEOUTS, type HttpTimeouts } from './http.ts'
import { listenOnPath } from './listen.ts'

export type SocketSpec = {
  readonly path: string
  readonly role: Role
  /** Mode of the file; left out: 0600 for `admin`, 0660 for the others. */
  readonly mode?: number
}

export type ServeOptions = {
  readonly sockets: readonly SocketSpec[]
  readonly log: Log
  readonly timeouts?: Partial<HttpTimeouts>
  /** Left out: the error is thrown out of any call, which ends the process. */
  readonly onBug?: (error: AssertionError) => void
}

export type SocketServer = {
  /** Open connections over all sockets. */
  connections(): Promise<number>
  /** Stops accepting, lets running calls end for at most `graceMs` (5,000), then cuts them; removes the files. */
  close(graceMs?: number): Promise<void>
}

/**
 * Serves `api` on Unix sockets. All are listening when this resolves; if one cannot, none stays.
 * @throws WardlineError `socket-path-too-long | socket-path-taken | socket-in-use | socket-failed`
 */
export function serveSockets(options: ServeOptions & { readonly api: Api }): Promise<SocketServer> {
  return serveDispatch({ ...options, dispatch: createDispatcher(options.api) })
}

/** As `serveSockets`, for any table of methods. */
export async function serveDispatch(options: ServeOptions & { readonly dispatch: Dispatch }): Promise<SocketServer> {
  const rpc = { dispatch: options.dispatch, log: options.log, onBug: options.onBug ?? throwOutside }
  const budget: Budget = { pendingBytes: 0 }
  const timeouts = { ...HTTP_TIMEOUTS, ...options.timeouts }
  const servers: Server[] = []
  try {
    for (const { path, role, mode } of options.sockets) {
      const server = createHttpServer(rpc, role, budget, timeouts)
      await listenOnPath(server, path, mode ?? (role === 'admin' ? 0o600 : 0o660))
      servers.push(server)
    }
  } catch (error) {
    await Promise.all(servers.map((server) => closeServer(server, 0)))
    throw error
  }
  return {
    connections: async () => (await Promise.all(servers.map(countConnections))).reduce((sum, count) => sum + count, 0),
    close: async (graceMs = 5_000) => {
      await Promise.all(servers.map((server) => closeServer(server, graceMs)))
    }
  }
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

function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
