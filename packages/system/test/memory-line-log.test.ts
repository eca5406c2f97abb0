import { lineLogCompliance } from '@wardline/ports/compliance'
import { createMemoryLineLog } from '../src/index.ts'

lineLogCompliance('system/memory-line-log compliance', async () => {
  const disk = createMemoryLineLog()
  return {
    open: disk.open,
    text: async () => disk.text(),
    tear: async (bytes) => disk.tear(bytes),
    cleanup: async () => {}
  }
}).run()
