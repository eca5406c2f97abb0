/**
 * Resources into records and journeys. A record is an Encounter with every resource that refers to it; a journey is one
 * patient's records in time order, each at the organisation that provided the encounter.
 */
import { at, type FhirResource, type FhirScope, referencedId, resourceValue } from './fhir.ts'
import { attendingOf, type Practitioner, type Practitioners, practitionerIndex } from './practitioners.ts'

/** One encounter's document: the Encounter first, then the resources that refer to it as they stood in the input. */
export type FhirRecord = {
  /** The Encounter's id; unique among the records of one `journeysOf`. */
  readonly key: string
  readonly resources: readonly [FhirResource, ...FhirResource[]]
}

export type JourneyStep = {
  readonly encounterId: string
  /** Id of the Organization that provided the encounter. */
  readonly organisation: string
  /** Who treated, by id; null where the Encounter names no Practitioner. */
  readonly practitioner: string | null
  readonly startMs: number
  /** Never before `startMs`; equal to it where the encounter has no end. */
  readonly endMs: number
  readonly record: FhirRecord
}

export type Journey = {
  /** Id of the Patient. */
  readonly patient: string
  /** By start, then by encounter id, so that the order of the input does not matter. At least one. */
  readonly steps: readonly JourneyStep[]
}

/** An encounter that cannot be placed in a journey, and why. */
export type JourneyFault = {
  readonly encounterId: string
  readonly code: 'no-patient' | 'no-organisation' | 'no-start' | 'duplicate-encounter'
}

export type Journeys = {
  /** In order of the patients' first encounter in the input. */
  readonly journeys: readonly Journey[]
  readonly faults: readonly JourneyFault[]
  /** Names of the Organizations in the input, by id. Those that are only referred to by display name are here too. */
  readonly organisations: ReadonlyMap<string, string>
  /** Those whom the journeys name, by id. */
  readonly practitioners: ReadonlyMap<string, Practitioner>
}

/** Builds journeys from any number of inputs. A patient or an organisation that comes in several Bundles is one. */
export function journeysOf(scopes: readonly FhirScope[]): Journeys {
  const steps = new Map<string, JourneyStep[]>()
  const faults: JourneyFault[] = []
  const names = new Map<string, string>()
  const displays = new Map<string, string>()
  const known = practitionerIndex(scopes)
  const practitioners = new Map<string, Practitioner>()
  const seen = new Set<string>()
  for (const scope of scopes) {
    for (const resource of scope.resources) {
      if (resource.type === 'Organization') nameOrganisation(resource, names)
    }
    for (const record of recordsOf(scope)) {
      const placed = seen.has(record.key) ? 'duplicate-encounter' : place(record, displays, known)
      seen.add(record.key)
      if (typeof placed === 'string') {
        faults.push({ encounterId: record.key, code: placed })
        continue
      }
      const { attending } = placed
      if (attending !== undefined && !practitioners.has(attending.id)) practitioners.set(attending.id, attending)
      const mine = steps.get(placed.patient)
      if (mine === undefined) steps.set(placed.patient, [placed.step])
      else mine.push(placed.step)
    }
  }
  const journeys = [...steps].map(([patient, mine]) => ({ patient, steps: mine.sort(compareSteps) }))
  return { journeys, faults, organisations: new Map([...displays, ...names]), practitioners }
}

/** The records of one scope, in the order of their Encounters. A resource that refers to two encounters is in both. */
export function recordsOf(scope: FhirScope): FhirRecord[] {
  const records = new Map<FhirResource, [FhirResource, ...FhirResource[]]>()
  const encounters = new Map<string, FhirResource>()
  for (const resource of scope.resources) {
    if (resource.type !== 'Encounter') continue
    records.set(resource, [resource])
    encounters.set(`Encounter/${resource.id}`, resource)
    if (resource.fullUrl !== undefined) encounters.set(resource.fullUrl, resource)
  }
  for (const resource of scope.resources) {
    if (resource.type === 'Encounter') continue
    const mine = new Set<FhirResource>()
    for (const reference of resource.references) {
      const encounter = encounters.get(reference)
      if (encounter !== undefined) mine.add(encounter)
    }
    for (const encounter of mine) records.get(encounter)?.push(resource)
  }
  return [...records].map(([encounter, resources]) => ({ key: encounter.id, resources }))
}

