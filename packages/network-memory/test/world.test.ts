import { AssertionError, WardlineError } from '@wardline/codec'
import type { Network } from '@wardline/ports'
import { createMemoryDisk, type MemoryDisk } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createWorld, type NetworkFaults, type NodeProcess, type World } from '../src/index.ts'

const test = suite('network-memory/world')

const SERVED = { requestBytesMax: 1024 }

const HOSTILE: Partial<NetworkFaults> = {
  delayMs: [1, 40],
  dropRate: 0.1,
  duplicateRate: 0.05,
  slowRate: 0.05,
  streamBreakRate: 0.01
}

function worldOf(seed: number, faults: Partial<NetworkFaults> = {}): World<MemoryDisk> {
  return createWorld({
    seed,
    faults,
    disk: ({ clock, prng }) => createMemoryDisk({ clock, latencyMs: () => prng.between(0.1, 3) })
  })
}

/** A node that gossips, counts on disk what it hears, and asks its peers for their counts. */
async function chatter(process: NodeProcess<MemoryDisk>, names: readonly string[]): Promise<void> {
  const { clock, disk, network, random } = process
  const store = await disk.openStore('heard')
  const journal = await disk.openJournal('votes')
  let heard = store.get('count')?.length ?? 0
  network.serve(
    '/count/1',
    async function* () {
      for (let i = 0; i < 5; i++) yield new Uint8Array(heard % 100)
    },
    SERVED
  )
  network.gossip.subscribe('talk', async (data) => {
    heard += 1
    await journal.append(data)
    await store.write([{ key: 'count', value: new Uint8Array(heard) }], { sync: heard % 3 === 0 })
    return data[0] === 7 ? 'reject' : 'accept'
  })
  await network.setPeers(names.map((name) => ({ name, addresses: [] })))
  const talk = async (): Promise<void> => {
    clock.after(20 + (random.bytes(1)[0] as number), () => void talk())
    await network.gossip.publish('talk', random.bytes(40))
    const peer = network.connected()[0]
    if (peer === undefined) return
    try {
      const options = { timeoutMs: 200, frameBytesMax: 100, framesMax: 5 }
      for await (const frame of network.request(peer, '/count/1', new Uint8Array(1), options)) heard += frame.length % 2
    } catch (error) {
      if (!(error instanceof WardlineError)) throw error
    }
  }
  void talk()
}

async function chaos(seed: number): Promise<{ hash: string; events: number }> {
  const world = worldOf(seed, HOSTILE)
  const names = ['a', 'b', 'c', 'd']
  for (const name of names) world.node(name).start((process) => chatter(process, names))
  for (let round = 0; round < 10; round++) {
    await world.run({ forMs: 500 })
    const node = world.node(world.prng.pick(names))
    if (world.prng.chance(0.5)) node.restart()
    else world.partition([[node.name]])
    await world.run({ forMs: 300 })
    world.heal()
  }
  return { hash: world.trace.hash(), events: world.trace.count() }
}

test('the same seed gives the same run, another seed another', async () => {
  const first = await chaos(11)
  assert.ok(first.events > 3000, `${first.events} events`)
  assert.equal(await chaos(11), first)
  assert.is.not((await chaos(12)).hash, first.hash)
})

test('an end of the run is by time, by idleness, by count or by condition', async () => {
  const world = worldOf(1)
  const startMs = world.nowMs()
  assert.equal(await world.run({ forMs: 1000 }), { reason: 'idle', events: 0 })
  assert.is(world.nowMs(), startMs + 1000)
  let ticks = 0
  const tick = (): void => {
    ticks += 1
    world.clock.after(100, tick)
  }
  world.clock.after(100, tick)
  assert.equal(await world.run({ untilMs: startMs + 1550 }), { reason: 'time', events: 5 })
  assert.is(world.nowMs(), startMs + 1550)
  assert.equal(await world.run({ steps: 3 }), { reason: 'steps', events: 3 })
  assert.equal(await world.run({ until: () => ticks === 10 }), { reason: 'condition', events: 2 })
})

