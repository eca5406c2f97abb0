/**
 * Hands records over as the EHRs of the hospitals would: through each hospital's own `ehr` socket, one call for a
 * transmission, and then waiting until the receiver's acknowledgement of it is final.
 */

import type { RecordId } from '@wardline/codec'
import { type TransactionId, WardlineError } from '@wardline/codec'
import { type FhirRecord, type PatientPlan, recordBytes, type Transfer } from '@wardline/records'
import { memberOn } from '../local-network/network.ts'
import { TRANSFERS } from './chains.ts'
import { FHIR_JSON } from './fhir-json.ts'
import { type Hospitals, siteOf } from './hospitals.ts'
import { forPatients } from './patients.ts'

export type Delivered = {
  readonly transmission: TransactionId
  readonly from: string
  readonly to: string
}

/** What a record's travels have come to. */
export type Trail = {
  readonly record: RecordId
  /** In the order in which they became final. */
  readonly deliveries: Delivered[]
}

export type Counts = { changes: number; transmissions: number; acknowledged: number; height: number }

export type Courier = {
  readonly counts: Readonly<Counts>
  /** By record key. */
  readonly trails: ReadonlyMap<string, Trail>
  /** Replays patients, several at once; each one's steps in order. @throws the first failure, when all have stopped */
  replay(patients: readonly PatientPlan[]): Promise<void>
  /** One hand-off of a new small record that belongs to no journey, and is not counted. */
  sendNote(from: string, to: string): Promise<Trail>
}

const SEND_MS_MAX = 60_000
const ACK_MS_MAX = 60_000
const ACK_POLL_MS = 20
const ACK_POLL_MS_MAX = 250

export function createCourier(hospitals: Hospitals, onProgress: () => void): Courier {
  const counts: Counts = { changes: 0, transmissions: 0, acknowledged: 0, height: 0 }
  const trails = new Map<string, Trail>()
  const records = new Map<string, FhirRecord>()

  async function patient({ steps }: PatientPlan, isStopped: () => boolean): Promise<void> {
    for (const step of steps) {
      if (isStopped()) return
      if (step.kind === 'visit') {
        records.set(step.record.key, step.record)
        continue
      }
      await Promise.all(step.transfers.map((transfer) => handOver(transfer, step.from, step.to)))
      counts.changes += 1
      onProgress()
    }
  }

  async function handOver(transfer: Transfer, from: string, to: string): Promise<void> {
    const trail = trails.get(transfer.record)
    const { transmission, record } = await send(from, to, what(transfer, trail, from))
    const delivered = { transmission, from, to }
    if (trail === undefined) trails.set(transfer.record, { record, deliveries: [delivered] })
    else trail.deliveries.push(delivered)
    counts.transmissions += 1
    onProgress()
    await acknowledged(record, delivered)
    counts.acknowledged += 1
    onProgress()
  }

  /** A new record goes with its bytes; one's own sent before by its id; a received one by the transmission that brought it. */
  function what({ record: key, via }: Transfer, trail: Trail | undefined, from: string) {
    if (via === null && trail !== undefined) return { record: trail.record }
    if (via === null) {
      const record = records.get(key)
      if (record === undefined) throw new RangeError('a record is made before it is sent')
      const content = Buffer.from(recordBytes(record)).toString('base64')
      return { content, descriptor: FHIR_JSON }
    }
    const brought = trail?.deliveries.find((delivery) => delivery.to === from)
    if (brought === undefined) throw new RangeError('a record is received before it is sent on')
    return { via: brought.transmission }
  }

  async function send(from: string, to: string, content: ReturnType<typeof what>) {
    const receiver = memberOn(siteOf(hospitals, to), TRANSFERS)
    const { daemon } = siteOf(hospitals, from)
    const sent = await daemon.ehr.call('record.send', {
      ...content,
      chain: TRANSFERS,
      to: [receiver],
      timeoutMs: SEND_MS_MAX
    })
    counts.height = Math.max(counts.height, sent.height ?? 0)
    return { transmission: sent.id, record: sent.record }
  }

  /** @throws WardlineError `daemon-gone`; `not-acknowledged`, where the receiver could not open it or said nothing in time */
  async function acknowledged(record: RecordId, { transmission, from, to }: Delivered): Promise<void> {
    const { daemon } = siteOf(hospitals, from)
    const receiver = siteOf(hospitals, to)
    const member = memberOn(receiver, TRANSFERS)
    const untilMs = performance.now() + ACK_MS_MAX
    for (let pauseMs = ACK_POLL_MS; ; pauseMs = Math.min(pauseMs * 1.5, ACK_POLL_MS_MAX)) {
      const { edges, height } = await daemon.ehr.call('record.trace', { chain: TRANSFERS, record })
      const edge = edges.find((one) => one.transmission === transmission && one.to.member === member)
      counts.height = Math.max(counts.height, height)
      if (edge?.state === 'opened') return
      if (receiver.daemon.end() !== null)
        throw new WardlineError('daemon-gone', `${receiver.name} has no daemon any more`)
      const isLate = performance.now() > untilMs
      if (isLate || (edge !== undefined && edge.state !== 'sent')) {
        throw new WardlineError('not-acknowledged', `transmission ${transmission} was not opened: ${edge?.state}`)
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  return {
    counts,
    trails,

    replay: (patients) => forPatients(patients, patient),

    async sendNote(from, to) {
      const content = Buffer.from('{"resourceType":"Basic"}').toString('base64')
      const { transmission, record } = await send(from, to, { content, descriptor: FHIR_JSON })
      const delivered = { transmission, from, to }
      await acknowledged(record, delivered)
      return { record, deliveries: [delivered] }
    }
  }
}
