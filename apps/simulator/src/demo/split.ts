/** Parts a plan in two, so that some journeys can go on while one hospital is away. */
import type { JourneyPlan, PatientPlan } from '@wardline/records'

export type SplitPlan = {
  readonly before: readonly PatientPlan[]
  /** Ends of journeys that do not touch the absent hospital. */
  readonly meanwhile: readonly PatientPlan[]
}

/**
 * Puts the ends of journeys into `meanwhile`: of each patient the last steps, as far back as `absent` neither sends nor
 * receives in them, until they hold about `changesWanted` changes of organisation. A patient's part in `before` must be over
 * before the other one begins; records and transmissions of the first part are known in the second.
 */
export function splitPlan(plan: JourneyPlan, absent: string, changesWanted: number): SplitPlan {
  const before: PatientPlan[] = []
  const meanwhile: PatientPlan[] = []
  let changes = 0
  for (const { patient, steps } of plan.patients) {
    let start = steps.length
    for (let i = steps.length - 1; i >= 0 && changes < changesWanted; i--) {
      const step = steps[i]
      if (step === undefined || (step.kind === 'change' && (step.from === absent || step.to === absent))) break
      if (step.kind !== 'change') continue
      start = i
      changes += 1
    }
    before.push({ patient, steps: steps.slice(0, start) })
    if (start < steps.length) meanwhile.push({ patient, steps: steps.slice(start) })
  }
  return { before, meanwhile }
}
