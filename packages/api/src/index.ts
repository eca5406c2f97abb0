/** What can be asked of a daemon, and by whom. */
export type {
  Api,
  CallContext,
  ChainStatus,
  Denied,
  EventOf,
  Feed,
  Holder,
  MemberName,
  Notice,
  OpenFeed,
  Params,
  ParamsInput,
  Result,
  Status,
  StatusProblem,
  Submitted,
  Subscribed,
  SubscribeInput,
  Trace,
  TraceEdge,
  TransactionState
} from './api.ts'
export {
  type Caller,
  createDispatcher,
  createSubscriber,
  type Dispatch,
  type OpenedFeed,
  parseUnsubscribe,
  type Subscribe
} from './dispatch.ts'
export { ApiError, ERROR_CODES, type ErrorCode, errorNumber } from './error.ts'
export type { Method, Role } from './method.ts'
export { type MethodName, methods } from './methods.ts'
export { type OpenRpcDocument, type OpenRpcMethod, openRpcDocument } from './open-rpc.ts'
export { TOPICS, type TopicName, topics } from './topics.ts'
export { ACKNOWLEDGE, MEMBER_ROLES, PURPOSES } from './vocabulary.ts'
