import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { AssertionError, limits, name32, type SignKey, WardlineError } from '@wardline/codec'
import { publicSignKey } from '@wardline/crypto'
import type { ServeOptions, StreamRequest } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { freePort } from '../../../test/free-port.ts'
import { createLibp2pNetwork, type Libp2pNetwork, peerNameOf } from '../src/index.ts'
import {
  allConnected,
  closeAll,
  type Host,
  keepingLog,
  listAll,
  pause,
  port,
  startHost,
  startHosts,
  until
} from './hosts.ts'
import { type RawPeer, startRawPeer } from './raw-peer.ts'

const test = suite('network-libp2p/network')
const TOPIC = '/wardline/test/1'
const PROTOCOL = '/wardline/test-sync/1'
const SERVED: ServeOptions = { requestBytesMax: 70_000 }
const OPTIONS: StreamRequest = { timeoutMs: 60_000, frameBytesMax: limits.streamFrameBytesMax, framesMax: 100 }

/** Runs `run` and closes everything that it registered, whatever happens. */
async function withParts(run: (closing: (part: { close(): Promise<void> }) => void) => Promise<void>): Promise<void> {
  const parts: { close(): Promise<void> }[] = []
  try {
    await run((part) => void parts.push(part))
  } finally {
    await Promise.all(parts.map((part) => part.close()))
  }
}

const WARM = 'warm '
/** Who has heard a warm message of whom: `RECEIVER AUTHOR`. */
const warm = new Set<string>()

/** Takes in a message that only tells that gossip flows; false for any other. */
function isWarm(network: Libp2pNetwork, data: Uint8Array): boolean {
  const text = Buffer.from(data).toString()
  if (!text.startsWith(WARM)) return false
  warm.add(`${network.self} ${text.split(' ')[1]}`)
  return true
}

/** Waits until what the author publishes reaches the receivers, which subscribe with `isWarm`: a mesh needs a moment to form. */
async function flows(author: Host, receivers: readonly Host[]): Promise<void> {
  for (let round = 0; receivers.some(({ network }) => !warm.has(`${network.self} ${author.network.self}`)); round++) {
    assert.ok(round < 1_000, 'gossip does not flow')
    await author.network.gossip.publish(TOPIC, Buffer.from(`${WARM}${author.network.self} ${round}`))
    await pause(50)
  }
}

function inbox(network: Libp2pNetwork): Uint8Array[] {
  const messages: Uint8Array[] = []
  network.gossip.subscribe(TOPIC, async (data) => {
    if (!isWarm(network, data)) messages.push(data)
    return 'accept'
  })
  return messages
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    if (error instanceof WardlineError) return error.code
    throw error
  }
}

async function framesOf(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = []
  for await (const frame of source) frames.push(frame)
  return frames
}

/** A listed member whose host is a raw peer that `host` knows. */
async function listedRawPeer(host: Host): Promise<RawPeer> {
  const raw = await startRawPeer(randomBytes(32))
  await host.network.setPeers([{ name: raw.name, addresses: [] }])
  return raw
}

function closeCodeOf(stream: Stream): Promise<string> {
  return new Promise((resolve) => {
    if (stream.status === 'reset' || stream.status === 'aborted') resolve(stream.status)
    stream.addEventListener('close', () => resolve(stream.status), { once: true })
  })
}

test('a peer is named by its public key', () =>
  withParts(async (closing) => {
    const host = await startHost()
    closing(host.network)
    const key = publicSignKey(host.secretKey)
    assert.is(peerNameOf(key), host.network.self)
    assert.match(host.network.addresses()[0] ?? '', new RegExp(`/p2p/${host.network.self}$`))
    assert.is(peerNameOf(name32<SignKey>('00'.repeat(32))).length, host.network.self.length)
  }))

