/** Keys in memory, for tests and simulated worlds. */
import { WardlineError } from '@wardline/codec'
import type { KeySet, Keys } from '@wardline/ports'
import { assertKeysName, copyKeySet, markName } from './key-set.ts'

export function createMemoryKeys(): Keys {
  const stored = new Map<string, KeySet>()
  const voted = new Set<string>()
  return {
    async load(name) {
      assertKeysName(name)
      const secrets = stored.get(name)
      return secrets === undefined ? undefined : copyKeySet(secrets)
    },
    async create(name, secrets) {
      assertKeysName(name)
      const copy = copyKeySet(secrets)
      if (stored.has(name)) throw new WardlineError('keys-exist', `keys are already stored under ${name}`)
      stored.set(name, copy)
    },
    hasVoted: async (chain, key) => voted.has(markName(chain, key)),
    async markVoted(chain, key) {
      voted.add(markName(chain, key))
    }
  }
}
