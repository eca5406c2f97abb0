/** One hospital's daemon across its chains. */
export { type AuditBook, type AuditEntry, type AuditFault, type AuditVerdict, verifyAuditLog } from './audit.ts'
export type { ChainSetup, OpenSetup } from './chain-setup.ts'
export { type Deadline, deadlineIn } from './deadline.ts'
export type { Exchange } from './exchange/exchange.ts'
export { type Hospital, type HospitalParts, openHospital } from './hospital.ts'
export { type RunningChain, type RunningChainParts, startChain } from './running-chain.ts'
