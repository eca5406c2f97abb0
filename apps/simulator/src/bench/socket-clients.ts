/**
 * A thousand programs on one control socket at once, a third of them each way: HTTP that keeps its connection, WebSocket and
 * the raw stream. Each asks how the daemon is once a second, as monitoring does; how long it waits, whether anybody is turned
 * away, and what it costs the daemon. Then all of them ask in the same moment.
 */
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { Site } from '../local-network/network.ts'
import { percentile, rounded } from './figures.ts'
import { type Bench, sleep } from './network.ts'
import { cpuMs, residentBytes } from './process-usage.ts'

const CLIENTS = 1_000
const INTERVAL_MS = 1_000
const BURSTS = 5
/** Connections that are being made at once: the backlog of a listening socket is shorter than a thousand. */
const AT_ONCE = 50
const CALL = '{"jsonrpc":"2.0","id":1,"method":"status","params":{}}'

type Caller = { call(): Promise<string>; close(): void }

const TRANSPORTS = [openHttp, openWebSocket, openRaw]

export async function measureSocketClients(bench: Bench, sites: readonly Site[]): Promise<void> {
  const { options, report, talk } = bench
  const { daemon } = sites[0] as Site
  const path = daemon.sockets.read
  const idleBytes = await residentBytes(daemon.pid)
  const callers: Caller[] = []
  let refused = 0
  for (let from = 0; from < CLIENTS; from += AT_ONCE) {
    const opening = Array.from({ length: AT_ONCE }, (_, index) =>
      (TRANSPORTS[(from + index) % TRANSPORTS.length] as (typeof TRANSPORTS)[number])(path)
    )
    for (const opened of await Promise.allSettled(opening)) {
      if (opened.status === 'fulfilled') callers.push(opened.value)
      else refused += 1
    }
  }
  talk(`${callers.length} clients on one socket call once a second for ${options.seconds} s`)
  const waits: number[] = []
  const burstWaits: number[] = []
  const ask = async (caller: Caller, to: number[]): Promise<number> => {
    const askedMs = performance.now()
    const answer = await caller.call().catch(() => '')
    const waitedMs = performance.now() - askedMs
    if (answer.includes('"result"')) to.push(waitedMs)
    else refused += 1
    return waitedMs
  }
  const cpuBefore = await cpuMs(daemon.pid)
  const startMs = performance.now()
  const endMs = startMs + options.seconds * 1_000
  const work = async (caller: Caller, index: number) => {
    await sleep((index / CLIENTS) * INTERVAL_MS)
    while (performance.now() < endMs) {
      const waitedMs = await ask(caller, waits)
      await sleep(Math.max(0, INTERVAL_MS - waitedMs))
    }
  }
  await Promise.all(callers.map(work))
  const tookMs = performance.now() - startMs
  const cpuPercent = ((await cpuMs(daemon.pid)) - cpuBefore) / tookMs
  for (let burst = 0; burst < BURSTS; burst++) await Promise.all(callers.map((caller) => ask(caller, burstWaits)))
  const busyBytes = await residentBytes(daemon.pid)
  for (const caller of callers) caller.close()
  const figure = (name: string, value: number, unit: string, against: string, atMost?: number) =>
    report({
      name,
      value: rounded(value),
      unit,
      kind: 'socket.clients',
      clients: CLIENTS,
      against,
      ...(atMost !== undefined && { reach: { atMost } })
    })
  const rate = `${rounded(waits.length / (tookMs / 1_000))} calls of status a second over HTTP, WebSocket and raw streams`
  figure('latency-p50', percentile(waits, 0.5), 'ms', rate)
  figure('latency-p99', percentile(waits, 0.99), 'ms', rate)
  const together = `${BURSTS} times all at once; until the last has its answer ${rounded(Math.max(...burstWaits))} ms`
  figure('burst-p50', percentile(burstWaits, 0.5), 'ms', together)
  figure('burst-p99', percentile(burstWaits, 0.99), 'ms', together)
  figure('refused', refused, 'calls', `of ${waits.length + burstWaits.length + refused}`, 0)
  figure('cpu', cpuPercent * 100, '%', 'of one core, the daemon')
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20)
  figure('rss', mebibytes(busyBytes), 'MiB', `the daemon at the end, ${mebibytes(idleBytes)} before the clients came`)
}

async function openHttp(socketPath: string): Promise<Caller> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const call = () =>
    new Promise<string>((resolve, reject) => {
      const outgoing = request({ agent, socketPath, method: 'POST', path: '/' }, (answer) => {
        let text = ''
        answer.on('data', (chunk) => {
          text += chunk
        })
        answer.on('end', () => resolve(text))
      })
      outgoing.on('error', reject)
      outgoing.end(CALL)
    })
  await call()
  return { call, close: () => agent.destroy() }
}

async function openWebSocket(path: string): Promise<Caller> {
  const client = new WebSocket(`ws+unix:${path}:/`, { perMessageDeflate: false })
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject))
  const answers = oneByOne()
  client.on('message', (data: Buffer) => answers.give(String(data)))
  client.on('error', answers.end)
  client.on('close', answers.end)
  const call = () => answers.take(() => client.send(CALL))
  return { call, close: () => client.terminate() }
}

async function openRaw(path: string): Promise<Caller> {
  const socket: Socket = connect(path)
  await new Promise<void>((resolve, reject) => socket.once('connect', () => resolve()).once('error', reject))
  const answers = oneByOne()
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
    if (!text.endsWith('\n')) return
    answers.give(text)
    text = ''
  })
  socket.on('error', answers.end)
  socket.on('close', answers.end)
  const call = () => answers.take(() => socket.write(CALL))
  return { call, close: () => socket.destroy() }
}

/** The answer to one call after another. */
function oneByOne() {
  let settle: { resolve(text: string): void; reject(): void } | undefined
  return {
    give: (text: string) => settle?.resolve(text),
    end: () => settle?.reject(),
    take: (ask: () => void) =>
      new Promise<string>((resolve, reject) => {
        settle = { resolve, reject }
        ask()
      })
  }
}
