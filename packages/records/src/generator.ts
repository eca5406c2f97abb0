/**
 * Synthetic patients and their journeys: FHIR R4 transaction Bundles of the shape and sizes that hospitals' test data have
 * (an Encounter with its findings, claim and settlement), wholly invented, the same for the same seed.
 */
import { assert } from '@wardline/codec'
import {
  CONDITIONS,
  type Coded,
  FAMILY_NAMES,
  GIVEN_NAMES,
  HOSPITAL_KINDS,
  HOSPITAL_PLACES,
  LABS,
  MEDICATIONS,
  type Measure,
  PROCEDURES,
  VITALS
} from './generator-words.ts'
import { between, pick, type Random, seededRandom, seededUuid, shuffle } from './seeded-random.ts'

export type GeneratorOptions = {
  readonly seed: number
  /** 1 to 10,000. */
  readonly patients: number
  /** 1 to 128. */
  readonly hospitals: number
}

/**
 * One Bundle (JSON, UTF-8) per patient. Each patient moves 4 to 6 times among two to four of the hospitals, returns included,
 * unless there is only one hospital; half of the records are below about 11 kB, one in a hundred is above about 60 kB.
 */
export function generateBundles({ seed, patients, hospitals }: GeneratorOptions): Uint8Array[] {
  assert(Number.isInteger(patients) && patients >= 1 && patients <= 10_000, 'patients is from 1 to 10,000')
  assert(Number.isInteger(hospitals) && hospitals >= 1 && hospitals <= 128, 'hospitals is from 1 to 128')
  const random = seededRandom(seed)
  const houses = makeHospitals(random, hospitals)
  return Array.from({ length: patients }, (_, index) => patientBundle(random, houses, index))
}

type Resource = { readonly resourceType: string; readonly id: string; readonly [field: string]: unknown }
type Hospital = { readonly organisation: Resource; readonly practitioners: readonly Resource[] }
/** What the resources of one encounter share. */
type Visit = {
  readonly random: Random
  readonly patient: string
  readonly hospital: Hospital
  readonly practitioner: Resource
  readonly encounter: string
  readonly start: string
  readonly end: string
}
type VisitKind = {
  readonly class: 'AMB' | 'EMER' | 'IMP'
  readonly type: Coded
  readonly minutes: number
  readonly vitals: readonly [low: number, high: number]
  readonly panels: readonly [low: number, high: number]
  readonly conditions: readonly [low: number, high: number]
  readonly procedures: readonly [low: number, high: number]
  readonly medications: readonly [low: number, high: number]
}

const CODES = 'https://wardline.example/fhir/codes'
const UNITS = 'http://unitsofmeasure.org'
const TERMS = 'http://terminology.hl7.org/CodeSystem'
const TAG = { tag: [{ system: 'https://wardline.example/fhir/tags', code: 'synthetic' }] }
const DAY_MS = 86_400_000
/** The first visits happen within a year of this day. */
const FIRST_DAY_MS = Date.UTC(2019, 0, 7, 8)

const VISITS: readonly { readonly weight: number; readonly kind: VisitKind }[] = [
  {
    weight: 52,
    kind: {
      class: 'AMB',
      type: { code: 'check-up', display: 'Check-up' },
      minutes: 20,
      vitals: [2, 6],
      panels: [0, 0],
      conditions: [0, 1],
      procedures: [0, 1],
      medications: [0, 0]
    }
  },
  {
    weight: 25,
    kind: {
      class: 'AMB',
      type: { code: 'complaint', display: 'Visit for a complaint' },
      minutes: 30,
      vitals: [1, 4],
      panels: [0, 0],
      conditions: [1, 2],
      procedures: [0, 2],
      medications: [1, 2]
    }
  },
  {
    weight: 18,
    kind: {
      class: 'EMER',
      type: { code: 'diagnostic', display: 'Diagnostic visit' },
      minutes: 90,
      vitals: [5, 8],
      panels: [1, 3],
      conditions: [0, 2],
      procedures: [1, 2],
      medications: [0, 2]
    }
  },
  {
    weight: 5,
    kind: {
      class: 'IMP',
      type: { code: 'inpatient', display: 'Inpatient stay' },
      minutes: 3 * 24 * 60,
      vitals: [10, 16],
      panels: [2, 4],
      conditions: [1, 3],
      procedures: [2, 4],
      medications: [2, 3]
    }
  }
]

