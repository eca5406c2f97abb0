import { randomCompliance } from '@wardline/ports/compliance'
import { createSystemRandom } from '../src/index.ts'

randomCompliance('system/random', createSystemRandom).run()
