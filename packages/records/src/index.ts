/** Clinical documents into records and journeys, what a journey leaves on the chains, and synthetic patients. Pure. */
export { type Choice, type ChoiceResult, chooseHospitals, chooseListed } from './choose.ts'
export {
  type FhirFaultCode,
  type FhirResource,
  type FhirScope,
  type ParsedFhir,
  parseFhir
} from './fhir.ts'
export { type GeneratorOptions, generateBundles } from './generator.ts'
export {
  type FhirRecord,
  type Journey,
  type JourneyFault,
  type JourneyStep,
  type Journeys,
  journeysOf,
  recordBytes
} from './journeys.ts'
export {
  type JourneyPlan,
  type OrganisationChange,
  type PatientPlan,
  type PlanStep,
  planJourneys,
  type Transfer,
  type Visit
} from './plan.ts'
export { type Practitioner, practitionersOf } from './practitioners.ts'
export type { Random } from './seeded-random.ts'
