/** Keys in memory, for tests and simulated worlds. */
import { WardlineError } from '@wardline/codec'
import type { KeySet, Keys } from '@wardline/ports'
import { assertKeysName, copyKeySet } from './key-set.ts'

export function createMemoryKeys(): Keys {
  const stored = new Map<string, KeySet>()
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
    }
  }
}
