import { keysCompliance } from '@wardline/ports/compliance'
import { createMemoryKeys } from '../src/index.ts'

const test = keysCompliance('keys-files/memory-keys', async () => {
  const keys = createMemoryKeys()
  return { open: async () => keys, cleanup: async () => {} }
})

test.run()