test('a secret key of another length and a port in use are refused', () =>
  withParts(async (closing) => {
    try {
      await createLibp2pNetwork({ secretKey: new Uint8Array(31), listen: [], log: keepingLog() })
      assert.unreachable()
    } catch (error) {
      assert.instance(error, TypeError)
    }
    const host = await startHost()
    closing(host.network)
    assert.is(await codeOf(startHost({ port: port(host) })), 'port-in-use')
  }))

test('an outsider who dials, subscribes, asks and opens streams gets nothing', () =>
  withParts(async (closing) => {
    const hosts = await startHosts(2)
    const outsider = await startRawPeer(randomBytes(32))
    closing(outsider)
    for (const { network } of hosts) closing(network)
    const [a, b] = hosts as [Host, Host]
    let served = 0
    a.network.serve(
      PROTOCOL,
      async function* () {
        served += 1
        yield new Uint8Array(1)
      },
      SERVED
    )
    const received = inbox(b.network)
    inbox(a.network)
    await allConnected(hosts)

    let heard = 0
    outsider.gossip.addEventListener('message', () => {
      heard += 1
    })
    outsider.gossip.subscribe(TOPIC)
    const seen: string[] = []
    a.network.onPeer((peer) => seen.push(peer))
    for (const protocol of [PROTOCOL, '/meshsub/1.2.0', '/meshsub/1.0.0', '/ipfs/id/1.0.0', '/ipfs/ping/1.0.0']) {
      const opened = await outsider.open(a, protocol).then(
        () => true,
        () => false
      )
      assert.not(opened, protocol)
    }
    const connection = await outsider.dial(a).catch(() => undefined)
    if (connection !== undefined) outsider.joinGossip(connection)
    await outsider.gossip.publish(TOPIC, randomBytes(10))
    await a.network.gossip.publish(TOPIC, randomBytes(20))
    await until('the message among members', () => received.length === 1)
    await until('no connection is left', () =>
      outsider.node.getConnections().every((connection) => connection.status !== 'open')
    )
    await pause(200)
    assert.is(heard, 0)
    assert.is(received[0]?.length, 20)
    assert.is(served, 0)
    assert.equal(seen, [])
  }))

test('many half-open connections keep nobody from talking', () =>
  withParts(async (closing) => {
    const hosts = await startHosts(2)
    for (const { network } of hosts) closing(network)
    const [a, b] = hosts as [Host, Host]
    const received = inbox(b.network)
    inbox(a.network)
    await allConnected(hosts)
    await flows(a, [b])
    const sockets: Socket[] = Array.from({ length: 400 }, () => connect(port(a), '127.0.0.1').on('error', () => {}))
    const kept = () => sockets.filter((socket) => socket.readyState === 'open').length
    await until('no more are kept of a stranger than there is room for', () => {
      return sockets.every((socket) => socket.readyState !== 'opening') && kept() <= 128
    })
    await a.network.gossip.publish(TOPIC, randomBytes(100))
    await until('the message', () => received.length === 1)
    for (const socket of sockets) socket.destroy()
  }))

test('a peer that restarts on its port is connected again, by either side', () =>
  withParts(async (closing) => {
    const hosts = [await startHost(), await startHost({ port: await freePort() })]
    await listAll(hosts)
    const [a, b] = hosts as [Host, Host]
    closing(a.network)
    await allConnected(hosts)
    await b.network.close()
    await until('the disconnection', () => a.network.connected().length === 0)
    const again = await startHost({ secretKey: b.secretKey, port: port(b) })
    closing(again.network)
    assert.is(again.network.self, b.network.self)
    // Listed without addresses, so that only the other side can dial.
    await again.network.setPeers([{ name: a.network.self, addresses: [] }])
    await allConnected([a, again])
    const received = inbox(again.network)
    inbox(a.network)
    await flows(a, [again])
    await a.network.gossip.publish(TOPIC, randomBytes(10))
    await until('gossip after the restart', () => received.length === 1)
  }))

