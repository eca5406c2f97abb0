/** For programs that talk to a daemon, and for checking what it said without it. */
export { CallError, type CallOptions, connectSocket, type SocketClient } from './socket-client.ts'
export { parsePin, type ReceiptCheck, verifyReceiptFile } from './verify-receipt.ts'