test('an event is over only when all promise work that it set off is done', async () => {
  const world = worldOf(1)
  let depth = 0
  const dig = async (): Promise<void> => {
    for (let i = 0; i < 1000; i++) {
      await Promise.resolve()
      depth += 1
    }
  }
  world.clock.after(1, () => void dig())
  await world.run({ steps: 1, afterEvent: () => assert.is(depth, 1000) })
  assert.is(depth, 1000)
})

test('a crashed process stops: no timer, no write, no message of it comes any more', async () => {
  const world = worldOf(1)
  const log: string[] = []
  const program = async ({ clock, disk, incarnation }: NodeProcess<MemoryDisk>): Promise<void> => {
    const store = await disk.openStore('s')
    log.push(`${incarnation} finds ${store.get('synced')?.[0]} ${store.get('unsynced')?.[0]}`)
    await store.write([{ key: 'synced', value: new Uint8Array([incarnation]) }], { sync: true })
    await store.write([{ key: 'unsynced', value: new Uint8Array([incarnation]) }], { sync: false })
    clock.after(100, () => {
      log.push(`${incarnation} timer`)
      void store
        .write([{ key: 'synced', value: new Uint8Array([99]) }], { sync: true })
        .then(() => log.push(`${incarnation} wrote`))
    })
  }
  const node = world.node('a')
  node.start(program)
  await world.run({ forMs: 50 })
  node.crash({ keep: 'nothing' })
  assert.is(node.state(), 'off')
  await world.run({ forMs: 500 })
  node.start(program)
  await world.run({ until: () => log.includes('2 timer') })
  node.crash({ keep: 'nothing' })
  await world.run({ forMs: 500 })
  node.restart()
  await world.run({ forMs: 50 })
  assert.equal(log, ['1 finds undefined undefined', '2 finds 1 undefined', '2 timer', '3 finds 2 undefined'])
  node.kill()
  node.restart()
  await world.run({ forMs: 50 })
  assert.is(log.at(-1), '4 finds 3 3')
})

test('a process may end itself, and only itself', async () => {
  const world = worldOf(1)
  const node = world.node('a')
  let first: NodeProcess<MemoryDisk> | undefined
  node.start((process) => {
    first = process
  })
  await world.run()
  node.restart()
  first?.exit()
  assert.is(node.state(), 'running')
  first = undefined
  await world.run()
  ;(first as NodeProcess<MemoryDisk> | undefined)?.exit()
  assert.is(node.state(), 'off')
})

type Peers = { readonly world: World<MemoryDisk>; readonly heard: string[]; readonly networks: Map<string, Network> }

/** Nodes that log `author hears data`, all allowed everywhere. */
async function listeners(names: readonly string[], faults: Partial<NetworkFaults> = {}): Promise<Peers> {
  const world = worldOf(3, faults)
  const heard: string[] = []
  const networks = new Map<string, Network>()
  for (const name of names) {
    world.node(name).start(async ({ network }) => {
      networks.set(name, network)
      network.gossip.subscribe('t', async (data) => {
        heard.push(`${name} hears ${new TextDecoder().decode(data)}`)
        return 'accept'
      })
      network.serve(
        '/echo/1',
        async function* (request) {
          yield request
        },
        SERVED
      )
      await network.setPeers(names.map((peer) => ({ name: peer, addresses: [] })))
    })
  }
  await world.run({ forMs: 1000 })
  return { world, heard, networks }
}

async function say({ world, networks }: Peers, name: string, data: string): Promise<void> {
  await networks.get(name)?.gossip.publish('t', new TextEncoder().encode(data))
  await world.run({ forMs: 1000 })
}

test('a partition loses what crosses it, is noticed, and heals by itself once ended', async () => {
  const peers = await listeners(['a', 'b', 'c'])
  const { world, heard, networks } = peers
  world.partition([['a']])
  await say(peers, 'a', 'x')
  assert.equal(heard, [])
  await say(peers, 'b', 'y')
  assert.equal(heard, ['c hears y'])
  assert.is(networks.get('a')?.connected().length, 2)
  await world.run({ forMs: 20_000 })
  assert.equal(networks.get('a')?.connected(), [])
  assert.equal(networks.get('b')?.connected(), ['c'])
  world.heal()
  await world.run({ forMs: 1000 })
  assert.equal(networks.get('a')?.connected(), ['b', 'c'])
  heard.length = 0
  await say(peers, 'a', 'z')
  assert.equal(heard.toSorted(), ['b hears z', 'c hears z'])
})

