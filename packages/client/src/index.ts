/** For programs that talk to a daemon, and for checking what it said without it. */
export { CallError } from './answer.ts'
export type { FollowOptions, Standing } from './follow.ts'
export { type CallOptions, connectSocket, type SocketClient } from './socket-client.ts'
export { parsePin, type ReceiptCheck, verifyReceiptFile } from './verify-receipt.ts'
