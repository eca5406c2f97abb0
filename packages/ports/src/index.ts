/** The interfaces between the pure parts of Wardline and the world, in bytes only; each has a compliance suite in `src/compliance`. */

export type { Clock, Timer } from './clock.ts'
export type { DiskSpace, Space } from './disk-space.ts'
export type { Journal, JournalSegment } from './journal.ts'
export type { KeySet, Keys, VoteMarks } from './keys.ts'
export { assertLine, LINE_LENGTH_MAX, type LineLog } from './line-log.ts'
export type { Log, LogFields, LogLevel } from './log.ts'
export type {
  Gossip,
  GossipVerdict,
  Network,
  NetworkPeer,
  PeerName,
  ServeOptions,
  StreamHandler,
  StreamRequest
} from './network.ts'
export type { Random } from './random.ts'
export type { RecordKeys } from './record-keys.ts'
export type { KeyValueStore, RangeOptions, StoreWrite } from './store.ts'
export { assertStoreKey } from './store-key.ts'
export { assertVaultName, type Vault, type VaultContent } from './vault.ts'
