/**
 * What a drawing has side by side: one column for each transmission while there are few. Many are gathered by time: within a
 * bin, all that one hospital sent is one column, with an arrow to each hospital that it went to.
 */
import type { MemberId } from '@wardline/codec'
import type { DeliveryState, Transmission } from '../graph.ts'

export type Arrow = {
  readonly to: MemberId
  /** Of those gathered here the one that needs most attention. */
  readonly state: DeliveryState
  /** How many hand-offs, and how many of them are in that state. */
  readonly count: number
  readonly inState: number
}

export type Column = {
  /** From 1, as the badge and the table say. */
  readonly number: number
  readonly sender: MemberId
  /** At least one, in the order of the chain. */
  readonly transmissions: readonly [Transmission, ...Transmission[]]
  readonly arrows: readonly Arrow[]
  /** The first column of its bin. */
  readonly isFirstOfBin: boolean
}

export type Columns = { readonly columns: readonly Column[]; readonly isBinned: boolean }

/** Bins that are tried, until no more than the wanted number of columns come of them. */
const BIN_COUNTS = [48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1] as const

/** At most about `columnsMax` columns: more only where one bin has more senders. */
export function columnsOf(transmissions: readonly Transmission[], columnsMax: number): Columns {
  if (transmissions.length <= columnsMax) {
    const columns = transmissions.map((transmission, i) => columnOf([transmission], i, true))
    return { columns, isBinned: false }
  }
  const options = BIN_COUNTS.map((bins) => gathered(transmissions, bins))
  const fitting = options.find(({ length }) => length <= columnsMax) ?? (options.at(-1) as Gathered[])
  const columns = fitting.map(({ transmissions: some, bin }, i) => columnOf(some, i, bin !== fitting[i - 1]?.bin))
  return { columns, isBinned: true }
}

type Gathered = { readonly bin: number; readonly transmissions: [Transmission, ...Transmission[]] }

/** By bin and sender; within a bin in the order of their first transmissions. */
function gathered(transmissions: readonly Transmission[], bins: number): Gathered[] {
  const startMs = transmissions[0]?.timeMs ?? 0
  const spanMs = (transmissions.at(-1)?.timeMs ?? 0) - startMs + 1
  const groups = new Map<string, Gathered>()
  for (const transmission of transmissions) {
    const bin = Math.floor(((transmission.timeMs - startMs) * bins) / spanMs)
    const key = `${bin} ${transmission.sender}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { bin, transmissions: [transmission] })
    else group.transmissions.push(transmission)
  }
  return [...groups.values()]
}

function columnOf(transmissions: Gathered['transmissions'], index: number, isFirstOfBin: boolean): Column {
  const states = new Map<MemberId, DeliveryState[]>()
  for (const { member, state } of transmissions.flatMap(({ to }) => to)) {
    const those = states.get(member)
    if (those === undefined) states.set(member, [state])
    else those.push(state)
  }
  const arrows = Array.from(states, ([to, all]): Arrow => {
    const state = worstOf(all)
    return { to, state, count: all.length, inState: all.filter((one) => one === state).length }
  })
  return { number: index + 1, sender: transmissions[0].sender, transmissions, arrows, isFirstOfBin }
}

/** Which state is shown of several: the one that needs most attention. */
export function worstOf(states: readonly DeliveryState[]): DeliveryState {
  return states.reduce<DeliveryState>((worst, one) => (ATTENTION[one] > ATTENTION[worst] ? one : worst), 'opened')
}

const ATTENTION: Readonly<Record<DeliveryState, number>> = {
  opened: 0,
  sent: 1,
  'lost-key': 2,
  refused: 3,
  'broken-path': 4,
  mismatch: 5
}
