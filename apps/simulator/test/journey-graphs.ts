/**
 * The journeys of a published set of synthetic patients, the hand-offs that a replay of them means, and whether custody's rows
 * on a daemon's disk say the same of every record.
 */
import type { MemberId, RecordId } from '@wardline/codec'
import { handOffs, heldRecords, holdersAt, pathOfCopy, type Rows, traceRecord } from '@wardline/custody'
import type { Journey, PatientPlan } from '@wardline/records'
import * as assert from 'uvu/assert'
import { sharedBytes } from '../../../test/shared-folder.ts'

type Step = { readonly t: string; readonly encounter: string; readonly org: string }
type Stored = { readonly patient: string; readonly handoffs: number; readonly steps: readonly Step[] }

/**
 * Where patients were seen and when; the records themselves do not matter here, only which there are. Undefined where ../shared
 * is absent.
 */
export function readJourneys(): { readonly journeys: readonly Journey[]; readonly changes: number } | undefined {
  const bytes = sharedBytes('data/synthea-r4/journeys.ndjson.gz')
  if (bytes === undefined) return undefined
  const stored: Stored[] = bytes
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const journeys = stored.map(
    ({ patient, steps }): Journey => ({
      patient,
      steps: steps
        .map(({ t, encounter, org }) => {
          const startMs = Date.parse(t)
          const record = { key: encounter, resources: [] as never }
          return { encounterId: encounter, organisation: org, practitioner: null, startMs, endMs: startMs, record }
        })
        .sort((a, b) => a.startMs - b.startMs || (a.encounterId < b.encounterId ? -1 : 1))
    })
  )
  return { journeys, changes: stored.reduce((sum, { handoffs }) => sum + handoffs, 0) }
}

/** One hand-off of a record, as the replay means it. `via`: which earlier hand-off of the record, from 0; null for the origin. */
export type Meant = { readonly record: string; readonly from: string; readonly to: string; readonly via: number | null }

/**
 * What every daemon is to be told, in rounds: the hand-offs of one round do not depend on each other. After a patient's last
 * change come sends to hospitals that hold the record already: back to its origin, and from the origin to the first receiver
 * once more, so that graphs have cycles and parallel edges.
 */
export function roundsOf(patients: readonly PatientPlan[]): readonly (readonly Meant[])[] {
  const rounds: Meant[][] = []
  for (const { steps } of patients) {
    const trails = new Map<string, Meant[]>()
    let round = 0
    const add = (meant: readonly Meant[]) => {
      rounds[round] ??= []
      rounds[round]?.push(...meant)
      for (const one of meant) trails.set(one.record, [...(trails.get(one.record) ?? []), one])
      round += 1
    }
    for (const step of steps) {
      if (step.kind === 'visit') continue
      const { from, to, transfers } = step
      add(
        transfers.map(({ record, via }) => {
          const brought = (trails.get(record) ?? []).findIndex((one) => one.to === from)
          return { record, from, to, via: via === null ? null : brought }
        })
      )
    }
    const travelled = [...trails.values()].filter((_, i) => i % 3 === 0)
    add(
      travelled.map((trail) => {
        const last = trail.at(-1) as Meant
        return { record: last.record, from: last.to, to: (trail[0] as Meant).from, via: trail.length - 1 }
      })
    )
    add(travelled.map((trail) => ({ ...(trail[0] as Meant), via: null })))
  }
  return rounds
}

export type Replayed = {
  readonly rows: Rows
  readonly members: ReadonlyMap<string, MemberId>
  readonly records: ReadonlyMap<string, RecordId>
  /** Of every record, in the order of the chain. */
  readonly meant: ReadonlyMap<string, readonly Meant[]>
}

/** Every record's graph against what was meant, and what every hospital holds. */
export async function checkGraphs({ rows, members, records, meant }: Replayed) {
  const member = (id: string) => members.get(id) as MemberId
  const held = new Map<MemberId, Set<RecordId>>()
  let cyclic = 0
  let parallel = 0
  for (const [key, trail] of meant) {
    const record = records.get(key) as RecordId
    const graph = await traceRecord(rows, record)
    assert.ok(graph?.complete)
    const numbers = new Map(graph.transmissions.map(({ id }, i) => [id, i]))
    assert.equal(
      handOffs(graph).map(({ transmission: { sender, via }, delivery }) => [
        sender,
        delivery.member,
        delivery.state,
        via === null ? null : numbers.get(via)
      ]),
      trail.map(({ from, to, via }) => [member(from), member(to), 'opened', via])
    )
    // Whoever was first sent it, in that order; each by the hand-off that was its first.
    const first = new Map<string, number | null>([[(trail[0] as Meant).from, null]])
    for (const [i, { to }] of trail.entries()) if (!first.has(to)) first.set(to, i)
    assert.equal(
      holdersAt(graph).map(({ member: holder, through }) => [holder, through === null ? null : numbers.get(through)]),
      [...first].map(([holder, through]) => [member(holder), through])
    )
    for (const holder of first.keys()) {
      const path: number[] = []
      for (let i = first.get(holder) ?? null; i !== null; i = trail[i]?.via ?? null) path.unshift(i)
      const found = pathOfCopy(rows, record, member(holder))
      assert.equal(
        found?.hops.map(({ transmission: { id } }) => numbers.get(id)),
        path
      )
      held.set(member(holder), (held.get(member(holder)) ?? new Set()).add(record))
    }
    const pairs = trail.map(({ from, to }) => `${from} ${to}`)
    parallel += new Set(pairs).size < pairs.length ? 1 : 0
    cyclic += trail.some(({ to }) => to === trail[0]?.from) ? 1 : 0
  }
  for (const holder of members.values()) {
    const found = await heldRecords(rows, holder, { limit: 10_000 })
    assert.equal(
      found.map(({ recordId }) => recordId),
      [...(held.get(holder) ?? [])].sort()
    )
  }
  return { cyclic, parallel }
}
