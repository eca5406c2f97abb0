/** What a daemon derives from committed blocks, apart from custody. Pure. */
export { accessFold } from './access/fold.ts'
export {
  type AccessEntry,
  type AccessPage,
  type AccessRows,
  accessPage,
  type GrantStatus,
  grantStatus
} from './access/query.ts'
export {
  DUTY_DUE_MS,
  dutiesFold,
  type EraseDuty,
  isOverdue,
  type OpenDuty,
  openDuty,
  pendingDuties,
  pendingErasures,
  type RangeRead
} from './duties/duties.ts'
export { timelineFold } from './timeline/fold.ts'
export {
  isVersion,
  recordVersion,
  recordVersions,
  type TimelineEntry,
  type TimelineFilter,
  type TimelinePage,
  type TimelineRows,
  timelinePage,
  type VersionEntry
} from './timeline/query.ts'
export type { TimelineKind } from './timeline/rows.ts'
