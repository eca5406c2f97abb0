/** One hospital's daemon across its chains. */
export { type ChainSetup, type Hospital, type HospitalParts, openHospital } from './hospital.ts'