test('a cut is one-way, and others relay around it', async () => {
  const two = await listeners(['a', 'b'])
  two.world.cut('a', 'b')
  await say(two, 'a', 'x')
  assert.equal(two.heard, [])
  await say(two, 'b', 'y')
  assert.equal(two.heard, ['a hears y'])
  const three = await listeners(['a', 'b', 'c'])
  three.world.cut('a', 'b')
  await say(three, 'a', 'x')
  assert.equal(three.heard, ['c hears x', 'b hears x'])
})

test('a request over a cut ends at its deadline, one to a crashed peer when the crash is noticed', async () => {
  const peers = await listeners(['a', 'b'])
  const { world, networks } = peers
  const codes: string[] = []
  const ask = async (): Promise<void> => {
    try {
      const options = { timeoutMs: 5000, frameBytesMax: 10, framesMax: 1 }
      for await (const _ of networks.get('a')?.request('b', '/echo/1', new Uint8Array(1), options) ?? [])
        codes.push('frame')
    } catch (error) {
      codes.push((error as WardlineError).code)
    }
  }
  void ask()
  await world.run({ forMs: 100 })
  assert.equal(codes, ['frame'])
  world.cut('b', 'a')
  void ask()
  await world.run({ forMs: 4900 })
  assert.equal(codes, ['frame'])
  await world.run({ forMs: 200 })
  assert.equal(codes, ['frame', 'stream-timeout'])
  world.heal()
  world.node('b').crash()
  void ask()
  await world.run({ forMs: 100 })
  void ask()
  await world.run({ forMs: 100 })
  assert.equal(codes, ['frame', 'stream-timeout', 'stream-closed', 'peer-unreachable'])
})

test('faults happen at their rates', async () => {
  const peers = await listeners(['a', 'b'])
  const count = async (faults: Partial<NetworkFaults>): Promise<number> => {
    peers.heard.length = 0
    peers.world.setFaults({ dropRate: 0, duplicateRate: 0, ...faults })
    for (let i = 0; i < 1000; i++) {
      await peers.networks.get('a')?.gossip.publish('t', peers.world.prng.bytes(16))
    }
    await peers.world.run({ forMs: 10_000 })
    return peers.heard.length
  }
  assert.is(await count({}), 1000)
  assert.is(await count({ dropRate: 1 }), 0)
  const half = await count({ dropRate: 0.5 })
  assert.ok(half > 400 && half < 600, `${half} of 1000 arrived`)
  const more = await count({ duplicateRate: 0.3 })
  assert.ok(more > 1200 && more < 1400, `${more} arrivals of 1000`)
})

test('wide delays reorder, a fixed delay does not', async () => {
  for (const [delayMs, ordered] of [
    [[5, 5], true],
    [[1, 50], false]
  ] as const) {
    const peers = await listeners(['a', 'b'], { delayMs })
    for (let i = 0; i < 30; i++) {
      void peers.networks.get('a')?.gossip.publish('t', new TextEncoder().encode(String(i).padStart(2, '0')))
    }
    await peers.world.run({ forMs: 1000 })
    assert.is(peers.heard.length, 30)
    assert.is(peers.heard.join() === peers.heard.toSorted().join(), ordered)
  }
})

test('a banned peer comes back after its time', async () => {
  const { world, networks } = await listeners(['a', 'b'])
  for (let i = 0; i < 20; i++) networks.get('a')?.report('b', 'test')
  await world.run({ forMs: 30_000 })
  assert.equal(networks.get('b')?.connected(), [])
  await world.run({ forMs: 31_000 })
  assert.equal(networks.get('b')?.connected(), ['a'])
})

test('a clock offset moves what the clock says, not when timers run', async () => {
  const world = worldOf(1)
  const node = world.node('a')
  const seen: number[] = []
  node.start(({ clock }) => {
    seen.push(clock.nowMs() - world.nowMs())
    clock.after(1000, () => seen.push(clock.nowMs() - world.nowMs()))
  })
  await world.run({ steps: 1 })
  node.setClockOffset(-5000)
  await world.run()
  assert.equal(seen, [0, -5000])
})