function makeHospitals(random: Random, count: number): Hospital[] {
  const names = shuffle(
    random,
    HOSPITAL_KINDS.flatMap((kind, k) =>
      HOSPITAL_PLACES.map((place, p) => ({ place, kind, rank: (p + k) % HOSPITAL_KINDS.length }))
    )
  )
  const used = new Set<string>()
  const distinct = [...names.filter(({ place }) => !used.has(place) && used.add(place)), ...names]
  const chosen = [...new Map(distinct.map(({ place, kind }) => [`${place} ${kind}`, place]))].slice(0, count)
  return chosen.map(([name, place]) => {
    const address = [{ line: [`${between(random, 1, 240)} Hospital Road`], city: place, country: 'XX' }]
    return {
      organisation: {
        resourceType: 'Organization',
        id: seededUuid(random),
        active: true,
        type: [{ coding: [{ system: `${TERMS}/organization-type`, code: 'prov', display: 'Healthcare Provider' }] }],
        name,
        telecom: [{ system: 'phone', value: `555-01${between(random, 10, 99)}` }],
        address,
        meta: TAG
      },
      practitioners: Array.from({ length: 3 }, () => ({
        resourceType: 'Practitioner',
        id: seededUuid(random),
        active: true,
        name: [{ family: pick(random, FAMILY_NAMES), given: [pick(random, GIVEN_NAMES)], prefix: ['Dr.'] }],
        address,
        meta: TAG
      }))
    }
  })
}

function patientBundle(random: Random, hospitals: readonly Hospital[], index: number): Uint8Array {
  const patient = makePatient(random, index)
  const resources: Resource[] = [patient]
  const known = new Set<Resource>()
  const introduce = (resource: Resource) => {
    if (!known.has(resource)) resources.push(resource)
    known.add(resource)
  }
  let startMs = FIRST_DAY_MS + between(random, 0, 364) * DAY_MS
  for (const hospital of route(random, hospitals)) {
    for (let visits = between(random, 1, 2); visits > 0; visits--) {
      const practitioner = pick(random, hospital.practitioners)
      introduce(hospital.organisation)
      introduce(practitioner)
      const kind = pickKind(random)
      const endMs = startMs + kind.minutes * 60_000
      resources.push(
        ...visitResources(kind, {
          random,
          patient: patient.id,
          hospital,
          practitioner,
          encounter: seededUuid(random),
          start: isoTime(startMs),
          end: isoTime(endMs)
        })
      )
      startMs = endMs + between(random, 5, 150) * DAY_MS + between(random, 0, 32) * 15 * 60_000
    }
  }
  return bundleBytes(resources)
}

/** The hospitals of one patient in order of the stays; neighbours differ. Each of the patient's hospitals once, then returns. */
function route(random: Random, hospitals: readonly Hospital[]): Hospital[] {
  const own = shuffle(random, hospitals).slice(0, between(random, 2, 4))
  if (own.length === 1) return own
  const stays = between(random, 5, 7)
  const stops = own.slice(0, stays)
  while (stops.length < stays)
    stops.push(
      pick(
        random,
        own.filter((hospital) => hospital !== stops.at(-1))
      )
    )
  return stops
}

function pickKind(random: Random): VisitKind {
  let left = random() * VISITS.reduce((sum, { weight }) => sum + weight, 0)
  for (const { weight, kind } of VISITS) {
    if (left < weight) return kind
    left -= weight
  }
  return (VISITS[0] as (typeof VISITS)[number]).kind
}

function makePatient(random: Random, index: number): Resource {
  const number = `SYN-${String(index + 1).padStart(5, '0')}`
  return {
    resourceType: 'Patient',
    id: seededUuid(random),
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">A synthetic patient.</div>' },
    identifier: [{ system: 'https://wardline.example/fhir/patients', value: number }],
    name: [{ use: 'official', family: pick(random, FAMILY_NAMES), given: [pick(random, GIVEN_NAMES)] }],
    gender: pick(random, ['female', 'male', 'other']),
    birthDate: isoTime(Date.UTC(between(random, 1938, 2012), between(random, 0, 11), between(random, 1, 28))).slice(
      0,
      10
    ),
    multipleBirthBoolean: false,
    meta: TAG
  }
}

