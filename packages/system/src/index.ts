/** The machine's clock, randomness and log: the smallest adapters. */
export { createSystemClock } from './clock.ts'
export { createJsonLog, type JsonLogOptions } from './json-log.ts'
export { createSystemRandom } from './random.ts'
