/** The types of the method table: what a hospital implements and what a client calls. */
import type { ChainId, Height } from '@wardline/codec'
import type { z } from 'zod'
import type { Role } from './method.ts'
import type { MethodName, methods } from './methods.ts'
import type { connectionMethods, TopicName, topics } from './topics.ts'

/** What an implementation knows of its caller. */
export type CallContext = {
  readonly role: Role
  /** Who asks, as asserted by the hospital; never verified here. */
  readonly actor?: string
  /** Aborted when the caller is gone: waiting may stop; what was accepted stays accepted. */
  readonly signal?: AbortSignal
}

/** Parameters after validation, defaults filled in; without `actor`, which is in the context. */
export type Params<M extends MethodName> = DeepReadonly<Omit<z.output<(typeof methods)[M]['params']>, 'actor'>>
/** Parameters as a client gives them. */
export type ParamsInput<M extends MethodName> = DeepReadonly<z.input<(typeof methods)[M]['params']>>
export type Result<M extends MethodName> = DeepReadonly<z.output<(typeof methods)[M]['result']>>

/** One function for each method. Failures are thrown as `ApiError`; anything else thrown is an internal error. */
export type Api = {
  readonly [M in MethodName]: (params: Params<M>, context: CallContext) => Promise<Result<M>>
}

/** Told of a call of an audited method that its caller's socket may not make, before that is answered. Failures are as of `Api`. */
export type Denied = (method: MethodName, context: CallContext) => Promise<void>

export type EventOf<T extends TopicName> = DeepReadonly<z.output<(typeof topics)[T]['event']>>

/**
 * What one height brought. `height` is where the reader stands after it: everything up to it has been said, in this notice or
 * before, and nothing of above. Heights never fall. Without events it only says how far the search has come.
 */
export type Notice<T extends TopicName = TopicName> = {
  readonly height: Height
  readonly events: readonly EventOf<T>[]
}

/** A topic of one chain from above `height` on. The next notice is looked for when it is asked for; nothing is held for a slow reader. */
export type Feed<T extends TopicName = TopicName> = {
  readonly chain: ChainId
  readonly height: Height
  /** Ends, without or with an error, once the context's signal is aborted. What it throws is as of a method. */
  readonly notices: AsyncIterable<Notice<T>>
}

export type SubscribeParams = DeepReadonly<z.output<(typeof connectionMethods)['subscribe']['params']>>
/** As a client gives them, and what it is answered. */
export type SubscribeInput = DeepReadonly<z.input<(typeof connectionMethods)['subscribe']['params']>>
export type Subscribed = DeepReadonly<z.output<(typeof connectionMethods)['subscribe']['result']>>

/** Opens the feeds of all topics. Failures are as of `Api`. */
export type OpenFeed = (params: Omit<SubscribeParams, 'actor'>, context: CallContext) => Promise<Feed>

export type Status = Result<'status'>
export type StatusProblem = Status['problems'][number]
export type ChainStatus = Status['chains'][number]
export type Submitted = Result<'tx.submit'>
export type TransactionState = Submitted['state']
export type Trace = Result<'record.trace'>
export type TraceEdge = Trace['edges'][number]
export type Holder = Trace['holders'][number]
export type MemberName = Trace['origin']

type DeepReadonly<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer E)[]
    ? readonly DeepReadonly<E>[]
    : { readonly [K in keyof T]: DeepReadonly<T[K]> }
