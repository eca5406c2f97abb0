import type { Clock, Random } from '@wardline/ports'
import { clockCompliance, randomCompliance } from '@wardline/ports/compliance'
import { createWorld } from '../src/index.ts'
import { noDisk, runningWorld } from './running-world.ts'

let random: Random | undefined
const world = createWorld({ seed: 5, disk: noDisk })
world.node('a').start((process) => {
  random = process.random
})
await world.run()
clockCompliance('network-memory/world clock', async () => {
  const { world, cleanup } = runningWorld()
  return { clock: world.clock, cleanup }
}).run()

clockCompliance('network-memory/node clock', async () => {
  const { world, cleanup } = runningWorld()
  const node = world.node('a')
  node.setClockOffset(-12_345)
  const clock = await new Promise<Clock>((resolve) => {
    node.start((process) => resolve(process.clock))
  })
  return { clock, cleanup }
}).run()

randomCompliance('network-memory/node random', () => random as Random).run()
