/** JSON-RPC 2.0 on Unix sockets, one socket for each role. */
export type { Timeouts } from './bounds.ts'
export { type ServeOptions, type SocketServer, type SocketSpec, serveDispatch, serveSockets } from './serve.ts'
