import { clockCompliance } from '@wardline/ports/compliance'
import { createSystemClock } from '../src/index.ts'

clockCompliance('system/clock', async () => ({ clock: createSystemClock(), cleanup: async () => {} })).run()
