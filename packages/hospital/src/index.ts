/** One hospital's daemon across its chains. */
export { type AuditEntry, type AuditFault, type AuditVerdict, verifyAuditLog } from './audit.ts'
export { type ChainSetup, type Hospital, type HospitalParts, openHospital } from './hospital.ts'
