/** Where secrets live: encrypted files of keys and of record keys, and their twins in memory. */
export { createFileKeys, type FileKeysOptions } from './file-keys.ts'
export { type FileRecordKeysOptions, openFileRecordKeys } from './file-record-keys.ts'
export { sealKeysOf, voteKeysOf } from './key-lines.ts'
export { createMemoryKeys } from './memory-keys.ts'
export {
  createMemoryRecordKeysDisk,
  type MemoryRecordKeysCrash,
  type MemoryRecordKeysDisk,
  type MemoryRecordKeysOptions
} from './memory-record-keys.ts'
export { storageKeyOf } from './storage-key.ts'
