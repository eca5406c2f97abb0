/** The keys of one use in memory: the one of a key set, and those that are made to replace it. */
import type { KeySet, Random } from '@wardline/ports'
import type { KeyLine } from '../src/chain-setup.ts'

/** @param made what was made before, which a daemon that is started again still has; it is added to */
export function memoryKeyLine(keys: KeySet, use: string, random: Random, made: Uint8Array[] = []): KeyLine {
  return {
    all: async () => [...(keys[use] === undefined ? [] : [keys[use]]), ...made],
    async make() {
      const secret = random.bytes(32)
      made.push(secret)
      return secret
    }
  }
}
