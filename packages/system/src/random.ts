/** The operating system's randomness. */
import { randomBytes } from 'node:crypto'
import type { Random } from '@wardline/ports'

const SIZE_MAX = 65_536

/** Randomness from the operating system's generator. */
export function createSystemRandom(): Random {
  return {
    bytes(size) {
      if (!Number.isInteger(size) || size < 0 || size > SIZE_MAX) {
        throw new RangeError(`size must be an integer from 0 to ${SIZE_MAX}, got ${size}`)
      }
      return new Uint8Array(randomBytes(size))
    }
  }
}
