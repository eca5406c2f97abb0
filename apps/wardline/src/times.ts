/** Times as people write them. */
import { usage } from './exit.ts'

/** A day, or a moment that says its offset: a year alone, or the clock of whoever types, would be a guess. */
const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** Milliseconds since the epoch; a day begins at midnight UTC. @throws CommandFailure `usage` */
export function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const timeMs = TIME.test(text) && isDay(text.slice(0, 10)) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(timeMs)) throw usage(`${option} must be a time that exists, such as 2027-12-31T00:00:00Z.`)
  return timeMs
}

/** Date.parse takes 30 February for 2 March. */
function isDay(text: string): boolean {
  const dayMs = Date.parse(text)
  return !Number.isNaN(dayMs) && new Date(dayMs).toISOString().startsWith(text)
}

/** How long a daemon is to try, from seconds as people say them; left out, the daemon knows. */
export function timeoutMsOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000)
}
