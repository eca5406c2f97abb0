import type { Network } from '@wardline/ports'
import { networkCompliance } from '@wardline/ports/compliance'
import { runningWorld } from './running-world.ts'

networkCompliance('network-memory/memory-network compliance', async (count) => {
  const { world, cleanup } = runningWorld()
  const nodes = Array.from({ length: count }, (_, index) => world.node(`n${index}`))
  const members = await Promise.all(
    nodes.map(async (node) => {
      const network = await new Promise<Network>((resolve) => {
        node.start((process) => resolve(process.network))
      })
      return { network, peer: node.peer }
    })
  )
  for (const { network } of members) await network.setPeers(members.map((member) => member.peer))
  return { members, clock: world.clock, cleanup }
}).run()
