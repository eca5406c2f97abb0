/** Records that are shared with a whole alliance. */
import {
  forEachClient,
  type Ground,
  newRecord,
  ofClient,
  patientOf,
  siteAt,
  TIMEOUT_MS,
  type Workload
} from './workload.ts'

/**
 * `record.publish` by the client's hospital, of a new record of a patient who enrolled there, signed by one of its doctors.
 * Each client has a patient of its own.
 */
export async function publishing({ sites, label, clients }: Ground, recordBytes: number): Promise<Workload> {
  const doctors = await Promise.all(
    sites.map(async ({ daemon }) => {
      const who = { chain: label, name: 'Doctor of the bench', role: 'doctor', reference: 'doctor' } as const
      return (await daemon.admin.call('person.create', who)).member
    })
  )
  const patients = await forEachClient(clients, async (client) => {
    const { ehr } = siteAt(sites, client).daemon
    const patient = { chain: label, patient: patientOf(client) }
    const { alias } = await ehr.call('alias.open', patient)
    await ehr.call('patient.enrol', { ...patient, timeoutMs: TIMEOUT_MS })
    return { alias, doctor: ofClient(doctors, client % sites.length) }
  })
  return {
    async call(client) {
      const { alias, doctor } = ofClient(patients, client)
      const content = newRecord(recordBytes)
      const params = { chain: label, alias, content, doctors: [doctor], wait: 'final', timeoutMs: TIMEOUT_MS } as const
      return (await siteAt(sites, client).daemon.ehr.call('record.publish', params)).id
    },
    async keptBytes() {
      const { alias } = ofClient(patients, 0)
      const newest = { chain: label, alias, kinds: ['dss.record' as const], limit: 1 }
      const { entries } = await siteAt(sites, 0).daemon.ehr.call('patient.timeline', newest)
      return sites.length * (entries[0]?.sizeBytes ?? 0)
    }
  }
}
