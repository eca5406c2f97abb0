/** What happens to a transaction that the network lost on its way to everybody. */
import type { Network } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { chainWorld, type Hospital, registered } from './chain-world.ts'

const test = suite('node/impatience')

/** Loses every transaction that its daemon gossips. */
function mute(network: Network): Network {
  return {
    ...network,
    gossip: {
      ...network.gossip,
      publish: (topic, data) => (topic.includes('/tx/') ? Promise.resolve() : network.gossip.publish(topic, data))
    }
  }
}

for (const at of [0, 1, 2, 3]) {
  test(`a transaction at hospital ${at} that no gossip carried is asked for by those who would sleep, and final in time`, async () => {
    const others = [0, 1, 2, 3].filter((index) => index !== at)
    const it = await chainWorld(4, others)
    it.start(at, mute)
    await it.run(2000)
    const transaction = registered(it.genesis, it.hospitals[at] as Hospital, 'doctor')
    const startMs = it.world.nowMs()
    await it.commit(at, { transaction })
    assert.ok(it.world.nowMs() - startMs < 60_000, `${it.world.nowMs() - startMs} ms`)
    await it.run(1000)
    for (const index of others) assert.ok(it.chain(index).query.place(transaction.id))
  })
}

test.run()
