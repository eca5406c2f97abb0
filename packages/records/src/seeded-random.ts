/** A small seeded generator of numbers for synthetic data and worlds. Not for keys: it is predictable by design. */

/** Uniform in [0, 1), 32 bits of it. */
export type Random = () => number

/** The same seed gives the same numbers everywhere. `seed` is any number; its lower 32 bits count. Source: mulberry32. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** An integer from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1))
}

/** One of `items`, which must not be empty. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T
}

/** `items` in a new order. */
export function shuffle<T>(random: Random, items: readonly T[]): T[] {
  const shuffled = [...items]
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = between(random, 0, i)
    const kept = shuffled[i] as T
    shuffled[i] = shuffled[j] as T
    shuffled[j] = kept
  }
  return shuffled
}

/** A UUID of version 4 by form. */
export function seededUuid(random: Random): string {
  let hex = ''
  for (let i = 0; i < 4; i++)
    hex += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  const variant = '89ab'[Math.floor(random() * 4)] as string
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}
