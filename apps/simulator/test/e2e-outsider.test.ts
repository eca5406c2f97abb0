/**
 * An outsider: a hospital with keys and a card that verify, which no genesis names. It knows the members' addresses and the
 * chain's id, and gets nothing: no connection is kept, no message, block or payload arrives.
 */
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type GossipSub, gossipsub, StrictNoSign } from '@chainsafe/libp2p-gossipsub'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { type Connection, type Libp2p, serviceCapabilities } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { encodeCbor, nameBytes, type TransactionId } from '@wardline/codec'
import { homePaths } from '@wardline/config'
import { createSigner, createVoteSigner, publicSealKey } from '@wardline/crypto'
import { cardMember, makeCard, verifyCard } from '@wardline/ledger'
import { createSystemRandom } from '@wardline/system'
import { createLibp2p } from 'libp2p'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { freePort } from '../../../test/free-port.ts'
import { takeHome } from '../src/adversary/taken-home.ts'
import { startDaemon } from '../src/local-network/daemon.ts'
import { restartSite } from '../src/local-network/network.ts'
import { runWardline } from '../src/local-network/wardline.ts'
import {
  base64,
  LABEL,
  memberOf,
  type Network,
  pause,
  startFour,
  until,
  untilEqualHeads,
  untilState,
  untilWell
} from './e2e-network.ts'

const test = suite('simulator/e2e-outsider')

type RawHost = { readonly node: Libp2p; readonly gossip: GossipSub; joinGossip(connection: Connection): void }

const secrets = { identity: randomBytes(32), sign: randomBytes(32), vote: randomBytes(32), host: randomBytes(32) }

let network: Network
let outsider: RawHost
const heard: string[] = []
test.before(async () => {
  network = await startFour()
  outsider = await startRawHost(secrets.host)
  outsider.gossip.addEventListener('gossipsub:message', ({ detail }) => heard.push(detail.msg.topic))
})
test.after(async () => {
  await outsider.node.stop()
  await network.remove()
})

/** A libp2p host with none of the daemon's manners. */
async function startRawHost(secretKey: Uint8Array): Promise<RawHost> {
  type Components = Parameters<ReturnType<typeof gossipsub>>[0]
  let components: Components | undefined
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', secretKey),
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: {
      connections: () => ({ [serviceCapabilities]: ['@libp2p/identify'] }),
      gossip: (given: Components): GossipSub => {
        components = given
        return gossipsub({ globalSignaturePolicy: StrictNoSign, allowPublishToZeroTopicPeers: true })(given)
      }
    }
  })
  return {
    node,
    gossip: node.services.gossip,
    joinGossip(connection) {
      for (const version of ['1.2.0', '1.1.0']) {
        const [topology] = components?.registrar.getTopologies(`/meshsub/${version}`) ?? []
        void topology?.onConnect?.(connection.remotePeer, connection)
      }
    }
  }
}

const memberAddresses = () => network.genesis.founders.map(({ addresses }) => addresses)

function dial({ node }: RawHost, addresses: readonly string[]): Promise<Connection> {
  const signal = AbortSignal.timeout(10_000)
  return node.dial(
    addresses.map((address) => multiaddr(address)),
    { signal }
  )
}

/** How many bytes a member's host sends on a stream of this protocol, within a moment; none where it opens none. */
async function bytesFrom(
  host: RawHost,
  addresses: readonly string[],
  protocol: string,
  request: Uint8Array
): Promise<number> {
  let sizeBytes = 0
  try {
    const connection = await dial(host, addresses)
    const stream = await connection.newStream([protocol], { signal: AbortSignal.timeout(2_000) })
    stream.addEventListener('message', ({ data }) => {
      sizeBytes += data.byteLength
    })
    stream.send(framed(request))
    await pause(300)
  } catch {
    // Refused before or while it asked, which is what it should be: what counts is what arrived.
  }
  return sizeBytes
}

/** A request behind its length, as members write it: 4 bytes, big-endian. */
function framed(request: Uint8Array): Uint8Array {
  const frame = new Uint8Array(4 + request.length)
  new DataView(frame.buffer).setUint32(0, request.length)
  frame.set(request, 4)
  return frame
}

test('its card is as good as any member’s', () => {
  const facts = {
    name: 'Outsider',
    label: LABEL,
    seal: publicSealKey(randomBytes(32)),
    addresses: ['/ip4/127.0.0.1/tcp/20001']
  }
  const card = makeCard(facts, {
    identity: createSigner(secrets.identity),
    sign: createSigner(secrets.sign),
    vote: createVoteSigner(secrets.vote),
    host: createSigner(secrets.host)
  })
  assert.equal(verifyCard(card), [])
})

test('no connection is kept, whichever member it dials', async () => {
  for (const addresses of memberAddresses()) await dial(outsider, addresses).catch(() => undefined)
  await until('all are closed', () => outsider.node.getConnections().every(({ status }) => status !== 'open'))
})

