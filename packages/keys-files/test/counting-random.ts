import type { Random } from '@wardline/ports'

/** Bytes that are never the same twice in one process. */
let count = 0

export function countingRandom(): Random {
  return {
    bytes(size) {
      count += 1
      const bytes = new Uint8Array(size)
      if (size >= 4) new DataView(bytes.buffer).setUint32(size - 4, count)
      return bytes
    }
  }
}
