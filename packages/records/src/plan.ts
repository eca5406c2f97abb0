/**
 * What must travel when patients move: the hospital that a patient leaves sends every record of the journey that it holds
 * and the next hospital lacks. So each record reaches a hospital at most once and its graph is a tree.
 */
import { assert } from '@wardline/codec'
import type { FhirRecord, Journey } from './journeys.ts'

/** The patient is seen: `hospital` makes `record` and holds it from now on. */
export type Visit = {
  readonly kind: 'visit'
  readonly hospital: string
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

export type TransferPlan = {
  readonly patients: readonly PatientPlan[]
  readonly organisationChanges: number
  /** Transfers of all changes together. */
  readonly transmissions: number
}

/** Patients are independent of each other; one patient's steps happen in order. @throws AssertionError if a journey leaves `hospitals` */
export function planTransfers(journeys: readonly Journey[], hospitals: readonly string[]): TransferPlan {
  const members = new Set(hospitals)
  const patients = journeys.map((journey) => planPatient(journey, members))
  const changes = patients.flatMap(({ steps }) => steps.filter((step) => step.kind === 'change'))
  return {
    patients,
    organisationChanges: changes.length,
    transmissions: changes.reduce((sum, change) => sum + change.transfers.length, 0)
  }
}

function planPatient(journey: Journey, members: ReadonlySet<string>): PatientPlan {
  const steps: PlanStep[] = []
  /** Who holds which record, and from whom; insertion order is the order in which the records were made. */
  const holders = new Map<string, Map<string, string | null>>()
  let here: string | undefined
  for (const { organisation, startMs, record } of journey.steps) {
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
    steps.push({ kind: 'visit', hospital: organisation, startMs, record })
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
