/** What a caller is told when a call fails: a stable code, one sentence, and data that never holds content, names of persons or keys. */

/**
 * Thrown by implementations of `Api`; a server maps it to JSON-RPC. `code` is one of `ERROR_CODES` or a refusal code of the
 * ledger (such as `not-a-holder`); callers branch on it. `message` is one sentence for people and may change.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: string
  readonly data: Readonly<Record<string, unknown>> | undefined

  constructor(
    code: string,
    message: string,
    data?: Readonly<Record<string, unknown>>,
    options?: { readonly cause?: unknown }
  ) {
    super(message, options)
    this.code = code
    this.data = data
  }
}

/** The codes of this interface with the numbers JSON-RPC needs. Numbers exist nowhere else. */
export const ERROR_CODES = {
  'parse-error': -32700,
  'invalid-request': -32600,
  'method-not-found': -32601,
  'invalid-params': -32602,
  'internal-error': -32603,
  /** The ledger's rules refuse it; `data.code` says which rule. */
  refused: -32000,
  /** This socket's role may not call the method. */
  'not-permitted': -32001,
  /** The deadline passed; `data.id` names a transaction that was already accepted, and stays so, `data.record` and others what it is about. */
  timeout: -32002,
  /** No such chain, block, transaction, record or member here. */
  'not-found': -32003,
  /** A name that fits several members (`data.members` lists their ids), or no chain named among several (`data.chains`). */
  ambiguous: -32004,
  /** Too much at once: connections, calls or pending transactions. Retry later. */
  busy: -32005,
  /** The daemon cannot do this now (starting, catching up, stopping, disk failing); the message says why. */
  unavailable: -32006,
  /** Bytes that should prove something do not. */
  'verification-failed': -32007,
  /** The record's payload is not held here, or not any more. */
  'payload-not-here': -32008,
  /** A request, a batch or an answer larger than its limit. */
  'too-large': -32009,
  /** The method is for chains of another mode. */
  'wrong-mode': -32010,
  /** The daemon takes part in that chain already. */
  'chain-exists': -32011,
  /** Events are asked for from above a height that this daemon has not come to; `data.height` is its head. */
  'height-ahead': -32012,
  /** The method needs a connection that stays: WebSocket or the raw stream. */
  'needs-stream': -32013,
  /** The client does not read what it is sent; the connection ends. */
  'slow-reader': -32014,
  /** By what this hospital noted of it (consent.note), the named consent is withdrawn or not in force. */
  'consent-invalid': -32015
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** The JSON-RPC number of a code; every code that is not of this interface is a refusal by the ledger. */
export function errorNumber(code: string): number {
  return Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code as ErrorCode] : ERROR_CODES.refused
}
