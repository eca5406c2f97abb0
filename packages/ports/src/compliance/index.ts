/**
 * What every implementation of a port must do, as suites that its package runs: one promise, tested on the real adapter
 * and on its memory twin. Each function fills one uvu suite; the caller runs it.
 */
export { type ClockSubject, clockCompliance } from './clock.ts'
export { type DiskSpaceSubject, diskSpaceCompliance } from './disk-space.ts'
export { type JournalSubject, journalCompliance } from './journal.ts'
export { type KeysSubject, keysCompliance } from './keys.ts'
export { type LineLogSubject, lineLogCompliance } from './line-log.ts'
export { type NetworkMember, type NetworkSubject, networkCompliance } from './network.ts'
export { randomCompliance } from './random.ts'
export { type RecordKeysSubject, recordKeysCompliance } from './record-keys.ts'
export { type StoreSubject, storeCompliance } from './store.ts'
export { type VaultSubject, vaultCompliance } from './vault.ts'
