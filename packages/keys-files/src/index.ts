/** The `Keys` port: encrypted files, and a twin in memory. */
export { createFileKeys, type FileKeysOptions } from './file-keys.ts'
export { createMemoryKeys } from './memory-keys.ts'
