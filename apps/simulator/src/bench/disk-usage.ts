/** How much disk a folder takes. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const BLOCK_BYTES = 512

/** Allocated bytes of all files below `folder`. A file that disappears meanwhile counts as none: LevelDB compacts when it likes. */
export async function allocatedBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(files.map((file) => blocksOf(join(file.parentPath, file.name))))
  return sizes.reduce((sum, blocks) => sum + blocks * BLOCK_BYTES, 0)
}

async function blocksOf(path: string): Promise<number> {
  try {
    return (await stat(path)).blocks
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
