/**
 * A small seeded generator: xoshiro128** 1.1 by David Blackman and Sebastiano Vigna (prng.di.unimi.it), its 128 bits of state
 * taken from SHA-256 of the seed and a label. Good enough to choose faults; worth nothing for secrets.
 */
import { hash } from 'node:crypto'

export type Prng = {
  /** 0 <= n < 2^32 */
  uint32(): number
  /** A whole number, 0 <= n < bound; bound from 1 to 2^32. */
  below(bound: number): number
  /** True with probability `rate`, 0 to 1. */
  chance(rate: number): boolean
  /** `low <= n <= high`, in steps of 1/1024. */
  between(low: number, high: number): number
  pick<T>(list: readonly T[]): T
  bytes(size: number): Uint8Array
  /** Another generator, independent of how far this one has run; equal labels give equal generators. */
  fork(label: string): Prng
}

export function createPrng(seed: number, label = ''): Prng {
  const digest = hash('sha256', `wardline/prng ${seed} ${label}`, 'buffer')
  const words = [0, 4, 8, 12].map((at) => digest.readUInt32LE(at))
  const uint32 = xoshiro128([...words] as unknown as Xoshiro128State)
  const below = (bound: number): number => {
    // Whole multiples of the bound only, so that no value is likelier than another.
    const usable = 2 ** 32 - (2 ** 32 % bound)
    for (;;) {
      const value = uint32()
      if (value < usable) return value % bound
    }
  }

  return {
    uint32,
    below,
    chance: (rate) => rate > 0 && uint32() < rate * 2 ** 32,
    between: (low, high) => low + below(Math.floor((high - low) * 1024) + 1) / 1024,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new RangeError('cannot pick from an empty list')
      return list[below(list.length)] as T
    },
    bytes(size) {
      const bytes = new Uint8Array(size)
      for (let i = 0; i < size; i += 4) {
        const word = uint32()
        for (let j = 0; j < 4 && i + j < size; j++) bytes[i + j] = word >>> (8 * j)
      }
      return bytes
    },
    fork: (next) => createPrng(seed, `${label}/${next}`)
  }
}

export type Xoshiro128State = readonly [a: number, b: number, c: number, d: number]

/** The bare generator. The state must not be all zeros. */
export function xoshiro128(state: Xoshiro128State): () => number {
  let [a, b, c, d] = state
  return () => {
    const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotl(d, 11)
    return result
  }
}

function rotl(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
