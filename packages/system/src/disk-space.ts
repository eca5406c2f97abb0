/** The room on the file system of a folder. */
import { statfs } from 'node:fs/promises'
import { WardlineError } from '@wardline/codec'
import type { DiskSpace } from '@wardline/ports'

export function createDiskSpace(folder: string): DiskSpace {
  return {
    async read() {
      try {
        const { bavail, blocks, bsize } = await statfs(folder)
        return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
      } catch (cause) {
        throw new WardlineError('disk-unreadable', `The room left on the disk of ${folder} cannot be read.`, { cause })
      }
    }
  }
}
