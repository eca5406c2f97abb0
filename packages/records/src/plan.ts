/**
 * What journeys leave on the chains. A visit makes one shared record (DSS) and one anchor (SPV), both by the hospital that is
 * visited. A change of hospital makes transmissions (STT): the hospital that the patient leaves sends every record of the
 * journey that it holds and the next hospital lacks, so each record reaches a hospital at most once and its graph is a tree.
 */
import { assert } from '@wardline/codec'
import type { FhirRecord, Journey } from './journeys.ts'

/** The patient is seen: `hospital` makes `record`, publishes and anchors it, and holds it from now on. */
export type Visit = {
  readonly kind: 'visit'
  readonly hospital: string
  /** Id of the Practitioner who signs for the record; null where the input names none. */
  readonly practitioner: string | null
  readonly startMs: number
  readonly record: FhirRecord
}

/** One record from one hospital to another. */
export type Transfer = {
  readonly record: string
  /** The hospital from which the sender got the record; null where the sender made it. That transfer is always earlier. */
  readonly via: string | null
}

/** The patient has moved; every transfer of it must be opened by `to` before the patient's next step. */
export type OrganisationChange = {
  readonly kind: 'change'
  readonly from: string
  readonly to: string
  /** When the visit at `to` begins. */
  readonly atMs: number
  /** In the order in which the records were made. At least one. */
  readonly transfers: readonly Transfer[]
}

export type PlanStep = Visit | OrganisationChange

export type PatientPlan = { readonly patient: string; readonly steps: readonly PlanStep[] }

export type JourneyPlan = {
  readonly patients: readonly PatientPlan[]
  readonly visits: number
  /** On the DSS chain: one for each visit. */
  readonly records: number
  /** On the SPV chain: one for each visit. */
  readonly anchors: number
  readonly organisationChanges: number
  /** Transfers of all changes together. */
  readonly transmissions: number
}

/** Patients are independent of each other; one patient's steps happen in order. @throws AssertionError if a journey leaves `hospitals` */
export function planJourneys(journeys: readonly Journey[], hospitals: readonly string[]): JourneyPlan {
  const members = new Set(hospitals)
  const patients = journeys.map((journey) => planPatient(journey, members))
  const steps = patients.flatMap((patient) => patient.steps)
  const changes = steps.filter((step) => step.kind === 'change')
  const visits = steps.length - changes.length
  return {
    patients,
    visits,
    records: visits,
    anchors: visits,
    organisationChanges: changes.length,
    transmissions: changes.reduce((sum, change) => sum + change.transfers.length, 0)
  }
}

function planPatient(journey: Journey, members: ReadonlySet<string>): PatientPlan {
  const steps: PlanStep[] = []
  /** Who holds which record, and from whom; insertion order is the order in which the records were made. */
  const holders = new Map<string, Map<string, string | null>>()
  let here: string | undefined
  for (const { organisation, practitioner, startMs, record } of journey.steps) {
    assert(members.has(organisation), 'a planned journey stays within the chosen hospitals')
    if (here !== undefined && here !== organisation) {
      steps.push({
        kind: 'change',
        from: here,
        to: organisation,
        atMs: startMs,
        transfers: move(holders, here, organisation)
      })
    }
    holders.set(record.key, new Map([[organisation, null]]))
    steps.push({ kind: 'visit', hospital: organisation, practitioner, startMs, record })
    here = organisation
  }
  return { patient: journey.patient, steps }
}

function move(holders: Map<string, Map<string, string | null>>, from: string, to: string): Transfer[] {
  const transfers: Transfer[] = []
  for (const [record, sources] of holders) {
    const via = sources.get(from)
    if (via === undefined || sources.has(to)) continue
    sources.set(to, from)
    transfers.push({ record, via })
  }
  return transfers
}
