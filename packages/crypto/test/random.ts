/** Random bytes for tests. */
import { createHash, randomBytes } from 'node:crypto'

export function random(size: number): Uint8Array {
  return new Uint8Array(randomBytes(size))
}

/** The same bytes in every run: SHA-256 of a counter. */
export function seededRandom(): (size: number) => Uint8Array {
  let counter = 0
  return (size) => {
    const bytes = new Uint8Array(size)
    for (let offset = 0; offset < size; offset += 32) {
      const block = createHash('sha256').update(`block ${counter++}`).digest()
      bytes.set(block.subarray(0, Math.min(32, size - offset)), offset)
    }
    return bytes
  }
}
