/**
 * Requests for records that an owner answered with nothing but `busy`, since their hospital had used up its entries. They are on
 * no chain, so this is all that is kept of them: a count, and one warning in the log for each hospital and minute.
 */
import type { MemberId } from '@wardline/codec'
import type { Clock, Log, Timer } from '@wardline/ports'

/** From a hospital's first such request to the warning about the others that came meanwhile. */
const TOLD_EVERY_MS = 60_000

export type TurnedAway = {
  /** Another one by this hospital. Only members are counted, so there are not many. */
  add(hospital: MemberId): void
  /** Since the start, of all hospitals. */
  count(): number
}

export type TurnedAwayParts = {
  readonly clock: Clock
  readonly log: Log
  /** Aborted when the chain is left: what has not been told by then is told at once. */
  readonly signal: AbortSignal
}

export function createTurnedAway({ clock, log, signal }: TurnedAwayParts): TurnedAway {
  /** Not told of yet, by hospital; a hospital is here for a minute after each warning about it. */
  const untold = new Map<MemberId, { count: number; readonly timer: Timer }>()
  let total = 0

  function warn(hospital: MemberId, count: number): void {
    log.warn('requests for records were turned away', { member: hospital, count })
  }

  function rest(hospital: MemberId): void {
    untold.set(hospital, { count: 0, timer: clock.after(TOLD_EVERY_MS, () => tell(hospital)) })
  }

  function tell(hospital: MemberId): void {
    const { count } = untold.get(hospital) ?? { count: 0 }
    untold.delete(hospital)
    if (count === 0) return
    warn(hospital, count)
    rest(hospital)
  }

  signal.addEventListener('abort', () => {
    for (const [hospital, { count, timer }] of untold) {
      timer.cancel()
      if (count > 0) warn(hospital, count)
    }
    untold.clear()
  })

  return {
    add(hospital) {
      total += 1
      const known = untold.get(hospital)
      if (known !== undefined) {
        known.count += 1
        return
      }
      warn(hospital, 1)
      if (!signal.aborted) rest(hospital)
    },
    count: () => total
  }
}