test('two peers that dial each other at once end with one steady link', () =>
  withParts(async (closing) => {
    for (let round = 0; round < 5; round += 1) {
      const hosts = await Promise.all([startHost(), startHost(), startHost()])
      for (const { network } of hosts) closing(network)
      const events: string[] = []
      for (const { network } of hosts) network.onPeer((_, event) => events.push(event))
      await listAll(hosts)
      await allConnected(hosts)
      await pause(100)
      assert.equal(events, Array(6).fill('connected'))
    }
  }))

test('gossip of the largest size arrives; a byte more is refused and breaks nothing', () =>
  withParts(async (closing) => {
    const hosts = await startHosts(3)
    for (const { network } of hosts) closing(network)
    const [a] = hosts as [Host]
    const inboxes = hosts.map(({ network }) => inbox(network))
    await allConnected(hosts)
    await flows(a, hosts.slice(1))
    const large = randomBytes(limits.gossipMessageBytesMax)
    await a.network.gossip.publish(TOPIC, large)
    await until('the largest message', () => inboxes.slice(1).every((messages) => messages.length === 1))
    assert.ok(inboxes[1]?.[0] !== undefined && Buffer.compare(inboxes[1][0], large) === 0)
    const beyond = a.network.gossip.publish(TOPIC, randomBytes(limits.gossipMessageBytesMax + 1))
    assert.is(await codeOf(beyond), 'gossip-too-large')
    await a.network.gossip.publish(TOPIC, randomBytes(1))
    await until('the next message', () => inboxes.slice(1).every((messages) => messages.length === 2))
  }))

test('two members without a link between them hear each other at once through a third', () =>
  withParts(async (closing) => {
    const hosts = await Promise.all([startHost(), startHost(), startHost()])
    for (const { network } of hosts) closing(network)
    const [a, b, c] = hosts as [Host, Host, Host]
    const mute = (host: Host) => ({ name: host.peer.name, addresses: [] })
    await a.network.setPeers([b.peer, mute(c)])
    await b.network.setPeers([a.peer, c.peer])
    await c.network.setPeers([mute(a), b.peer])
    const [, , received] = hosts.map(({ network }) => inbox(network))
    await until('the line', () => b.network.connected().length === 2)
    await flows(a, [c])
    const times: number[] = []
    for (let count = 1; count <= 10; count += 1) {
      const begin = performance.now()
      await a.network.gossip.publish(TOPIC, randomBytes(100))
      await until('the relayed message', () => received?.length === count)
      times.push(performance.now() - begin)
    }
    times.sort((x, y) => x - y)
    // At a heartbeat, of which there is one every 500 ms, the third would have said that it has it.
    assert.ok((times[2] ?? Infinity) < 200, `relayed after ${times[2]} ms`)
  }))

test('a full block body travels as one frame, and 40 MiB in many', () =>
  withParts(async (closing) => {
    const hosts = await startHosts(2)
    for (const { network } of hosts) closing(network)
    const [a, b] = hosts as [Host, Host]
    const body = randomBytes(limits.streamFrameBytesMax)
    a.network.serve(
      PROTOCOL,
      async function* (request) {
        for (let count = 0; count < (request[0] ?? 0); count += 1) yield body
      },
      SERVED
    )
    await allConnected(hosts)
    const begin = performance.now()
    const frames = await framesOf(b.network.request(a.network.self, PROTOCOL, Uint8Array.of(8), OPTIONS))
    assert.is(frames.length, 8)
    for (const frame of frames) assert.ok(Buffer.compare(frame, body) === 0)
    console.log(`40 MiB in ${Math.round(performance.now() - begin)} ms`)
  }))

test('a slow reader holds the handler back', () =>
  withParts(async (closing) => {
    const hosts = await startHosts(2)
    for (const { network } of hosts) closing(network)
    const [a, b] = hosts as [Host, Host]
    let produced = 0
    a.network.serve(
      PROTOCOL,
      async function* () {
        for (; produced < 400; produced += 1) yield new Uint8Array(64 * 1024)
      },
      SERVED
    )
    await allConnected(hosts)
    let taken = 0
    for await (const frame of b.network.request(a.network.self, PROTOCOL, new Uint8Array(0), {
      ...OPTIONS,
      framesMax: 400
    })) {
      taken += frame.length / 64 / 1024
      if (taken === 1) await pause(300)
      assert.ok(produced - taken < 128, `${produced - taken} frames ahead`)
    }
    assert.is(taken, 400)
  }))

