/** What a run can do to its hospitals, by name. */
import type { Scenario } from './scenario.ts'
import { freeze, killAll, killOne, killStarting, oneDead } from './scenarios/crashes.ts'
import { editedDatabase, fullDisk, restoredBackup, secondDaemon } from './scenarios/disks.ts'
import { halves, minority, oneWay, resets, slowLinks } from './scenarios/links.ts'
import { changedValidators } from './scenarios/validators.ts'

export const SCENARIOS: readonly Scenario[] = [
  killOne,
  killAll,
  killStarting,
  freeze,
  oneDead,
  halves,
  minority,
  oneWay,
  slowLinks,
  resets,
  secondDaemon,
  editedDatabase,
  fullDisk,
  restoredBackup,
  changedValidators
]