/**
 * The record's bytes: a collection Bundle written around the resources exactly as they were received. The same record in
 * the same input gives the same bytes.
 */
export function recordBytes(record: FhirRecord): Uint8Array {
  const parts: Uint8Array[] = [BEFORE]
  record.resources.forEach((resource, index) => {
    parts.push(index === 0 ? FIRST : NEXT, resource.bytes, CLOSE)
  })
  parts.push(AFTER)
  return new Uint8Array(Buffer.concat(parts))
}

/** Changes of organisation from one step to the next. */
export function organisationChanges(journey: Journey): number {
  return journey.steps.filter((step, i) => i > 0 && journey.steps[i - 1]?.organisation !== step.organisation).length
}

/** The organisations of a journey, in order of the first visit. */
export function organisationsOf(journey: Journey): readonly string[] {
  return [...new Set(journey.steps.map((step) => step.organisation))]
}

const BEFORE = Buffer.from('{"resourceType":"Bundle","type":"collection","entry":[')
const FIRST = Buffer.from('{"resource":')
const NEXT = Buffer.from(',{"resource":')
const CLOSE = Buffer.from('}')
const AFTER = Buffer.from(']}')

function nameOrganisation(resource: FhirResource, names: Map<string, string>): void {
  const value = resourceValue(resource)
  const name = at(value, 'name')
  if (typeof name !== 'string') return
  names.set(resource.id, name)
  const identifiers = at(value, 'identifier')
  if (!Array.isArray(identifiers)) return
  for (const identifier of identifiers) {
    const id = at(identifier, 'value')
    if (typeof id === 'string' && !names.has(id)) names.set(id, name)
  }
}

type Placed = {
  readonly patient: string
  readonly attending: Practitioner | undefined
  readonly step: JourneyStep
}

function place(record: FhirRecord, displays: Map<string, string>, known: Practitioners): Placed | JourneyFault['code'] {
  const encounter = resourceValue(record.resources[0])
  const patient = idAt(encounter, 'subject')
  if (patient === undefined) return 'no-patient'
  const organisation = idAt(encounter, 'serviceProvider')
  if (organisation === undefined) return 'no-organisation'
  const startMs = instantMs(at(encounter, 'period', 'start'))
  if (startMs === undefined) return 'no-start'
  const display = at(encounter, 'serviceProvider', 'display')
  if (typeof display === 'string') displays.set(organisation, display)
  const endMs = Math.max(startMs, instantMs(at(encounter, 'period', 'end')) ?? startMs)
  const attending = attendingOf(encounter, known)
  const practitioner = attending?.id ?? null
  const step = { encounterId: record.key, organisation, practitioner, startMs, endMs, record }
  return { patient, attending, step }
}

function compareSteps(a: JourneyStep, b: JourneyStep): number {
  return a.startMs - b.startMs || (a.encounterId < b.encounterId ? -1 : 1)
}

function idAt(encounter: unknown, field: string): string | undefined {
  const reference = at(encounter, field, 'reference')
  const id = typeof reference === 'string' ? referencedId(reference) : ''
  return id === '' ? undefined : id
}

/** A FHIR dateTime: a date in UTC, or a time with its zone. One without a zone would depend on where it is read. */
const DATE_TIME = /^\d{4}(?:-\d{2}(?:-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2}))?)?)?$/

function instantMs(value: unknown): number | undefined {
  if (typeof value !== 'string' || !DATE_TIME.test(value)) return undefined
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? undefined : ms
}