test('a client that never reads, or never asks, is cut', () =>
  withParts(async (closing) => {
    const lines: string[] = []
    const host = await startHost({ stallMs: 500, log: keepingLog(lines) })
    closing(host.network)
    const raw = await listedRawPeer(host)
    closing(raw)
    let ended = false
    host.network.serve(
      PROTOCOL,
      async function* () {
        try {
          for (;;) yield new Uint8Array(1024 * 1024)
        } finally {
          ended = true
        }
      },
      SERVED
    )
    const deaf = await raw.open(host, PROTOCOL)
    deaf.pause()
    deaf.send(Uint8Array.of(0, 0, 0, 0))
    const mute = await raw.open(host, PROTOCOL)
    mute.send(Uint8Array.of(0, 0))
    await until('the end of the handler', () => ended)
    assert.is(await closeCodeOf(mute), 'reset')
    assert.ok(lines.some((line) => line.includes('stream-timeout')))
  }))

test('a failed assertion in a handler is not kept from who ends the process; any other failure is', () =>
  withParts(async (closing) => {
    const bugs: string[] = []
    const hosts = [await startHost({ onBug: ({ message }) => bugs.push(message) }), await startHost()]
    for (const { network } of hosts) closing(network)
    await listAll(hosts)
    await allConnected(hosts)
    const [host, other] = hosts as [Host, Host]
    const failures: Record<string, Error> = {
      world: new WardlineError('store-failed', 'the disk of this test is full'),
      unknown: new TypeError('of this test'),
      asked: new AssertionError('asked')
    }
    host.network.serve(
      PROTOCOL,
      // biome-ignore lint/correctness/useYield: it fails before it has anything to give
      async function* (request) {
        const failure = failures[Buffer.from(request).toString()]
        assert.ok(failure)
        throw failure
      },
      SERVED
    )
    for (const asked of Object.keys(failures)) {
      const answer = framesOf(other.network.request(host.network.self, PROTOCOL, Buffer.from(asked), OPTIONS))
      assert.is(await codeOf(answer), 'stream-closed', asked)
    }
    assert.equal(bugs, ['asked'])
    host.network.gossip.subscribe(TOPIC, async (data) => {
      if (isWarm(host.network, data)) return 'accept'
      throw new AssertionError('told')
    })
    other.network.gossip.subscribe(TOPIC, async () => 'accept')
    await flows(other, [host])
    await other.network.gossip.publish(TOPIC, Buffer.from('a message'))
    await until('the failed assertion', () => bugs.includes('told'))
  }))

test('a length prefix of 1 GB ends the stream on either side, without waiting for the bytes', () =>
  withParts(async (closing) => {
    const lines: string[] = []
    const host = await startHost({ log: keepingLog(lines) })
    closing(host.network)
    const raw = await listedRawPeer(host)
    closing(raw)
    host.network.serve(
      PROTOCOL,
      async function* () {
        yield new Uint8Array(1)
      },
      SERVED
    )
    const stream = await raw.open(host, PROTOCOL)
    stream.send(Uint8Array.of(0x40, 0, 0, 0, 1))
    assert.is(await closeCodeOf(stream), 'reset')
    assert.ok(lines.some((line) => line.includes('stream-overflow')))

    await raw.node.handle('/wardline/bad/1', (bad) => {
      bad.send(Uint8Array.of(0x40, 0, 0, 0, 1))
    })
    const [connection] = raw.node.getConnections()
    assert.ok(connection)
    const answer = framesOf(host.network.request(raw.name, '/wardline/bad/1', new Uint8Array(1), OPTIONS))
    assert.is(await codeOf(answer), 'stream-overflow')
  }))

