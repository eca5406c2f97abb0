/** The `Vault` port: encrypted files, and a twin in memory. */
export { type FileVaultOptions, openFileVault } from './file-vault.ts'
export {
  createMemoryVaultDisk,
  type MemoryVaultCrash,
  type MemoryVaultDisk,
  type MemoryVaultOptions
} from './memory-vault.ts'