test('it subscribes to the chain’s topics and hears none of the traffic', async () => {
  const topics = ['tx', 'proposal', 'vote'].map((name) => `/wardline/${network.chain}/${name}/1`)
  for (const topic of topics) outsider.gossip.subscribe(topic)
  let over = false
  const dialling = (async () => {
    while (!over) {
      for (const addresses of memberAddresses()) {
        await dial(outsider, addresses).then(outsider.joinGossip, () => undefined)
      }
      await pause(20)
    }
  })()
  const [alpha] = network.sites
  for (let i = 0; i < 20; i++) {
    await alpha?.daemon.ehr.call('record.send', { to: ['Beta'], content: base64(`secret ${i}`) })
  }
  await outsider.gossip.publish(topics[0] as string, randomBytes(100)).catch(() => undefined)
  over = true
  await dialling
  assert.equal(heard, [])
  // Nobody has told it of a subscription, either.
  for (const topic of topics) assert.equal(outsider.gossip.getSubscribers(topic), [])
})

test('it asks for blocks, for what is pending, for a payload and to be heard, and gets no byte', async () => {
  const [alpha, beta] = network.sites
  const sent = await alpha?.daemon.ehr.call('record.send', { to: ['Beta'], content: base64('not for outsiders') })
  assert.ok(sent !== undefined && alpha !== undefined && beta !== undefined)
  await untilState(alpha.daemon, sent, memberOf(beta), 'opened')
  for (const addresses of memberAddresses()) {
    for (const [protocol, request] of requestsFor(sent.id)) {
      assert.is(await bytesFrom(outsider, addresses, protocol, request), 0, protocol)
    }
  }
})

test('the same requests with the key of a member are answered: it is the key that the outsider lacks', async () => {
  const [alpha, , , delta] = network.sites
  const sent = await alpha?.daemon.ehr.call('record.send', { to: ['Delta'], content: base64('for a member') })
  assert.ok(sent !== undefined && delta !== undefined)
  await delta.daemon.stop()
  const taken = await takeHome(delta.home, LABEL, createSystemRandom())
  const member = await startRawHost(taken.keys.host)
  const founder = network.genesis.founders.find((card) => cardMember(card) === (alpha && memberOf(alpha)))
  for (const [protocol, request] of requestsFor(sent.id).slice(0, 3)) {
    const isAnswered = async () => (await bytesFrom(member, founder?.addresses ?? [], protocol, request)) > 0
    await until(`${protocol} is answered`, isAnswered)
  }
  await member.node.stop()
  await taken.release()
  await restartSite(delta)
})

function requestsFor(id: TransactionId): readonly (readonly [protocol: string, request: Uint8Array])[] {
  return [
    ['/wardline/sync/1', encodeCbor({ ask: 'blocks', from: 1, max: 10 })],
    ['/wardline/sync/1', encodeCbor({ ask: 'pending' })],
    ['/wardline/payload/1', encodeCbor({ transactions: [nameBytes(id)] })],
    ['/wardline/consensus/1', new Uint8Array(10)],
    ['/meshsub/1.2.0', new Uint8Array(10)],
    ['/ipfs/id/1.0.0', new Uint8Array(0)]
  ]
}

test('the members do not count it among their peers, and are well', async () => {
  await untilEqualHeads(network.sites)
  const name = outsider.node.peerId.toString()
  for (const { daemon } of network.sites) {
    const { peers } = await daemon.admin.call('peers.list', {})
    assert.is(peers.length, 3)
    assert.not(peers.some(({ peer }) => peer === name))
  }
  await untilWell(network.sites)
})

test('a whole daemon of its own, with the genesis but not in it, stays at height 0', async () => {
  const home = join(network.folder, 'outsider')
  await runWardline(home, ['init', '--name=Outsider'])
  const listen = `/ip4/127.0.0.1/tcp/${await freePort()}`
  const card = join(network.folder, 'outsider.card')
  await runWardline(home, ['id', 'export', '--chain', LABEL, '--listen', listen, '--out', card])
  const { genesis } = homePaths(home).chain(LABEL)
  await mkdir(dirname(genesis), { recursive: true })
  await copyFile(network.genesisFile, genesis)
  const daemon = await startDaemon(home)
  const { chains } = await daemon.until(({ chains: [chain] }) => chain?.phase === 'running', 120_000)
  assert.is(chains[0]?.validator, false)
  await pause(3_000)
  const later = await daemon.admin.call('status', {})
  assert.equal([later.chains[0]?.height, later.chains[0]?.peers.connected], [0, []])
  const content = base64('let me in')
  const refused = await daemon.ehr
    .call('record.send', { to: ['Alpha'], content, timeoutMs: 500 })
    .catch((error) => error.code)
  assert.is(refused, 'unknown-author')
  await daemon.stop()
  assert.not.match(await readFile(join(home, 'daemon.log'), 'utf8'), /secret/)
})

test.run()
