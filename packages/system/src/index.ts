/** The machine's clock, randomness and logs: the smallest adapters. */

export { createSystemClock } from './clock.ts'
export { createDiskSpace } from './disk-space.ts'
export { openFileLineLog } from './file-line-log.ts'
export { createJsonLog, type JsonLogOptions } from './json-log.ts'
export { createMemoryDiskSpace } from './memory-disk-space.ts'
export { createMemoryLineLog, type MemoryLineLog } from './memory-line-log.ts'
export { createSystemRandom } from './random.ts'
