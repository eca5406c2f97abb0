/** From a name and untrusted parameters to a call of the implementation: lookup, authorisation, validation, in this order. */
import { unreachable, WardlineError } from '@wardline/codec'
import type { z } from 'zod'
import type { Api, CallContext, Denied, Feed, OpenFeed, SubscribeParams } from './api.ts'
import { ApiError } from './error.ts'
import type { Method, Role } from './method.ts'
import { type MethodName, methods } from './methods.ts'
import { openRpcDocument } from './open-rpc.ts'
import { actor as actorSchema } from './schema.ts'
import { connectionMethods, type TopicName, topics } from './topics.ts'

/** What a server needs to know of a caller; `actor` comes with the parameters. */
export type Caller = { readonly role: Role; readonly signal?: AbortSignal }

/** Resolves with the result, or rejects with an `ApiError`, or with whatever bug or failure the implementation threw. */
export type Dispatch = (method: string, params: unknown, caller: Caller) => Promise<unknown>

/** A topic as a caller subscribed to it. */
export type OpenedFeed = Feed & { readonly topic: TopicName }

/** From untrusted parameters of `subscribe` to a feed; rejects as `Dispatch` does. */
export type Subscribe = (params: unknown, caller: Caller) => Promise<OpenedFeed>

type Row = { readonly name: string; readonly keys: readonly string[] } & Method

const rowOf = (name: string, row: Method): Row => ({ ...row, name, keys: Object.keys(row.params.shape) })
const rows = new Map<string, Row>(
  Object.entries(methods as Record<string, Method>).map(([name, row]) => [name, rowOf(name, row)])
)
const subscribeRow = rowOf('subscribe', connectionMethods.subscribe)
const unsubscribeRow = rowOf('unsubscribe', connectionMethods.unsubscribe)

/**
 * Serves the method table from `api`, and `rpc.discover` from the table itself.
 * With `checkResults` every answer is held against its schema (for tests: it costs more than the call).
 */
export function createDispatcher(
  api: Api,
  options: { readonly checkResults?: boolean; readonly denied?: Denied } = {}
): Dispatch {
  return async (name, params, caller) => {
    if (name === 'rpc.discover') return openRpcDocument()
    const row = rows.get(name)
    if (row === undefined && Object.hasOwn(connectionMethods, name)) {
      throw new ApiError('needs-stream', `${name} needs a connection that stays: WebSocket, or the raw stream`)
    }
    if (row === undefined) throw new ApiError('method-not-found', `there is no method ${printable(name)}`)
    if (!row.roles.includes(caller.role)) {
      if (row.audited)
        await options.denied?.(name as MethodName, contextOf(caller, actorIn(row, params))).catch(rethrow)
      throw new ApiError('not-permitted', `${name} may be called on the ${row.roles.join(' and ')} socket only`)
    }
    const { actor, ...rest } = parseParams(row, params)
    const context = contextOf(caller, actor)
    // The table pairs each name with the parameter type that `rest` has just been checked for.
    const implementation = api[name as keyof Api] as (params: unknown, context: CallContext) => Promise<unknown>
    const result = await implementation(rest, context).catch(rethrow)
    if (options.checkResults) row.result.parse(result)
    return result
  }
}

/** Serves `subscribe` from `open`. */
export function createSubscriber(open: OpenFeed): Subscribe {
  return async (params, caller) => {
    const { actor, ...rest } = parseParams(subscribeRow, params) as SubscribeParams
    const { topic } = rest
    const { roles } = topics[topic]
    if (!roles.includes(caller.role)) {
      throw new ApiError('not-permitted', `${topic} may be followed on the ${roles.join(' and ')} socket only`)
    }
    const feed = await open(rest, contextOf(caller, actor)).catch(rethrow)
    return { ...feed, topic, notices: orRethrow(feed.notices) }
  }
}

/** The subscription that untrusted parameters of `unsubscribe` name. @throws ApiError `invalid-params` */
export function parseUnsubscribe(params: unknown): number {
  return parseParams(unsubscribeRow, params)['subscription'] as number
}

async function* orRethrow<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items
  } catch (error) {
    rethrow(error)
  }
}

function contextOf({ role, signal }: Caller, actor: unknown): CallContext {
  return { role, ...(typeof actor === 'string' && { actor }), ...(signal !== undefined && { signal }) }
}

/** A failing disk or network is not the caller's fault and not a bug: `unavailable`, naming only the stable code. */
function rethrow(error: unknown): never {
  if (error instanceof WardlineError) {
    throw new ApiError(
      'unavailable',
      `the daemon cannot do this now (${error.code})`,
      { reason: error.code },
      { cause: error }
    )
  }
  throw error
}

/** Who asks, of parameters that nobody has looked at. */
function actorIn({ keys }: Row, params: unknown): string | undefined {
  if (typeof params !== 'object' || params === null) return undefined
  const given = Array.isArray(params) ? params[keys.indexOf('actor')] : (params as Record<string, unknown>)['actor']
  return actorSchema.safeParse(given).data
}

function parseParams(row: Row, params: unknown): Record<string, unknown> {
  const parsed = row.params.safeParse(byName(row, params))
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.slice(0, 10).map((issue) => describeIssue(issue, row.keys))
  throw new ApiError('invalid-params', `${row.name}: ${problems.join('; ')}`, { problems })
}

function byName(row: Row, params: unknown): unknown {
  if (params === undefined) return {}
  if (!Array.isArray(params)) return params
  if (params.length > row.keys.length) {
    throw new ApiError(
      'invalid-params',
      `${row.name}: takes at most ${row.keys.length} parameters, got ${params.length}`
    )
  }
  return Object.fromEntries(params.map((value, index) => [row.keys[index] as string, value]))
}

/** One clause that names the parameter and what is wanted, never the value that was given. */
function describeIssue(issue: z.core.$ZodIssue, keys: readonly string[]): string {
  const where = issue.path.map((part) => printable(String(part))).join('.') || 'the parameters'
  switch (issue.code) {
    case 'unrecognized_keys':
      return `unknown ${issue.keys.slice(0, 3).map(printable).join(', ')} (known: ${keys.join(', ') || 'none'})`
    case 'invalid_type':
      return `${where} must be ${issue.expected === 'int' ? 'an integer' : `of type ${issue.expected}`}`
    case 'invalid_value':
      return `${where} must be one of ${issue.values.map(String).join(', ')}`
    case 'too_big':
      return `${where} ${customMessage(issue.message) ?? `must be at most ${issue.maximum}${unit(issue.origin)}`}`
    case 'too_small':
      return `${where} must be at least ${issue.minimum}${unit(issue.origin)}`
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_key':
    case 'invalid_union':
    case 'not_multiple_of':
      return `${where} ${customMessage(issue.message) ?? 'is not acceptable'}`
    default:
      return unreachable(issue)
  }
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters'
  return origin === 'array' ? ' entries' : ''
}

/** Messages that the schemas of this package wrote; the library's own are not passed on. */
function customMessage(message: string): string | undefined {
  return /^(?:must|give) /.test(message) ? message : undefined
}

/** A name from outside is repeated only if it looks like a name: it might be content that went astray. */
function printable(name: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/.test(name) ? name : '(unprintable name)'
}
