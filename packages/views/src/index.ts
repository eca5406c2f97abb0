/** What a daemon derives from committed blocks, apart from custody. Pure. */
export {
  DUTY_DUE_MS,
  dutiesFold,
  dutyOfChange,
  isOverdue,
  type OpenDuty,
  openDuty,
  openDutyRange,
  pendingDuties,
  type RangeRead
} from './duties/duties.ts'
