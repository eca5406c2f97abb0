import { diskSpaceCompliance } from '@wardline/ports/compliance'
import { createMemoryDiskSpace } from '../src/index.ts'

diskSpaceCompliance('system/memory-disk-space', {
  readable: () => createMemoryDiskSpace(() => ({ freeBytes: 1024, totalBytes: 4096 })),
  unreadable: () => createMemoryDiskSpace(() => undefined)
}).run()