test('a failure ends the run and names the seed', async () => {
  const cases: readonly ((world: World<MemoryDisk>) => void)[] = [
    (world) => {
      world.clock.after(5, () => {
        throw new Error('broken here')
      })
    },
    (world) =>
      world.node('a').start(async () => {
        await Promise.resolve()
        throw new Error('broken here')
      }),
    (world) => {
      for (const name of ['a', 'b']) {
        world.node(name).start(async ({ network, clock }) => {
          network.gossip.subscribe('t', async () => {
            throw new AssertionError('broken here')
          })
          await network.setPeers([world.node('a').peer, world.node('b').peer])
          clock.after(500, () => void network.gossip.publish('t', new TextEncoder().encode(name)))
        })
      }
    }
  ]
  for (const arrange of cases) {
    const world = worldOf(4711)
    arrange(world)
    const error = await world.run({ forMs: 1000 }).then(
      () => undefined,
      (reason: unknown) => reason
    )
    assert.match(String(error), /broken here.*seed 4711/)
  }
  const world = worldOf(4711)
  world.clock.after(5, () => {})
  const error = await world
    .run({
      afterEvent: () => {
        throw new Error('I1 does not hold')
      }
    })
    .catch((reason: unknown) => reason)
  assert.match(String(error), /I1 does not hold.*seed 4711/)
})

test('work of real threads may be awaited through track, and comes back in the order of the calls', async () => {
  const runs: string[] = []
  for (let repeat = 0; repeat < 2; repeat++) {
    const world = worldOf(1)
    const order: string[] = []
    world.clock.after(1, () => {
      for (const [name, delayMs] of [
        ['slow', 40],
        ['fast', 1],
        ['failing', 5]
      ] as const) {
        const real = new Promise<string>((resolve, reject) => {
          setTimeout(() => (name === 'failing' ? reject(new Error(name)) : resolve(name)), delayMs)
        })
        world.track(real).then(
          (value) => order.push(value),
          (error: Error) => order.push(error.message)
        )
      }
    })
    world.clock.after(2, () => order.push('next event'))
    await world.run()
    runs.push(order.join())
  }
  assert.equal(runs, ['slow,fast,failing,next event', 'slow,fast,failing,next event'])
})

test('the trace keeps its newest events for reading', async () => {
  const world = createWorld({ seed: 1, disk: () => createMemoryDisk(), traceKeep: 3 })
  for (let i = 1; i <= 5; i++) world.clock.after(i, () => {})
  await world.run()
  world.trace.note('the end')
  assert.equal(
    world.trace.recent().map((event) => `${event.kind} ${event.atMs} ${event.detail}`),
    ['timer 4 ', 'timer 5 ', 'note 5 the end']
  )
})

test('a whisper reaches those it is for, and what faults have hit is counted', async () => {
  const world = worldOf(5)
  const names = ['a', 'b', 'c', 'd']
  const heard: string[] = []
  let speaker: NodeProcess<MemoryDisk> | undefined
  for (const name of names) {
    world.node(name).start(async (process) => {
      if (name === 'a') speaker = process
      process.network.gossip.subscribe('talk', async (data) => {
        heard.push(`${name} ${data[0]}`)
        return 'ignore'
      })
      await process.network.setPeers(names.map((one) => ({ name: one, addresses: [] })))
    })
  }
  await world.run({ forMs: 2000 })
  speaker?.whisper(['b', 'd'], 'talk', Uint8Array.of(1))
  speaker?.whisper(['c'], 'talk', Uint8Array.of(1))
  await world.run({ forMs: 2000 })
  assert.equal(heard.sort(), ['b 1', 'c 1', 'd 1'])
  assert.is(world.networkFaults().size, 0)
  world.setFaults({ dropRate: 1 })
  speaker?.whisper(['b', 'd'], 'talk', Uint8Array.of(2))
  await world.run({ forMs: 2000 })
  assert.equal([...world.networkFaults()], [['drop', 2]])
  assert.is(heard.length, 3)
})

test.run()
