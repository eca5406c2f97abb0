/** What can be asked of a daemon, and by whom. */
export type {
  Api,
  CallContext,
  ChainStatus,
  Holder,
  MemberName,
  Params,
  ParamsInput,
  Result,
  Status,
  StatusProblem,
  Submitted,
  Trace,
  TraceEdge,
  TransactionState
} from './api.ts'
export { type Caller, createDispatcher, type Dispatch } from './dispatch.ts'
export { ApiError, ERROR_CODES, type ErrorCode, errorNumber } from './error.ts'
export { MEMBER_ROLES, type Method, type MethodName, methods, PURPOSES, type Role } from './methods.ts'
export { type OpenRpcDocument, type OpenRpcMethod, openRpcDocument } from './open-rpc.ts'
