/** JSON-RPC 2.0, from the bytes of one message to the text of its answer. Knows no transport. */
import { ApiError, type Caller, type Dispatch, errorNumber, type Subscribe } from '@wardline/api'
import { AssertionError, limits } from '@wardline/codec'
import type { Log } from '@wardline/ports'
import { parseJson } from './json.ts'

export type Rpc = {
  readonly dispatch: Dispatch
  readonly subscribe: Subscribe
  readonly log: Log
  /** Told of a failed assertion after its caller has been answered; the daemon must stop. */
  readonly onBug: (error: AssertionError) => void
}

type Id = string | number | null

/** Holds the bytes of an answer to one call, and says whether there is room for it. */
export type TakeRoom = (bytes: number) => boolean

/**
 * `takeRoom` is asked as soon as the answer to a call has been made, for a batch may wait long for its other calls; a call
 * whose answer has no room is answered `busy`.
 * @returns the answer's JSON text, or undefined where nothing may be answered (notifications). Never rejects.
 */
export async function answerMessage(
  rpc: Rpc,
  message: Uint8Array,
  caller: Caller,
  takeRoom: TakeRoom
): Promise<string | undefined> {
  const parsed = parseJson(message)
  switch (parsed.kind) {
    case 'malformed':
      return errorText(null, new ApiError('parse-error', 'the message is not JSON in UTF-8'))
    case 'refused':
      return errorText(null, new ApiError('invalid-request', `the message ${parsed.what}`))
    case 'ok':
      return Array.isArray(parsed.value)
        ? answerBatch(rpc, parsed.value, caller, takeRoom)
        : answerOne(rpc, parsed.value, caller, takeRoom, { bytes: limits.rpcAnswerBytesMax })
  }
}

/** The text of an error answer; `data.code` is the stable code. */
export function errorText(id: Id, error: ApiError): string {
  const { code, message, data } = error
  return JSON.stringify({ jsonrpc: '2.0', error: { code: errorNumber(code), message, data: { ...data, code } }, id })
}

async function answerBatch(
  rpc: Rpc,
  batch: readonly unknown[],
  caller: Caller,
  takeRoom: TakeRoom
): Promise<string | undefined> {
  if (batch.length === 0) return errorText(null, new ApiError('invalid-request', 'the batch is empty'))
  if (batch.length > limits.rpcBatchMax) {
    return errorText(null, new ApiError('too-large', `a batch holds at most ${limits.rpcBatchMax} calls`))
  }
  const budget = { bytes: limits.rpcAnswerBytesMax }
  const answers: (string | undefined)[] = new Array(batch.length)
  let next = 0
  const work = async () => {
    while (next < batch.length) {
      const index = next++
      answers[index] = await answerOne(rpc, batch[index], caller, takeRoom, budget)
    }
  }
  await Promise.all(Array.from({ length: Math.min(batch.length, limits.rpcPipelineMax) }, work))
  const given = answers.filter((answer) => answer !== undefined)
  return given.length === 0 ? undefined : `[${given.join(',')}]`
}

/** `budget` is what the whole answer may still take; shared by the calls of a batch. */
async function answerOne(
  rpc: Rpc,
  request: unknown,
  caller: Caller,
  takeRoom: TakeRoom,
  budget: { bytes: number }
): Promise<string | undefined> {
  const parsed = parseRequest(request)
  if (parsed.kind === 'invalid') return errorText(parsed.id, new ApiError('invalid-request', parsed.what))
  const { method, params, id } = parsed
  let answer: string
  try {
    const result = await rpc.dispatch(method, params, caller)
    answer = `{"jsonrpc":"2.0","result":${JSON.stringify(result) ?? 'null'},"id":${JSON.stringify(id ?? null)}}`
  } catch (error) {
    answer = errorText(id ?? null, toApiError(rpc, method, error))
  }
  if (id === undefined) return undefined
  const bytes = Buffer.byteLength(answer)
  if (bytes > budget.bytes) {
    return errorText(id, new ApiError('too-large', `an answer holds at most ${limits.rpcAnswerBytesMax} bytes`))
  }
  if (!takeRoom(bytes)) return errorText(id, new ApiError('busy', 'too many answers are not read; try again'))
  budget.bytes -= bytes
  return answer
}

type ParsedRequest =
  | { readonly kind: 'call'; readonly method: string; readonly params: unknown; readonly id: Id | undefined }
  | { readonly kind: 'invalid'; readonly id: Id; readonly what: string }

function parseRequest(request: unknown): ParsedRequest {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    return { kind: 'invalid', id: null, what: 'a call must be an object' }
  }
  const { jsonrpc, method, params, id } = request as Record<string, unknown>
  const hasId = Object.hasOwn(request, 'id')
  if (hasId && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return { kind: 'invalid', id: null, what: 'id must be a string, a number or null' }
  }
  const known = hasId ? (id as Id) : null
  if (jsonrpc !== '2.0') return { kind: 'invalid', id: known, what: 'jsonrpc must be "2.0"' }
  if (typeof method !== 'string') return { kind: 'invalid', id: known, what: 'method must be a string' }
  if (params !== undefined && (typeof params !== 'object' || params === null)) {
    return { kind: 'invalid', id: known, what: 'params must be an object or an array' }
  }
  return { kind: 'call', method, params, id: hasId ? known : undefined }
}

/** What was not thrown for the caller is not shown to the caller; the log gets where it happened, never its message. */
export function toApiError(rpc: Rpc, method: string, error: unknown): ApiError {
  if (error instanceof ApiError) {
    if (error.cause !== undefined)
      rpc.log.warn('A call met a failing world.', { method, code: error.code, ...whereOf(error.cause) })
    return error
  }
  rpc.log.error('A call failed inside.', { method, ...whereOf(error) })
  if (error instanceof AssertionError) rpc.onBug(error)
  return new ApiError('internal-error', 'the call failed inside the daemon; its log says where')
}

function whereOf(error: unknown): { error: string; at: string } {
  if (!(error instanceof Error)) return { error: typeof error, at: '' }
  const frame = /^\s+at .*$/m.exec(error.stack ?? '')?.[0] ?? ''
  return { error: error.name, at: frame.trim() }
}
