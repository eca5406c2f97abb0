import type { Clock } from '@wardline/ports'
import { networkCompliance } from '@wardline/ports/compliance'
import { closeAll, startHosts } from './hosts.ts'

const systemClock: Clock = {
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return { cancel: () => clearTimeout(timer) }
  }
}

networkCompliance('network-libp2p/compliance', async (count) => {
  const members = await startHosts(count)
  return { members, clock: systemClock, cleanup: () => closeAll(members) }
}).run()
