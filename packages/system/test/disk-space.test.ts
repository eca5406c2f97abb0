import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { diskSpaceCompliance } from '@wardline/ports/compliance'
import { createDiskSpace } from '../src/index.ts'

diskSpaceCompliance('system/disk-space', {
  readable: () => createDiskSpace(tmpdir()),
  unreadable: () => createDiskSpace(join(tmpdir(), 'wl-no-such-folder'))
}).run()
