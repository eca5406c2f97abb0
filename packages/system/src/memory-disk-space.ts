/** The room on a disk that is none. */
import { WardlineError } from '@wardline/codec'
import type { DiskSpace, Space } from '@wardline/ports'

/** @param spaceNow undefined where it cannot be read */
export function createMemoryDiskSpace(spaceNow: () => Space | undefined): DiskSpace {
  return {
    async read() {
      const space = spaceNow()
      if (space === undefined) throw new WardlineError('disk-unreadable', 'The room left on this disk cannot be read.')
      return space
    }
  }
}
