/**
 * Anchors every visit's record on the permissions chain, as the EHR of the hospital that is visited would; the bytes stay in
 * its vault. A patient has another alias at each hospital, so that the chain does not tell that they are one person.
 */
import type { Alias, RecordId } from '@wardline/codec'
import { type FhirRecord, type PatientPlan, recordBytes } from '@wardline/records'
import { PERMISSIONS } from './chains.ts'
import { FHIR_JSON } from './fhir-json.ts'
import { type Hospitals, siteOf } from './hospitals.ts'
import { forPatients } from './patients.ts'

/** What one hospital has anchored of one patient. */
export type AnchoredFile = {
  readonly patient: string
  readonly hospital: string
  readonly alias: Alias
  /** In the order of the visits. */
  readonly records: { readonly record: RecordId; readonly source: FhirRecord }[]
}

export type AnchorerCounts = { anchors: number; height: number }

export type Anchorer = {
  readonly counts: Readonly<AnchorerCounts>
  readonly files: readonly AnchoredFile[]
  /** Several patients at once; each one's anchors in the order of the visits. @throws the first failure */
  replay(patients: readonly PatientPlan[]): Promise<void>
}

const ANCHOR_MS_MAX = 60_000

export function createAnchorer(hospitals: Hospitals, onProgress: () => void): Anchorer {
  const counts: AnchorerCounts = { anchors: 0, height: 0 }
  const files: AnchoredFile[] = []

  async function patient({ patient: reference, steps }: PatientPlan, isStopped: () => boolean): Promise<void> {
    const mine = new Map<string, AnchoredFile>()
    for (const visit of steps) {
      if (isStopped()) return
      if (visit.kind !== 'visit') continue
      const { ehr } = siteOf(hospitals, visit.hospital).daemon
      let file = mine.get(visit.hospital)
      if (file === undefined) {
        const { alias } = await ehr.call('alias.open', { chain: PERMISSIONS, patient: reference })
        file = { patient: reference, hospital: visit.hospital, alias, records: [] }
        mine.set(visit.hospital, file)
        files.push(file)
      }
      const { record, height } = await ehr.call('record.anchor', {
        chain: PERMISSIONS,
        alias: file.alias,
        content: Buffer.from(recordBytes(visit.record)).toString('base64'),
        descriptor: FHIR_JSON,
        timeoutMs: ANCHOR_MS_MAX
      })
      file.records.push({ record, source: visit.record })
      counts.anchors += 1
      counts.height = Math.max(counts.height, height ?? 0)
      onProgress()
    }
  }

  return { counts, files, replay: (patients) => forPatients(patients, patient) }
}