function visitResources(kind: VisitKind, visit: Visit): Resource[] {
  const { random } = visit
  const resources: Resource[] = [encounter(kind, visit)]
  for (const coded of someOf(random, CONDITIONS, kind.conditions)) resources.push(condition(visit, coded))
  const conditions = resources.slice(1)
  for (const measure of someOf(random, VITALS, kind.vitals)) resources.push(observation(visit, measure, 'vital-signs'))
  for (let panels = between(random, ...kind.panels); panels > 0; panels--) {
    const results = someOf(random, LABS, [7, 11]).map((measure) => observation(visit, measure, 'laboratory'))
    resources.push(...results, report(visit, results))
  }
  const procedures = someOf(random, PROCEDURES, kind.procedures).map((coded) => procedure(visit, coded))
  resources.push(...procedures)
  for (const coded of someOf(random, MEDICATIONS, kind.medications)) {
    const request = medicationRequest(visit, coded)
    resources.push(request, claim(visit, 'pharmacy', [coded], { prescription: refer(request) }))
  }
  const billed = [
    kind.type,
    ...procedures.map((done) => done['code'] as { readonly coding: readonly Coded[] }).flatMap((code) => code.coding)
  ]
  const visitClaim = claim(visit, 'institutional', billed, {
    diagnosis: conditions.map((found, i) => ({ sequence: i + 1, diagnosisReference: refer(found) }))
  })
  resources.push(visitClaim, settlement(visit, visitClaim, billed))
  return resources
}

/** Between `low` and `high` of the items: each once before any comes again. */
function someOf<T>(random: Random, items: readonly T[], [low, high]: readonly [number, number]): T[] {
  const chosen: T[] = []
  for (let left = between(random, low, high); left > 0; left -= items.length)
    chosen.push(...shuffle(random, items).slice(0, left))
  return chosen
}

function encounter(kind: VisitKind, visit: Visit): Resource {
  return {
    resourceType: 'Encounter',
    id: visit.encounter,
    status: 'finished',
    class: { system: `${TERMS}/v3-ActCode`, code: kind.class },
    type: [concept(kind.type)],
    subject: patientOf(visit),
    participant: [{ individual: refer(visit.practitioner) }],
    period: { start: visit.start, end: visit.end },
    serviceProvider: refer(visit.hospital.organisation),
    meta: TAG
  }
}

function condition(visit: Visit, coded: Coded): Resource {
  return {
    resourceType: 'Condition',
    id: seededUuid(visit.random),
    clinicalStatus: { coding: [{ system: `${TERMS}/condition-clinical`, code: 'active' }] },
    verificationStatus: { coding: [{ system: `${TERMS}/condition-ver-status`, code: 'confirmed' }] },
    code: concept(coded),
    subject: patientOf(visit),
    encounter: encounterOf(visit),
    onsetDateTime: visit.start,
    recordedDate: visit.start,
    meta: TAG
  }
}

function observation(visit: Visit, measure: Measure, category: string): Resource {
  const value = measure.low + visit.random() * (measure.high - measure.low)
  return {
    resourceType: 'Observation',
    id: seededUuid(visit.random),
    status: 'final',
    category: [{ coding: [{ system: `${TERMS}/observation-category`, code: category, display: category }] }],
    code: concept(measure),
    subject: patientOf(visit),
    encounter: encounterOf(visit),
    effectiveDateTime: visit.start,
    issued: visit.start,
    valueQuantity: { value: decimal(value, measure.digits), unit: measure.unit, system: UNITS, code: measure.unit },
    meta: TAG
  }
}

function report(visit: Visit, results: readonly Resource[]): Resource {
  return {
    resourceType: 'DiagnosticReport',
    id: seededUuid(visit.random),
    status: 'final',
    category: [{ coding: [{ system: `${TERMS}/v2-0074`, code: 'LAB', display: 'Laboratory' }] }],
    code: concept({ code: 'blood-panel', display: 'Blood panel' }),
    subject: patientOf(visit),
    encounter: encounterOf(visit),
    effectiveDateTime: visit.start,
    issued: visit.end,
    result: results.map(refer),
    meta: TAG
  }
}

function procedure(visit: Visit, coded: Coded): Resource {
  return {
    resourceType: 'Procedure',
    id: seededUuid(visit.random),
    status: 'completed',
    code: concept(coded),
    subject: patientOf(visit),
    encounter: encounterOf(visit),
    performedPeriod: { start: visit.start, end: visit.end },
    performer: [{ actor: refer(visit.practitioner) }],
    meta: TAG
  }
}

function medicationRequest(visit: Visit, coded: Coded): Resource {
  return {
    resourceType: 'MedicationRequest',
    id: seededUuid(visit.random),
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: concept(coded),
    subject: patientOf(visit),
    encounter: encounterOf(visit),
    authoredOn: visit.start,
    requester: refer(visit.practitioner),
    dosageInstruction: [
      {
        sequence: 1,
        timing: { repeat: { frequency: between(visit.random, 1, 3), period: decimal(1, 1), periodUnit: 'd' } },
        asNeededBoolean: false
      }
    ],
    meta: TAG
  }
}

