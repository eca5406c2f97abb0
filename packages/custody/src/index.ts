/** Who holds which record, through whom and since when: the transmission-directed graph. Pure. */
export { drawSwimlanes } from './draw/swimlanes.ts'
export type { DrawOptions } from './draw/view.ts'
export { type CustodyJson, custodyDot, custodyJson } from './export.ts'
export { custodyFold } from './fold.ts'
export {
  type CustodyGraph,
  type Delivery,
  type DeliveryState,
  downstreamOf,
  type HandOff,
  type Holder,
  handOffs,
  holdersAt,
  type Moment,
  type Position,
  pathOf,
  pathTo,
  type Transmission,
  type Unacknowledged,
  unacknowledged
} from './graph.ts'
export { type HeldRecord, heldRecord, heldRecords, type Rows, traceRecord } from './trace.ts'
export {
  type BrokenPathCode,
  type IsSigned,
  type KeyOf,
  type PathEvidence,
  type PathLink,
  type PathPlan,
  type PathVerdict,
  pathPlan,
  verifyPath
} from './verify-path.ts'
