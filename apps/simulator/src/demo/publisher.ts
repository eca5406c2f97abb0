/**
 * Shares every visit's record in the alliance, as the EHR of the hospital that is visited would. A patient is enrolled by the
 * first hospital, which keeps the wallet; the others are told the alias, so that all write on one timeline.
 */
import type { Alias } from '@wardline/codec'
import { type PatientPlan, recordBytes } from '@wardline/records'
import { ALLIANCE } from './chains.ts'
import { FHIR_JSON } from './fhir-json.ts'
import { type Hospitals, siteOf } from './hospitals.ts'
import { forPatients } from './patients.ts'
import type { Staff } from './staff.ts'

export type PublisherCounts = { records: number; height: number }

export type Publisher = {
  readonly counts: Readonly<PublisherCounts>
  /** By patient. */
  readonly aliases: ReadonlyMap<string, Alias>
  /** Several patients at once; each one's records in the order of the visits. @throws the first failure */
  replay(patients: readonly PatientPlan[]): Promise<void>
}

const PUBLISH_MS_MAX = 60_000

export function createPublisher(hospitals: Hospitals, staff: Staff, onProgress: () => void): Publisher {
  const counts: PublisherCounts = { records: 0, height: 0 }
  const aliases = new Map<string, Alias>()

  async function patient({ patient: reference, steps }: PatientPlan, isStopped: () => boolean): Promise<void> {
    const visits = steps.filter((step) => step.kind === 'visit')
    const [first] = visits
    if (first === undefined) return
    const { ehr } = siteOf(hospitals, first.hospital).daemon
    const { alias } = await ehr.call('alias.open', { chain: ALLIANCE, patient: reference })
    await ehr.call('patient.enrol', { chain: ALLIANCE, patient: reference, basis: 'consent' })
    aliases.set(reference, alias)
    for (const visit of visits) {
      if (isStopped()) return
      const { height } = await siteOf(hospitals, visit.hospital).daemon.ehr.call('record.publish', {
        chain: ALLIANCE,
        alias,
        content: Buffer.from(recordBytes(visit.record)).toString('base64'),
        descriptor: FHIR_JSON,
        doctors: [staff.doctorOf(visit)],
        timeoutMs: PUBLISH_MS_MAX
      })
      counts.records += 1
      counts.height = Math.max(counts.height, height ?? 0)
      onProgress()
    }
  }

  return { counts, aliases, replay: (patients) => forPatients(patients, patient) }
}
