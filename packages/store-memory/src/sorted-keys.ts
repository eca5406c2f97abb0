/**
 * A sorted set of strings in blocks, for a store of tens of thousands of keys: adding and removing move at most one block,
 * finding is a binary search over blocks and then inside one.
 */
export type SortedKeys = {
  size(): number
  has(key: string): boolean
  /** Adding a key that is there does nothing. */
  add(key: string): void
  /** Deleting a key that is absent does nothing. */
  delete(key: string): void
  /** At most `limit` keys with `from <= key < to`, ascending, or the last ones descending with `reverse`. */
  slice(from: string, to: string, limit: number, reverse: boolean): string[]
}

const BLOCK_KEYS_MAX = 512

export function createSortedKeys(): SortedKeys {
  /** Every block is sorted and not empty, and all its keys are below those of the next. */
  const blocks: string[][] = []
  let size = 0

  /** The first block whose last key is not below `key`; `blocks.length` if there is none. */
  const blockFor = (key: string): number => {
    let low = 0
    let high = blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const block = blocks[middle] as string[]
      if ((block[block.length - 1] as string) < key) low = middle + 1
      else high = middle
    }
    return low
  }

  const has = (key: string): boolean => {
    const block = blocks[blockFor(key)]
    return block !== undefined && block[placeOf(block, key)] === key
  }

  const add = (key: string): void => {
    const index = Math.min(blockFor(key), blocks.length - 1)
    const block = blocks[index]
    if (block === undefined) {
      blocks.push([key])
      size += 1
      return
    }
    const place = placeOf(block, key)
    if (block[place] === key) return
    block.splice(place, 0, key)
    size += 1
    if (block.length > BLOCK_KEYS_MAX) blocks.splice(index + 1, 0, block.splice(BLOCK_KEYS_MAX / 2))
  }

  const remove = (key: string): void => {
    const index = blockFor(key)
    const block = blocks[index]
    if (block === undefined) return
    const place = placeOf(block, key)
    if (block[place] !== key) return
    block.splice(place, 1)
    size -= 1
    if (block.length === 0) blocks.splice(index, 1)
  }

  const ascending = (from: string, to: string, limit: number): string[] => {
    const found: string[] = []
    for (let index = blockFor(from); index < blocks.length; index++) {
      const block = blocks[index] as string[]
      const start = found.length === 0 ? placeOf(block, from) : 0
      for (let place = start; place < block.length; place++) {
        const key = block[place] as string
        if (key >= to || found.length >= limit) return found
        found.push(key)
      }
    }
    return found
  }

  const descending = (from: string, to: string, limit: number): string[] => {
    const found: string[] = []
    for (let index = Math.min(blockFor(to), blocks.length - 1); index >= 0; index--) {
      const block = blocks[index] as string[]
      for (let place = placeOf(block, to) - 1; place >= 0; place--) {
        const key = block[place] as string
        if (key < from || found.length >= limit) return found
        found.push(key)
      }
    }
    return found
  }

  return {
    size: () => size,
    has,
    add,
    delete: remove,
    slice: (from, to, limit, reverse) => (reverse ? descending(from, to, limit) : ascending(from, to, limit))
  }
}

/** The place of the first key in `block` that is not below `key`. */
function placeOf(block: readonly string[], key: string): number {
  let low = 0
  let high = block.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((block[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
