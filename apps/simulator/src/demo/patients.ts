/** Takes several patients through their journeys at once. */
import type { PatientPlan } from '@wardline/records'

/** Enough to keep the daemons of one machine busy, few enough that each patient is seen to move. */
const PATIENTS_AT_ONCE = 12

/**
 * Runs `one` for every patient. `isStopped` tells it that another one has failed, so that it need not go on.
 * @throws the first failure, when all have stopped
 */
export async function forPatients(
  patients: readonly PatientPlan[],
  one: (patient: PatientPlan, isStopped: () => boolean) => Promise<void>
): Promise<void> {
  const waiting = [...patients]
  let failure: { readonly error: unknown } | undefined
  const isStopped = () => failure !== undefined
  const runner = async () => {
    for (let next = waiting.shift(); next !== undefined && !isStopped(); next = waiting.shift()) {
      try {
        await one(next, isStopped)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: PATIENTS_AT_ONCE }, runner))
  if (failure !== undefined) throw failure.error
}
