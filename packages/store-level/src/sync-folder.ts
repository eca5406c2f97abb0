/** Durability of names: a created or renamed file survives a power cut once its folder is synced. */
import { open } from 'node:fs/promises'

export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