test('garbage on every protocol harms nobody else, and the link comes back', () =>
  withParts(async (closing) => {
    const hosts = await startHosts(2)
    for (const { network } of hosts) closing(network)
    const [a, b] = hosts as [Host, Host]
    const raw = await startRawPeer(randomBytes(32))
    closing(raw)
    const received = inbox(b.network)
    inbox(a.network)
    a.network.serve(
      PROTOCOL,
      async function* (request) {
        yield request
      },
      SERVED
    )
    await a.network.setPeers([b.peer, { name: raw.name, addresses: [] }])
    await allConnected([a, b].map((host) => host)).catch(() => {})
    for (const protocol of [PROTOCOL, '/meshsub/1.2.0', '/meshsub/1.1.0', '/meshsub/1.0.0']) {
      for (const size of [1, 3, 100, 70_000]) {
        const stream = await raw.open(a, protocol)
        stream.send(randomBytes(size))
        await stream.close({ signal: AbortSignal.timeout(1000) }).catch(() => {})
      }
    }
    // Below TLS-like layers: garbage instead of a handshake, and a handshake cut short.
    for (const bytes of [randomBytes(500), Buffer.from('\x13/multistream/1.0.0\n\x07/noise\n')]) {
      const socket = connect(port(a), '127.0.0.1').on('error', () => {})
      socket.write(bytes)
      await pause(20)
      socket.destroy()
    }
    await until('the honest link', () => b.network.connected().includes(a.network.self))
    await flows(a, [b])
    await a.network.gossip.publish(TOPIC, randomBytes(33))
    await until('the honest message', () => received.some((data) => data.length === 33))
    const echoed = await framesOf(b.network.request(a.network.self, PROTOCOL, randomBytes(5), OPTIONS))
    assert.is(echoed[0]?.length, 5)
  }))

test('a link whose gossip broke is closed and made anew', () =>
  withParts(async (closing) => {
    const lines: string[] = []
    const host = await startHost({ log: keepingLog(lines) })
    closing(host.network)
    const raw = await listedRawPeer(host)
    closing(raw)
    inbox(host.network)
    const connection = await raw.dial(host)
    raw.joinGossip(connection)
    raw.gossip.subscribe(TOPIC)
    await until('the link', () => host.network.connected().length === 1)
    // A frame that announces 16 MiB: gossipsub gives up reading and says nothing.
    const stream = await connection.newStream(['/meshsub/1.2.0'])
    stream.send(Uint8Array.of(0x80, 0x80, 0x80, 0x08, 1))
    await until('the closing of the broken link', () => connection.status !== 'open')
    assert.ok(lines.some((line) => line.includes('gossip with it is broken')))
    assert.equal(host.network.connected(), [])
  }))

test('taking a peer off the list ends its requests and refuses its streams', () =>
  withParts(async (closing) => {
    const hosts = await startHosts(2)
    for (const { network } of hosts) closing(network)
    const [a, b] = hosts as [Host, Host]
    let begun = false
    let ended = false
    a.network.serve(
      PROTOCOL,
      async function* () {
        begun = true
        try {
          for (;;) {
            yield new Uint8Array(10)
            await pause(10)
          }
        } finally {
          ended = true
        }
      },
      SERVED
    )
    await allConnected(hosts)
    const running = codeOf(framesOf(b.network.request(a.network.self, PROTOCOL, new Uint8Array(0), OPTIONS)))
    await until('the answer has begun', () => begun)
    await a.network.setPeers([])
    assert.is(await running, 'stream-closed')
    await until('the end of the handler', () => ended)
    assert.is(
      await codeOf(framesOf(b.network.request(a.network.self, PROTOCOL, new Uint8Array(0), OPTIONS))),
      'peer-unreachable'
    )
  }))

