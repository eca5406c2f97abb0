/** What the bench measures, in numbers: pure arithmetic over what was counted. */
import type { Kind, KindTraits } from './kinds.ts'

/** One line of the bench's output. */
export type Figure = {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The kind of transaction that the clients made; null where it does not matter. */
  readonly kind: Kind | null
  readonly clients: number | null
  /** What the value is measured against, or what it counts. */
  readonly against: string
  /** The bound that the project set itself, if there is one. */
  readonly reach?: { readonly atMost: number } | { readonly atLeast: number }
}

/** CPU time of one operation, milliseconds, by the plain library, on one thread with nothing around it. */
export type RequiredCosts = { readonly verifyMs: number; readonly sealMs: number; readonly openMs: number }

/** What became final in a measured window. */
export type WindowCounts = {
  /** Calls of the clients that were answered, each with its transaction. */
  readonly made: number
  /** All transactions, acknowledgements included. */
  readonly final: number
}

/**
 * CPU time, milliseconds, of the cryptography that nobody can do without: every daemon verifies once every signature that a
 * transaction must carry, and what is transmitted is sealed to each receiver once and opened there once.
 */
export function requiredCpuMs(
  { made, final }: WindowCounts,
  { signatures, receivers }: Pick<KindTraits, 'signatures' | 'receivers'>,
  daemons: number,
  costs: RequiredCosts
): number {
  const { verifyMs, sealMs, openMs } = costs
  return final * signatures.length * daemons * verifyMs + made * receivers * (sealMs + openMs)
}

/** The value below or at which the share `q` (0 to 1) of `values` lies, by nearest rank. @throws RangeError for no values */
export function percentile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]
  if (value === undefined) throw new RangeError('a percentile of nothing')
  return value
}

export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('a mean of nothing')
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Three significant digits and no more: the machine's noise is larger than the rest. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

/** For people. */
export function figureText({ name, value, unit, kind, clients, against, reach }: Figure): string {
  const where = [kind, clients === null ? null : `${clients} client${clients === 1 ? '' : 's'}`].filter(
    (part) => part !== null
  )
  const bound = reach === undefined ? '' : ` [${boundText(value, reach)}]`
  return `${name}${where.length === 0 ? '' : ` (${where.join(', ')})`}: ${value} ${unit}${bound}; ${against}`
}

function boundText(value: number, reach: NonNullable<Figure['reach']>): string {
  const isReached = 'atMost' in reach ? value <= reach.atMost : value >= reach.atLeast
  const bound = 'atMost' in reach ? `at most ${reach.atMost}` : `at least ${reach.atLeast}`
  return `${isReached ? 'reached' : 'NOT reached'}: ${bound}`
}

/** The longest time between two of the ascending `times`, the ends of the window `fromMs..toMs` included. */
export function longestGapMs(times: readonly number[], fromMs: number, toMs: number): number {
  let longest = 0
  let before = fromMs
  for (const time of [...times, toMs]) {
    longest = Math.max(longest, time - before)
    before = time
  }
  return longest
}
