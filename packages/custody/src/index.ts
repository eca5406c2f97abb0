/** Who holds which record, through whom and since when: the transmission-directed graph. Pure. */

export {
  type ConsentStanding,
  type ConsentTerms,
  consentStanding,
  edgesOfInvalidConsents,
  isBounded,
  type TermsOf
} from './consent.ts'
export type { Selection } from './draw/selection.ts'
export { drawSwimlanes } from './draw/swimlanes.ts'
export type { DrawOptions, TerminalOptions } from './draw/view.ts'
export { type CustodyJson, custodyJson } from './export/json.ts'
export { createCustodyFold } from './fold.ts'
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
  membersOf,
  type Position,
  pathOf,
  pathTo,
  type Recall,
  type RecallState,
  type Transmission,
  type Unacknowledged,
  unacknowledged
} from './graph.ts'
export { type Item, type ItemsOptions, itemsOf } from './items.ts'
export {
  type CommonAncestor,
  type CopyPath,
  commonAncestor,
  type Edge,
  type EdgeFilter,
  edgesBetween,
  edgesIn,
  edgesOf,
  edgesOfConsent,
  edgesRecalled,
  edgesUnconsented,
  holdersOf,
  type Page,
  type PageOptions,
  pathOfCopy,
  type RecalledOrigin
} from './queries.ts'
export { custodyNotes, drawnHandOffs, FORMS, type Form, renderCustody } from './render.ts'
export type { OpenState } from './rows.ts'
export { sealContextOf } from './seal-context.ts'
export {
  type HeldRecord,
  heldRecord,
  heldRecords,
  type Rows,
  recallIn,
  traceRecord,
  transmissionsOf
} from './trace.ts'
export { tracePlan, tracePlanTo } from './trace-plan.ts'
export { type TraceFailure, type TraceVerdict, verifyTrace } from './trace-receipt.ts'
export {
  type ClaimVerdict,
  type JudgedClaim,
  type JudgedEnvelope,
  judgeClaim,
  judgeClaims,
  type MismatchVerdict,
  verifyMismatch
} from './verify-mismatch.ts'
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