test('a peer whose gossip is rejected again and again is refused', () =>
  withParts(async (closing) => {
    const hosts = await startHosts(2)
    for (const { network } of hosts) closing(network)
    const [a, b] = hosts as [Host, Host]
    a.network.gossip.subscribe(TOPIC, async (data) => (isWarm(a.network, data) ? 'accept' : 'reject'))
    inbox(b.network)
    await allConnected(hosts)
    await flows(b, [a])
    for (let count = 0; count < 12; count += 1) await b.network.gossip.publish(TOPIC, randomBytes(10))
    await until('the disconnection', () => a.network.connected().length === 0)
    await pause(800)
    assert.equal(a.network.connected(), [])
  }))

test('a peer that fills its share of waiting gossip and relays a message cannot keep the honest copy away', () =>
  withParts(async (closing) => {
    const [victim, flooder, honest] = await Promise.all([startHost(), startHost(), startHost()])
    for (const { network } of [victim, flooder, honest]) closing(network)
    // The two have no link, so that the honest one does not know the message from the other.
    await victim.network.setPeers([flooder.peer, honest.peer])
    await Promise.all([flooder, honest].map(({ network }) => network.setPeers([victim.peer])))
    const heard: string[] = []
    let waiting = 0
    victim.network.gossip.subscribe(TOPIC, async (data, from) => {
      if (isWarm(victim.network, data)) return 'accept'
      if (from === honest.network.self) heard.push(Buffer.from(data).toString())
      if (from !== flooder.network.self) return 'accept'
      waiting += 1
      await new Promise(() => {})
      return 'ignore'
    })
    inbox(flooder.network)
    inbox(honest.network)
    await until('the links', () => victim.network.connected().length === 2)
    for (const author of [flooder, honest]) await flows(author, [victim])
    for (let count = 0; count < 256; count += 1) await flooder.network.gossip.publish(TOPIC, randomBytes(8))
    await until('the full queue', () => waiting === 256)
    await flooder.network.gossip.publish(TOPIC, Buffer.from('proposal'))
    await pause(200)
    await honest.network.gossip.publish(TOPIC, Buffer.from('proposal'))
    await until('the honest copy', () => heard.includes('proposal'))
    assert.is(waiting, 256)
  }))

test('what is sent behind a small request is not taken in', () =>
  withParts(async (closing) => {
    const host = await startHost()
    closing(host.network)
    const raw = await listedRawPeer(host)
    closing(raw)
    let served = 0
    host.network.serve(
      PROTOCOL,
      async function* () {
        served += 1
        await new Promise(() => {})
        yield new Uint8Array(1)
      },
      { requestBytesMax: 64 }
    )
    const stream = await raw.open(host, PROTOCOL)
    stream.send(Uint8Array.of(0, 0, 0, 1, 7))
    await until('the request', () => served === 1)
    const chunk = new Uint8Array(64 * 1024)
    for (let count = 0; count < 64; count += 1) stream.send(chunk)
    await pause(500)
    const takenBytes = 64 * chunk.length - stream.writeBufferLength
    assert.ok(takenBytes <= 300 * 1024, `${takenBytes} bytes are more than one window of the stream`)
  }))

test('close ends soon and leaves nothing behind', async () => {
  const hosts = await startHosts(3)
  await allConnected(hosts)
  const [a, b] = hosts as [Host, Host]
  let begun = false
  a.network.serve(
    PROTOCOL,
    async function* () {
      begun = true
      await new Promise(() => {})
    },
    SERVED
  )
  const open = codeOf(framesOf(b.network.request(a.network.self, PROTOCOL, new Uint8Array(0), OPTIONS)))
  await until('the answer has begun', () => begun)
  const begin = performance.now()
  await closeAll(hosts)
  assert.ok(performance.now() - begin < 4000, `closing took ${Math.round(performance.now() - begin)} ms`)
  assert.is(await open, 'stream-closed')
  // libp2p leaves timers of at most a second that do nothing any more.
  const left = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP') || kind === 'Timeout')
  await until('nothing is left', () => left().length === 0)
})

test.run()
