/** Graphs made by hand for tests of drawing and export. */
import { type Hash, type Height, height, type MemberId, type RecordId, type TransactionId } from '@wardline/codec'
import type { CustodyGraph, Delivery, DeliveryState, Transmission } from '../src/index.ts'

const HOUR = 60 * 60 * 1000
export const START = Date.UTC(2026, 10, 20, 10, 41, 2)

const name = <T>(number: number) => number.toString(16).padStart(64, '0') as T
export const member = (number: number) => name<MemberId>(number)

/** `[from, to, state]`, or several receivers: `[from, [to, state], [to, state]]`; hospitals are numbers, 0 the origin. */
export type Hop = readonly [from: number, ...to: (readonly [to: number, state: DeliveryState])[]]

/** Transmissions two seconds and one block apart, answered in the block after. */
export function graphOf(hops: readonly Hop[], options: { readonly everyMs?: number } = {}): CustodyGraph {
  const everyMs = options.everyMs ?? 2000
  const received = new Map<number, TransactionId>()
  const transmissions = hops.map(([from, ...to], i): Transmission => {
    const id = name<TransactionId>(1000 + i)
    const at = { timeMs: START + i * everyMs, height: height(5 + 2 * i) }
    const deliveries = to.map(([hospital, state]) => delivery(hospital, state, at, i))
    const via = from === 0 ? null : (received.get(from) ?? null)
    for (const [hospital, state] of to) if (state === 'opened' && !received.has(hospital)) received.set(hospital, id)
    return {
      id,
      via,
      sender: member(from),
      ...at,
      place: 0,
      purpose: 'treatment',
      consent: null,
      content: name<Hash>(7),
      to: deliveries
    }
  })
  return { recordId: `4f2a91c03b7e5d20${'0'.repeat(48)}` as RecordId, origin: member(0), transmissions, complete: true }
}

function delivery(
  hospital: number,
  state: DeliveryState,
  sent: { timeMs: number; height: Height },
  i: number
): Delivery {
  if (state === 'sent') return { member: member(hospital), state, ack: null }
  const ack = {
    id: name<TransactionId>(9000 + i),
    timeMs: sent.timeMs + 700,
    height: height(sent.height + 1),
    place: 0
  }
  return { member: member(hospital), state, ack }
}

/** The graph, recalled at this time; these have attested a second later. */
export function recalledAt(graph: CustodyGraph, timeMs: number, attested: readonly number[]): CustodyGraph {
  const at = { height: height(5000), place: 0 }
  const mark = { id: name<TransactionId>(7001), timeMs: timeMs + 1000, ...at }
  const by = new Map(attested.map((hospital) => [member(hospital), { ...mark, via: null }]))
  return { ...graph, recall: { id: name<TransactionId>(7000), timeMs, ...at, attested: by } }
}

const HOSPITALS = [
  'Quillmere General Hospital',
  'Norrowby Heart Centre',
  'Thistlewick Infirmary',
  'Alderfen University Clinic'
]

export function hospitalName(hospital: MemberId): string {
  const number = Number.parseInt(hospital, 16)
  return HOSPITALS[number] ?? `Hospital ${number}`
}

export const DAY = 24 * HOUR
