/**
 * The promises of `Network`. Written for real transports too: a test waits for what must happen, with a generous deadline,
 * and gives what must not happen a moment to go wrong.
 */
import { limits, WardlineError } from '@wardline/codec'
import { suite, type Test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../clock.ts'
import type { GossipVerdict, Network, NetworkPeer, ServeOptions, StreamRequest } from '../network.ts'

export type NetworkMember = { readonly network: Network; readonly peer: NetworkPeer }

/** Members that allow each other and are dialling or connected, and the clock that their time runs by. */
export type NetworkSubject = {
  readonly members: readonly NetworkMember[]
  readonly clock: Clock
  cleanup(): Promise<void>
}

const PROTOCOL = '/wardline/compliance/1'
const TOPIC = '/wardline/compliance/gossip/1'
const OPTIONS: StreamRequest = { timeoutMs: 20_000, frameBytesMax: 2 * 1024 * 1024, framesMax: 1000 }
const SERVED: ServeOptions = { requestBytesMax: limits.gossipMessageBytesMax }
const WAIT_MS = 60_000
/** How long something that must not happen gets to happen. */
const QUIET_MS = 300

type World = { readonly members: readonly NetworkMember[]; readonly clock: Clock }

/** The suite `name` against networks of `count` members made by `make`. */
export function networkCompliance(name: string, make: (count: number) => Promise<NetworkSubject>): Test {
  const test = suite(name)

  const check = (title: string, count: number, run: (world: World) => Promise<void>): void => {
    test(title, async () => {
      const subject = await make(count)
      try {
        await until(subject, 'all connected', () =>
          subject.members.every((member) => member.network.connected().length === count - 1)
        )
        await run(subject)
      } finally {
        await subject.cleanup()
      }
    })
  }

  check('everybody is connected to everybody else, by sorted names', 3, async ({ members }) => {
    const names = members.map((member) => member.network.self)
    assert.is(new Set(names).size, 3)
    for (const { network, peer } of members) {
      assert.is(peer.name, network.self)
      assert.equal(network.connected(), names.filter((name) => name !== network.self).sort())
    }
  })

  check('a published message reaches every subscriber but its author, once', 3, async (world) => {
    const inboxes = await joined(world)
    const [a, b, c] = three(world)
    await a.gossip.publish(TOPIC, text('hello'))
    await until(world, 'the message', () => has(inboxes, b, 'hello') && has(inboxes, c, 'hello'))
    await quiet(world)
    assert.is(count(inboxes, a, 'hello'), 0)
    assert.is(count(inboxes, b, 'hello'), 1)
    assert.is(count(inboxes, c, 'hello'), 1)
    const from = inboxes.get(b.self)?.find((message) => message.data === 'hello')?.from
    assert.ok(from === a.self || from === c.self)
  })

  check('the same bytes again are dropped without an error, other bytes pass', 2, async (world) => {
    const inboxes = await joined(world)
    const [a, b] = two(world)
    await a.gossip.publish(TOPIC, text('once'))
    await until(world, 'the message', () => has(inboxes, b, 'once'))
    await a.gossip.publish(TOPIC, text('once'))
    await a.gossip.publish(TOPIC, text('other'))
    await until(world, 'the other message', () => has(inboxes, b, 'other'))
    await quiet(world)
    assert.is(count(inboxes, b, 'once'), 1)
  })

  check('a large gossip message arrives whole', 2, async (world) => {
    const inboxes = await joined(world)
    const [a, b] = two(world)
    const large = 'x'.repeat(1024 * 1024)
    await a.gossip.publish(TOPIC, text(large))
    await until(world, 'the large message', () => has(inboxes, b, large))
  })

  check('publishing to nobody is no error; a topic that nobody joined reaches nobody', 2, async (world) => {
    const inboxes = await joined(world)
    const [a, b] = two(world)
    await a.gossip.publish('/wardline/compliance/empty/1', text('lost'))
    await a.network.setPeers([])
    await until(world, 'the disconnection', () => a.network.connected().length === 0)
    await a.gossip.publish(TOPIC, text('alone'))
    await quiet(world)
    assert.is(count(inboxes, b, 'lost') + count(inboxes, b, 'alone'), 0)
  })

  check('a message travels on only after the handler accepted it', 3, async (world) => {
    const [a, b, c] = three(world)
    await line(world)
    const verdicts = new Map<string, GossipVerdict | 'throw'>([
      ['ignored', 'ignore'],
      ['rejected', 'reject'],
      ['thrown', 'throw']
    ])
    let release: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const inboxes = await joined(
      world,
      async (self, data) => {
        if (self !== b.self) return 'accept'
        if (data === 'held') await held
        const verdict = verdicts.get(data) ?? 'accept'
        if (verdict === 'throw') throw new Error('the handler of this test fails')
        return verdict
      },
      [
        [a.self, b.self],
        [b.self, c.self],
        [a.self, c.self]
      ]
    )
    for (const word of ['ignored', 'rejected', 'thrown', 'held', 'plain']) await a.gossip.publish(TOPIC, text(word))
    await until(world, 'the accepted message', () => has(inboxes, c, 'plain'))
    await until(world, 'all at the middle', () => count(inboxes, b, 'held') === 1 && has(inboxes, b, 'thrown'))
    await quiet(world)
    for (const word of ['ignored', 'rejected', 'thrown', 'held']) assert.is(count(inboxes, c, word), 0, word)
    release()
    await until(world, 'the released message', () => has(inboxes, c, 'held'))
    assert.is(inboxes.get(c.self)?.find((message) => message.data === 'plain')?.from, b.self)
  })

  check('after busy the same message is taken from another peer, after another verdict it is not', 3, async (world) => {
    const [a, b, c] = three(world)
    await line(world)
    const verdicts = new Map<string, GossipVerdict>([
      ['busy', 'busy'],
      ['ignored', 'ignore']
    ])
    const inboxes = await joined(
      world,
      async (self, data) => (self === b.self ? (verdicts.get(data) ?? 'accept') : 'accept'),
      [
        [a.self, b.self],
        [c.self, b.self]
      ]
    )
    for (const word of verdicts.keys()) await a.gossip.publish(TOPIC, text(word))
    await until(world, 'both at the middle', () => has(inboxes, b, 'busy') && has(inboxes, b, 'ignored'))
    await quiet(world)
    verdicts.clear()
    for (const word of ['ignored', 'busy']) await c.gossip.publish(TOPIC, text(word))
    await until(world, 'the second copy', () => count(inboxes, b, 'busy') === 2)
    await quiet(world)
    assert.is(count(inboxes, b, 'ignored'), 1)
    assert.equal(
      inboxes.get(b.self)?.flatMap((message) => (message.data === 'busy' ? [message.from] : [])),
      [a.self, c.self]
    )
  })

  check(
    'a peer taken off the list is disconnected on both sides, and comes back when allowed again',
    2,
    async (world) => {
      const [a, b] = two(world)
      const inboxes = await joined(world)
      const events: string[] = []
      const stop = b.network.onPeer((peer, event) => events.push(`${event} ${peer === a.self ? 'a' : peer}`))
      a.network.serve(
        PROTOCOL,
        async function* () {
          yield text('served')
        },
        SERVED
      )
      await a.network.setPeers([])
      await until(world, 'both disconnected', () => a.network.connected().length + b.network.connected().length === 0)
      await b.gossip.publish(TOPIC, text('to a stranger'))
      assert.is(await failure(read(b.network, a.self)), 'peer-unreachable')
      await quiet(world)
      assert.is(count(inboxes, a, 'to a stranger'), 0)
      assert.equal(events, ['disconnected a'])
      await a.network.setPeers(world.members.map((member) => member.peer))
      await until(
        world,
        'both connected again',
        () => a.network.connected().length + b.network.connected().length === 2
      )
      assert.equal(events, ['disconnected a', 'connected a'])
      assert.equal(await read(b.network, a.self), ['served'])
      stop()
      await a.network.setPeers([])
      await until(world, 'disconnected again', () => b.network.connected().length === 0)
      assert.is(events.length, 2)
    }
  )

  check('an answer arrives frame by frame, in order, from a handler that knows who asks', 2, async (world) => {
    const [a, b] = two(world)
    a.network.serve(
      PROTOCOL,
      async function* (request, from) {
        yield text(`${new TextDecoder().decode(request)} from ${from === b.self ? 'b' : from}`)
        for (let i = 0; i < 100; i++) yield text(`frame ${i}`)
      },
      SERVED
    )
    const frames = await read(b.network, a.self, 'question')
    assert.equal(frames, ['question from b', ...Array.from({ length: 100 }, (_, i) => `frame ${i}`)])
  })

  check('an answer may be empty; a frame and a request may be empty or large', 2, async (world) => {
    const [a, b] = two(world)
    a.network.serve(
      PROTOCOL,
      async function* (request) {
        if (request.length === 0) return
        yield new Uint8Array(0)
        yield request
      },
      SERVED
    )
    assert.equal(await read(b.network, a.self, ''), [])
    const large = 'y'.repeat(1024 * 1024)
    const frames = await read(b.network, a.self, large)
    assert.is(frames.length, 2)
    assert.is(frames[0], '')
    assert.ok(frames[1] === large)
  })

  check('an answer that breaks the bounds ends with stream-overflow', 2, async (world) => {
    const [a, b] = two(world)
    a.network.serve(
      PROTOCOL,
      async function* (request) {
        if (new TextDecoder().decode(request) === 'large') yield new Uint8Array(1001)
        for (let i = 0; i < 11; i++) yield new Uint8Array(1000)
      },
      SERVED
    )
    const bounds = { ...OPTIONS, frameBytesMax: 1000, framesMax: 10 }
    assert.is(await failure(read(b.network, a.self, 'large', bounds)), 'stream-overflow')
    assert.is(await failure(read(b.network, a.self, 'many', bounds)), 'stream-overflow')
    assert.is((await read(b.network, a.self, 'many', { ...bounds, framesMax: 11 })).length, 11)
  })

  check('the deadline is for the whole answer', 2, async (world) => {
    const [a, b] = two(world)
    a.network.serve(
      PROTOCOL,
      async function* (request) {
        if (new TextDecoder().decode(request) === 'silence') await new Promise(() => {})
        for (;;) {
          yield text('tick')
          await sleep(world.clock, 100)
        }
      },
      SERVED
    )
    assert.is(await failure(read(b.network, a.self, 'silence', { ...OPTIONS, timeoutMs: 300 })), 'stream-timeout')
    const frames: string[] = []
    const code = await failure(read(b.network, a.self, 'trickle', { ...OPTIONS, timeoutMs: 2000 }, frames))
    assert.is(code, 'stream-timeout')
    assert.ok(frames.length >= 1 && frames.length <= 22, `${frames.length} frames`)
  })

  check('a handler that fails, or none, ends the answer with stream-closed', 2, async (world) => {
    const [a, b] = two(world)
    a.network.serve(
      PROTOCOL,
      async function* () {
        yield text('first')
        throw new Error('the handler of this test fails')
      },
      SERVED
    )
    const frames: string[] = []
    assert.is(await failure(read(b.network, a.self, '', OPTIONS, frames)), 'stream-closed')
    assert.ok(frames.length <= 1)
    const unserved = b.network.request(a.self, '/wardline/compliance/unserved/1', text(''), OPTIONS)
    assert.is(await failure(drain(unserved)), 'stream-closed')
  })

  check(
    'leaving the loop early ends the handler, and an unread answer is not produced without end',
    2,
    async (world) => {
      const [a, b] = two(world)
      let produced = 0
      let ended = false
      a.network.serve(
        PROTOCOL,
        async function* () {
          try {
            while (produced < 4096) {
              produced += 1
              yield new Uint8Array(64 * 1024)
            }
          } finally {
            ended = true
          }
        },
        SERVED
      )
      const long = { ...OPTIONS, timeoutMs: WAIT_MS, framesMax: 1_000_000 }
      for await (const frame of b.network.request(a.self, PROTOCOL, text(''), long)) {
        assert.is(frame.length, 64 * 1024)
        await quiet(world)
        break
      }
      assert.ok(produced < 512, `${produced} frames of 64 KiB were produced for a reader that took one`)
      await until(world, 'the end of the handler', () => ended)
    }
  )

  check('one peer has a bounded number of requests running', 2, async (world) => {
    const [a, b] = two(world)
    let running = 0
    let runningMax = 0
    let release: () => void = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    a.network.serve(
      PROTOCOL,
      async function* () {
        running += 1
        runningMax = Math.max(runningMax, running)
        try {
          await released
          yield text('done')
        } finally {
          running -= 1
        }
      },
      SERVED
    )
    const outcomes: string[] = []
    const requests = Array.from({ length: limits.streamsPerPeer + 4 }, async () => {
      outcomes.push(await failure(read(b.network, a.self, '', { ...OPTIONS, timeoutMs: WAIT_MS })))
    })
    await until(world, 'the running requests', () => running === limits.streamsPerPeer)
    await quiet(world)
    assert.is(runningMax, limits.streamsPerPeer)
    release()
    await Promise.all(requests)
    assert.is(outcomes.filter((outcome) => outcome === 'none').length >= limits.streamsPerPeer, true)
    assert.equal(
      outcomes.filter((outcome) => outcome !== 'none' && outcome !== 'stream-closed'),
      []
    )
    assert.equal(await read(b.network, a.self), ['done'])
  })

  check(
    'a request above its bound does not reach the handler, and costs its sender the connection',
    2,
    async (world) => {
      const [a, b] = two(world)
      let served = 0
      const handler = async function* (request: Uint8Array) {
        served += 1
        yield request
      }
      a.network.serve(PROTOCOL, handler, { requestBytesMax: 64 })
      assert.is((await read(b.network, a.self, 'z'.repeat(64))).length, 1)
      assert.is(await failure(read(b.network, a.self, 'z'.repeat(65))), 'stream-closed')
      assert.is(served, 1)
      await untilCutOff(world, () => read(b.network, a.self, 'z'.repeat(65)))
      assert.is(served, 1)
    }
  )

  check('bad-request costs the asker the connection, other failures of a handler do not', 2, async (world) => {
    const [a, b] = two(world)
    const handler = async function* (request: Uint8Array) {
      yield* []
      const code = new TextDecoder().decode(request)
      throw code === '' ? new Error('the handler of this test fails') : new WardlineError(code, 'of this test')
    }
    a.network.serve(PROTOCOL, handler, SERVED)
    for (let i = 0; i < 40; i++) {
      assert.is(await failure(read(b.network, a.self, i % 2 === 0 ? '' : 'stream-overflow')), 'stream-closed')
    }
    assert.equal(a.network.connected(), [b.self])
    await untilCutOff(world, () => read(b.network, a.self, 'bad-request'))
  })

  check('the requests of one peer hold a bounded number of bytes over all protocols', 2, async (world) => {
    const [a, b] = two(world)
    const other = `${PROTOCOL}/other`
    let release: () => void = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    let held = 0
    const handler = async function* (request: Uint8Array) {
      held += request.length
      await released
      held -= request.length
      yield text('done')
    }
    for (const protocol of [PROTOCOL, other]) a.network.serve(protocol, handler, SERVED)
    const large = new Uint8Array(limits.gossipMessageBytesMax)
    const fitting = Math.floor(limits.requestBytesPerPeerMax / large.length)
    const long = { ...OPTIONS, timeoutMs: WAIT_MS }
    const outcomes = Array.from({ length: fitting + 2 }, (_, at) =>
      failure(drain(b.network.request(a.self, at % 2 === 0 ? PROTOCOL : other, large, long)))
    )
    await until(world, 'the running requests', () => held === fitting * large.length)
    await quiet(world)
    assert.is(held, fitting * large.length)
    release()
    assert.equal((await Promise.all(outcomes)).sort(), [
      ...Array(fitting).fill('none'),
      'stream-closed',
      'stream-closed'
    ])
    assert.equal(await read(b.network, a.self), ['done'], 'it cost no more than the requests')
  })

  check('a peer that is reported again and again is disconnected', 2, async (world) => {
    const [a, b] = two(world)
    for (let i = 0; i < 1000 && a.network.connected().length > 0; i++) {
      a.network.report(b.self, 'compliance')
      if (i % 20 === 19) await sleep(world.clock, 10)
    }
    await until(
      world,
      'the disconnection',
      () => a.network.connected().length === 0 && b.network.connected().length === 0
    )
  })

  check('closing disconnects, ends running requests, and may happen twice', 2, async (world) => {
    const [a, b] = two(world)
    a.network.serve(
      PROTOCOL,
      async function* () {
        yield text('first')
        await new Promise(() => {})
      },
      SERVED
    )
    let got = 0
    const running = (async () => {
      for await (const _ of b.network.request(a.self, PROTOCOL, text(''), { ...OPTIONS, timeoutMs: WAIT_MS })) got += 1
    })()
    const outcome = failure(running)
    await until(world, 'the first frame', () => got === 1)
    await a.network.close()
    await a.network.close()
    assert.is(await outcome, 'stream-closed')
    await until(world, 'the disconnection', () => b.network.connected().length === 0)
    assert.equal(a.network.connected(), [])
    assert.is(await failure(read(b.network, a.self)), 'peer-unreachable')
    assert.is(await failure(read(a.network, b.self)), 'peer-unreachable')
  })

  return test
}

type Message = { readonly data: string; readonly from: string }
type Side = { readonly self: string; readonly network: Network; readonly gossip: Network['gossip'] }

function side(world: World, index: number): Side {
  const network = world.members[index]?.network
  if (network === undefined) throw new Error(`the suite asked for member ${index}`)
  return { self: network.self, network, gossip: network.gossip }
}

function two(world: World): readonly [Side, Side] {
  return [side(world, 0), side(world, 1)]
}

function three(world: World): readonly [Side, Side, Side] {
  return [side(world, 0), side(world, 1), side(world, 2)]
}

/** Leaves only the connections first–second–third. */
async function line(world: World): Promise<void> {
  const [first, middle, last] = world.members
  if (first === undefined || middle === undefined || last === undefined) throw new Error('a line needs three members')
  await first.network.setPeers([middle.peer])
  await last.network.setPeers([middle.peer])
  await until(
    world,
    'the line',
    () =>
      first.network.connected().length === 1 &&
      last.network.connected().length === 1 &&
      middle.network.connected().length === 2
  )
}

/**
 * Everybody joins the topic. Resolves once a first message has gone over every (author, receiver) pair of `pairs`, because
 * a real mesh needs a moment to form; those messages begin with `warm` and are left out of the inboxes.
 */
async function joined(
  world: World,
  judge: (self: string, data: string) => Promise<GossipVerdict> = async () => 'accept',
  pairs?: readonly (readonly [author: string, receiver: string])[]
): Promise<Map<string, Message[]>> {
  const inboxes = new Map<string, Message[]>()
  const warm = new Set<string>()
  for (const { network } of world.members) {
    const inbox: Message[] = []
    inboxes.set(network.self, inbox)
    network.gossip.subscribe(TOPIC, async (data, from) => {
      const words = new TextDecoder().decode(data)
      if (words.startsWith('warm ')) {
        warm.add(`${words.split(' ')[1]} ${network.self}`)
        return 'accept'
      }
      inbox.push({ data: words, from })
      return judge(network.self, words)
    })
  }
  const names = world.members.map((member) => member.network.self)
  const wanted =
    pairs ?? names.flatMap((author) => names.filter((name) => name !== author).map((name) => [author, name] as const))
  const deadlineMs = world.clock.nowMs() + WAIT_MS
  for (let round = 0; !wanted.every(([author, receiver]) => warm.has(`${author} ${receiver}`)); round++) {
    assert.ok(world.clock.nowMs() < deadlineMs, 'the gossip mesh did not form in time')
    for (const { network } of world.members) await network.gossip.publish(TOPIC, text(`warm ${network.self} ${round}`))
    await sleep(world.clock, 100)
  }
  return inboxes
}

function has(inboxes: Map<string, Message[]>, member: Side, data: string): boolean {
  return count(inboxes, member, data) > 0
}

function count(inboxes: Map<string, Message[]>, member: Side, data: string): number {
  return (inboxes.get(member.self) ?? []).filter((message) => message.data === data).length
}

function text(words: string): Uint8Array {
  return new TextEncoder().encode(words)
}

/** The frames of one answer as text; those before a failure stay in `frames`. */
async function read(
  network: Network,
  peer: string,
  request = '',
  options: StreamRequest = OPTIONS,
  frames: string[] = []
): Promise<string[]> {
  for await (const frame of network.request(peer, PROTOCOL, text(request), options)) {
    frames.push(new TextDecoder().decode(frame))
  }
  return frames
}

/** Asks until the one asked has cut the connection for it. */
async function untilCutOff(world: World, ask: () => Promise<unknown>): Promise<void> {
  const [a, b] = two(world)
  for (let i = 0; i < 100 && b.network.connected().length > 0; i++) await failure(ask())
  await until(world, 'the disconnection', () => a.network.connected().length + b.network.connected().length === 0)
}

async function drain(frames: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of frames);
}

/** The code of the WardlineError that `work` fails with, or `none`. */
async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof WardlineError) return error.code
    throw error
  }
  return 'none'
}

function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}

function quiet(world: World): Promise<void> {
  return sleep(world.clock, QUIET_MS)
}

async function until(world: World, what: string, condition: () => boolean): Promise<void> {
  const deadlineMs = world.clock.nowMs() + WAIT_MS
  while (!condition()) {
    assert.ok(world.clock.nowMs() < deadlineMs, `waited ${WAIT_MS} ms in vain for ${what}`)
    await sleep(world.clock, 10)
  }
}