function claim(
  visit: Visit,
  type: string,
  billed: readonly Coded[],
  more: { readonly [field: string]: unknown }
): Resource {
  return {
    resourceType: 'Claim',
    id: seededUuid(visit.random),
    status: 'active',
    type: { coding: [{ system: `${TERMS}/claim-type`, code: type }] },
    use: 'claim',
    patient: patientOf(visit),
    billablePeriod: { start: visit.start, end: visit.end },
    created: visit.end,
    provider: refer(visit.hospital.organisation),
    priority: { coding: [{ system: `${TERMS}/processpriority`, code: 'normal' }] },
    ...more,
    insurance: [{ sequence: 1, focal: true, coverage: { display: 'statutory' } }],
    item: billed.map((coded, i) => ({
      sequence: i + 1,
      productOrService: concept(coded),
      encounter: [encounterOf(visit)]
    })),
    total: money(visit.random, 80, 900),
    meta: TAG
  }
}

/** The insurer's answer to a claim: the bulk of a small record. */
function settlement(visit: Visit, settled: Resource, billed: readonly Coded[]): Resource {
  const { random } = visit
  return {
    resourceType: 'ExplanationOfBenefit',
    id: seededUuid(random),
    contained: [
      {
        resourceType: 'Coverage',
        id: 'coverage',
        status: 'active',
        type: { text: 'statutory' },
        beneficiary: patientOf(visit),
        payor: [{ display: 'statutory' }]
      }
    ],
    identifier: [{ system: 'https://wardline.example/fhir/claims', value: settled.id }],
    status: 'active',
    type: { coding: [{ system: `${TERMS}/claim-type`, code: 'institutional' }] },
    use: 'claim',
    patient: patientOf(visit),
    billablePeriod: { start: visit.start, end: visit.end },
    created: visit.end,
    insurer: { display: 'statutory' },
    provider: refer(visit.practitioner),
    claim: refer(settled),
    outcome: 'complete',
    careTeam: [
      {
        sequence: 1,
        provider: refer(visit.practitioner),
        role: concept({ code: 'primary', display: 'Primary provider' })
      }
    ],
    insurance: [{ focal: true, coverage: { reference: '#coverage', display: 'statutory' } }],
    item: billed.map((coded, i) => ({
      sequence: i + 1,
      category: concept({ code: 'medical-care', display: 'Medical care' }),
      productOrService: concept(coded),
      servicedPeriod: { start: visit.start, end: visit.end },
      locationCodeableConcept: {
        coding: [{ system: `${TERMS}/ex-serviceplace`, code: '19', display: 'Off Campus-Outpatient Hospital' }]
      },
      encounter: [encounterOf(visit)],
      adjudication: ['submitted', 'eligible', 'benefit'].map((category) => ({
        category: { coding: [{ system: `${TERMS}/adjudication`, code: category, display: category }] },
        amount: money(random, 5, 400)
      }))
    })),
    total: [
      { category: { coding: [{ system: `${TERMS}/adjudication`, code: 'submitted' }] }, amount: money(random, 80, 900) }
    ],
    payment: { amount: money(random, 40, 500) },
    meta: TAG
  }
}

function concept({ code, display }: Coded): { readonly coding: readonly unknown[]; readonly text: string } {
  return { coding: [{ system: CODES, code, display }], text: display }
}

function refer(resource: Resource): { readonly reference: string } {
  return { reference: `urn:uuid:${resource.id}` }
}

function patientOf(visit: Visit): { readonly reference: string } {
  return { reference: `urn:uuid:${visit.patient}` }
}

function encounterOf(visit: Visit): { readonly reference: string } {
  return { reference: `urn:uuid:${visit.encounter}` }
}

function money(random: Random, low: number, high: number): { readonly value: string; readonly currency: string } {
  return { value: decimal(low + random() * (high - low), 2), currency: 'EUR' }
}

/** A number with all its digits, as FHIR's decimals have them: 7.10 is not 7.1. A marked string until the text is written. */
function decimal(value: number, digits: number): string {
  return `decimal:${value.toFixed(digits)}`
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', '+00:00')
}

function bundleBytes(resources: readonly Resource[]): Uint8Array {
  const entry = resources.map((resource) => ({
    fullUrl: `urn:uuid:${resource.id}`,
    resource,
    request: { method: 'POST', url: resource.resourceType }
  }))
  const text = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry })
  return new Uint8Array(Buffer.from(text.replaceAll(/"decimal:(-?[0-9.]+)"/g, '$1')))
}
