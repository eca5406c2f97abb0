/** Verifying many signatures for one verdict. */
import type { SignatureCheck } from '@wardline/consensus'
import type { Urgency, Verifier } from '@wardline/crypto'

/** A bad signature costs the main thread about a millisecond, so few are begun before the first answer is known. */
const AT_ONCE = 8

/** Whether all of `checks` hold, in small groups up to the first that does not: a peer may attach thousands of worthless ones. */
export function allHold(verifier: Verifier, checks: readonly SignatureCheck[], urgency: Urgency): Promise<boolean> {
  return allTrue(checks, ({ key, message, signature }) => verifier.verify(key, message, signature, urgency))
}

/** Whether `test` is true of all, some at once and stopping at the first group with one of which it is not. */
export async function allTrue<T>(list: readonly T[], test: (one: T) => Promise<boolean>): Promise<boolean> {
  for (let from = 0; from < list.length; from += AT_ONCE) {
    const verdicts = await Promise.all(list.slice(from, from + AT_ONCE).map(test))
    if (verdicts.includes(false)) return false
  }
  return true
}
