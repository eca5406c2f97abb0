/** Clinical documents into records and journeys, the transfers that a journey needs, and synthetic patients. Pure. */
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
  type OrganisationChange,
  type PatientPlan,
  type PlanStep,
  planTransfers,
  type Transfer,
  type TransferPlan,
  type Visit
} from './plan.ts'
export type { Random } from './seeded-random.ts'
