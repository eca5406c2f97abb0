/** One of four hospitals dies under load: how much of the healthy rate is left, and how long nothing becomes final. */
import { DEFAULT_TIMING } from '@wardline/consensus'
import type { Site } from '../local-network/network.ts'
import { longestGapMs, rounded } from './figures.ts'
import { answeredWithin, startLoad } from './load.ts'
import { type Bench, sleep } from './network.ts'
import { createWorkload } from './workloads.ts'

const WARM_UP_MS = 4_000
/** After the death, until the others no longer wait for the dead one's turns: two rounds of all leaders, three turns of it. */
const NOTICE_MS = 8_000
const REACH_RATIO = 0.8

/** The clients use the three that stay. Kills the last of `sites` and leaves it dead. */
export async function measureOneDead(bench: Bench, sites: readonly Site[], label: string): Promise<void> {
  const { options, talk } = bench
  const clients = Math.max(...options.clients)
  const staying = sites.slice(0, -1)
  const dying = sites.at(-1)
  if (dying === undefined || staying.length === 0) throw new RangeError('a network has several sites')
  talk(`one-dead, ${clients} clients: ${options.seconds} s with all four, ${options.seconds} s with one dead`)
  const workload = await createWorkload('member.register', { sites: staying, label, clients })
  const load = startLoad(clients, async (client) => {
    await workload.call(client)
  })
  const pass = (milliseconds: number) => Promise.race([sleep(milliseconds), load.failed])
  await pass(WARM_UP_MS)
  const healthyFromMs = performance.now()
  await pass(options.seconds * 1000)
  const diedMs = performance.now()
  await dying.daemon.kill()
  await pass(NOTICE_MS)
  const deadFromMs = performance.now()
  await pass(options.seconds * 1000)
  const endMs = performance.now()
  await load.stop()

  const rate = (fromMs: number, toMs: number) =>
    (answeredWithin(load.calls, fromMs, toMs).length * 1000) / (toMs - fromMs)
  const healthy = rate(healthyFromMs, diedMs)
  const dead = rate(deadFromMs, endMs)
  const stallMs = longestGapMs(
    answeredWithin(load.calls, diedMs, endMs).map(({ endedAtMs }) => endedAtMs),
    diedMs,
    endMs
  )
  const { deltaMs, syncMs } = DEFAULT_TIMING
  const common = { kind: 'one-dead', clients } as const
  bench.report({
    ...{ ...common, name: 'rate-one-dead', value: rounded(dead / healthy), unit: 'x', reach: { atLeast: REACH_RATIO } },
    against: `calls answered when final: ${rounded(dead)} a second, ${rounded(healthy)} with all four alive`
  })
  bench.report({
    ...{ ...common, name: 'stall', value: rounded(stallMs), unit: 'ms', reach: { atMost: 2 * (3 * deltaMs + syncMs) } },
    against: 'the longest time without an answer from the death on, to two view timeouts'
  })
}
