/** What the bench measures, in numbers: pure arithmetic over what was counted. */

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
  readonly reach?: { readonly atMost: number }
}

export const KINDS = ['stt.send', 'member.register'] as const
export type Kind = (typeof KINDS)[number]

/** CPU time of one operation, milliseconds, by the plain library, on one thread with nothing around it. */
export type RequiredCosts = { readonly verifyMs: number; readonly sealMs: number; readonly openMs: number }

/** What became final in a measured window. */
export type WindowCounts = {
  /** Transactions that the clients made. */
  readonly made: number
  /** All transactions, acknowledgements included. */
  readonly final: number
  /** Receivers of one transmission; 0 for kinds that transmit nothing. */
  readonly receivers: number
}

/**
 * CPU time, milliseconds, of the cryptography that nobody can do without: every daemon verifies every transaction once, and
 * each transmission is sealed to each receiver once and opened there once. Openings are counted by the acknowledgements,
 * which may lag behind the transmissions.
 */
export function requiredCpuMs(counts: WindowCounts, daemons: number, costs: RequiredCosts): number {
  const acknowledged = counts.final - counts.made
  const opened = counts.receivers === 0 ? 0 : acknowledged
  return (
    counts.final * daemons * costs.verifyMs +
    counts.made * counts.receivers * costs.sealMs +
    Math.max(0, opened) * costs.openMs
  )
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
  const bound =
    reach === undefined ? '' : ` [${value <= reach.atMost ? 'reached' : 'NOT reached'}: at most ${reach.atMost}]`
  return `${name}${where.length === 0 ? '' : ` (${where.join(', ')})`}: ${value} ${unit}${bound}; ${against}`
}
