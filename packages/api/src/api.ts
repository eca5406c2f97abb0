/** The types of the method table: what a hospital implements and what a client calls. */
import type { z } from 'zod'
import type { MethodName, methods, Role } from './methods.ts'

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
