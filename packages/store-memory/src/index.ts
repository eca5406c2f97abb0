/** A disk in memory that outlives the process that uses it, and can lose what was not synced. */
export {
  type CrashOptions,
  createMemoryDisk,
  type MemoryDisk,
  type MemoryDiskImage,
  type MemoryDiskOptions,
  type WriteNotice
} from './memory-disk.ts'
export type { WriteFault } from './operations.ts'
export { createSortedKeys, type SortedKeys } from './sorted-keys.ts'
