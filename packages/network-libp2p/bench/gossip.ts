/**
 * What a gossip message costs, over four hosts on loopback: in one process, so the CPU shown is the sum over all four.
 * `node packages/network-libp2p/bench/gossip.ts [hosts]`
 */

import { randomBytes } from 'node:crypto'
import type { Log } from '@wardline/ports'
import { createLibp2pNetwork, type Libp2pNetwork } from '../src/index.ts'

const quiet: Log = {
  debug() {},
  info() {},
  warn: (message, fields) => console.error(message, fields),
  error: (message, fields) => console.error(message, fields),
  with: () => quiet
}

const hosts = Number(process.argv[2] ?? 4)
const networks: Libp2pNetwork[] = []
for (let index = 0; index < hosts; index += 1) {
  networks.push(await createLibp2pNetwork({ secretKey: randomBytes(32), listen: ['/ip4/127.0.0.1/tcp/0'], log: quiet }))
}
const [first] = networks
if (first === undefined) throw new TypeError('at least one host')

let received = 0
let waiting: { count: number; done: () => void } | undefined
for (const network of networks) {
  network.gossip.subscribe('/bench/1', async () => {
    received += 1
    if (waiting !== undefined && received >= waiting.count) waiting.done()
    return 'accept'
  })
}
const startedMs = performance.now()
const peers = networks.map((network) => ({ name: network.self, addresses: network.addresses() }))
await Promise.all(networks.map((network) => network.setPeers(peers)))
while (networks.some((network) => network.connected().length < hosts - 1)) await pause(5)
console.log(`${hosts} hosts connected after ${Math.round(performance.now() - startedMs)} ms`)
await pause(4000)

const rssMb = (): number => Math.round(process.memoryUsage().rss / 2 ** 20)
const idleCpu = process.cpuUsage()
await pause(10_000)
const idle = process.cpuUsage(idleCpu)
console.log(
  `idle 10 s: ${((idle.user + idle.system) / 100_000 / hosts).toFixed(3)} % CPU per host; RSS ${rssMb()} MB for all`
)

/** Publishes and resolves when all others have it. */
async function publishAndWait(network: Libp2pNetwork, data: Uint8Array): Promise<void> {
  received = 0
  const done = new Promise<void>((resolve) => {
    waiting = { count: hosts - 1, done: resolve }
  })
  await network.gossip.publish('/bench/1', data)
  await done
}

for (const size of [1024, 65_536, 1024 * 1024]) {
  for (let round = 0; round < 50; round += 1) await publishAndWait(first, randomBytes(size))
  const rounds = size > 100_000 ? 40 : 400
  const times: number[] = []
  const cpu = process.cpuUsage()
  for (let round = 0; round < rounds; round += 1) {
    const data = randomBytes(size)
    const begin = performance.now()
    await publishAndWait(networks[round % hosts] as Libp2pNetwork, data)
    times.push(performance.now() - begin)
  }
  const { user, system } = process.cpuUsage(cpu)
  times.sort((a, b) => a - b)
  const at = (part: number): string => (times[Math.floor(part * times.length)] ?? 0).toFixed(2)
  console.log(
    `lone ${size} B: to all others p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; CPU ${((user + system) / 1000 / rounds).toFixed(3)} ms per message, all hosts`
  )
}

for (const size of [1024, 65_536]) {
  const count = size > 2000 ? 400 : 4000
  const batch = 20
  const cpu = process.cpuUsage()
  const begin = performance.now()
  for (let sent = 0; sent < count; sent += batch) {
    received = 0
    const done = new Promise<void>((resolve) => {
      waiting = { count: batch * (hosts - 1), done: resolve }
    })
    for (let index = 0; index < batch; index += 1) {
      void (networks[index % hosts] as Libp2pNetwork).gossip.publish('/bench/1', randomBytes(size))
    }
    await done
  }
  const { user, system } = process.cpuUsage(cpu)
  console.log(
    `load ${size} B: ${Math.round((count * 1000) / (performance.now() - begin))} messages/s; CPU ${((user + system) / 1000 / count).toFixed(3)} ms per message, all hosts`
  )
}

console.log(`RSS after the load: ${rssMb()} MB for all`)
const closeMs = performance.now()
await Promise.all(networks.map((network) => network.close()))
console.log(`closed in ${Math.round(performance.now() - closeMs)} ms`)

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
