import {
  AssertionError,
  type Digest,
  decodeCbor,
  encodeCbor,
  height,
  type Leaf,
  limits,
  WardlineError
} from '@wardline/codec'
import { type Certificate, encodeCertificate, encodeHeader } from '@wardline/consensus'
import { encodeBlockBody, leafOf } from '@wardline/ledger'
import type { Clock, Network } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { StoredBlock } from '../src/index.ts'
import { createSyncClient, SYNC_PROTOCOL } from '../src/sync.ts'
import { type ChainWorld, chainWorld, founded, type Hospital, registered, START_MS } from './chain-world.ts'

const test = suite('node/sync')

const BLOCKS = 6

type Answer = { headers: Uint8Array[]; certificate: Uint8Array; bodies: Uint8Array[] }

/** Three hospitals have made some blocks and are away; the fourth, which knows none of them, is about to start. */
async function absent(count = BLOCKS): Promise<{ it: ChainWorld; blocks: readonly StoredBlock[] }> {
  const it = await chainWorld(4, [0, 1, 2])
  for (let i = 0; i < count; i++) {
    await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, `sync ${i}`) })
  }
  const blocks = Array.from({ length: it.chain(0).head().height }, (_, index) => {
    const block = it.chain(0).query.block(height(index + 1))
    if (block === undefined) throw new Error('a block is missing')
    return block
  })
  for (const index of [0, 1, 2]) it.crash(index)
  return { it, blocks }
}

function honest(blocks: readonly StoredBlock[]): Answer {
  return {
    headers: blocks.map(({ header }) => encodeHeader(header)),
    certificate: encodeCertificate(blocks.at(-1)?.certificate as Certificate),
    bodies: blocks.map(({ transactions }) => encodeBlockBody(transactions.map(({ bytes }) => bytes)))
  }
}

/** Hospital 2's node answers every request for blocks with these frames. */
function serve(it: ChainWorld, frames: readonly Uint8Array[]): void {
  answerBy(it, async function* () {
    yield* frames
  })
}

/** How a node answers who asks for blocks from this height on; `null` if something else was asked for. */
type Answering = (from: number | null, clock: Clock) => AsyncIterable<Uint8Array>

/** Hospital 2's node answers like this, and does nothing else. */
function answerBy(it: ChainWorld, answering: Answering): void {
  it.play(2, async ({ network, clock }) => {
    network.serve(
      SYNC_PROTOCOL,
      (request) => {
        const { ask, from } = decodeCbor(request) as { ask: string; from: number }
        return answering(ask === 'blocks' ? from : null, clock)
      },
      { requestBytesMax: 400_000 }
    )
    await network.setPeers(it.hospitals.map(({ name }) => ({ name, addresses: [] })))
  })
}

function passing(clock: Clock, forMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(forMs, resolve))
}

function framesOf({ headers, certificate, bodies }: Answer): Uint8Array[] {
  return [encodeCbor({ headers, certificate }), ...bodies]
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy.set([(copy.at(at) as number) ^ 1], at < 0 ? copy.length + at : at)
  return copy
}

test('who was away takes over what one peer has', async () => {
  const { it, blocks } = await absent()
  serve(it, framesOf(honest(blocks)))
  it.start(3)
  await it.run(5000)
  assert.is(it.chain(3).head().digest, blocks.at(-1)?.digest)
})

const lies: Readonly<Record<string, (answer: Answer, blocks: readonly StoredBlock[]) => void>> = {
  'a gap in the headers': ({ headers }) => void headers.splice(2, 1),
  'headers that begin too late': (answer) => {
    answer.headers.shift()
    answer.bodies.shift()
  },
  'headers in another order': ({ headers }) => void headers.reverse(),
  'a header with a bit turned over': ({ headers }) => {
    headers[1] = flipped(headers[1] as Uint8Array, -3)
  },
  'a certificate with a bad signature': (answer) => {
    answer.certificate = flipped(answer.certificate, -1)
  },
  'the certificate of another block': (answer, blocks) => {
    answer.certificate = encodeCertificate(blocks[0]?.certificate as Certificate)
  },
  'a notarization for a finalization': (answer, blocks) => {
    answer.certificate = encodeCertificate({ ...(blocks.at(-1)?.certificate as Certificate), kind: 'notarize' })
  },
  'a certificate with too few signatures': (answer, blocks) => {
    const full = blocks.at(-1)?.certificate as Certificate
    const [signers, signatures] = [full.signers.slice(1), full.signatures.slice(1)]
    answer.certificate = encodeCertificate({ ...full, signers, signatures })
  },
  'no certificate': (answer) => {
    answer.certificate = new Uint8Array(0)
  },
  'the bodies of other blocks': ({ bodies }) => void bodies.reverse(),
  'an empty body': ({ bodies }) => {
    bodies[0] = encodeBlockBody([])
  },
  'a body that is garbage': ({ bodies }) => {
    bodies[0] = Uint8Array.of(1, 2, 3)
  },
  'a body with a broken signature': ({ bodies }) => {
    bodies[0] = flipped(bodies[0] as Uint8Array, -1)
  },
  'no bodies': ({ bodies }) => void bodies.splice(0),
  'more bodies than headers': ({ bodies, headers }) => {
    bodies.splice(0)
    for (let i = 0; i <= headers.length; i++) bodies.push(encodeBlockBody([]))
  }
}

for (const [name, lie] of Object.entries(lies)) {
  test(`a peer that lies: ${name}: nothing is taken, and the next peer is asked`, async () => {
    const { it, blocks } = await absent()
    const answer = honest(blocks)
    lie(answer, blocks)
    serve(it, framesOf(answer))
    it.start(3)
    await it.run(25_000)
    assert.is(it.chain(3).head().height, 0)
    assert.is(it.failures.size, 0)
    it.start(0)
    await it.run(60_000, () => it.chain(3).head().height >= BLOCKS)
    assert.is(it.chain(3).head().digest, blocks.at(-1)?.digest)
  })
}

test('what came before a lie is kept, and a crash then is no damage', async () => {
  const { it, blocks } = await absent()
  const answer = honest(blocks)
  answer.bodies[4] = encodeBlockBody([])
  serve(it, framesOf(answer))
  it.start(3)
  await it.run(5000)
  assert.is(it.chain(3).head().height, 4)
  it.crash(3)
  it.start(3)
  await it.run(5000)
  assert.is(it.failures.size, 0, String([...it.failures.values()]))
  assert.is(it.chain(3).head().height, 4)
  for (const index of [0, 1]) it.start(index)
  await it.commit(3, { transaction: registered(it.genesis, it.hospitals[3] as Hospital, 'after') })
})

test('frames that are no answer at all', async () => {
  for (const frames of [
    [],
    [new Uint8Array(0)],
    [Uint8Array.of(255)],
    [encodeCbor({ headers: [] })],
    [encodeCbor([])]
  ]) {
    const { it } = await absent()
    serve(it, frames)
    it.start(3)
    await it.run(2000)
    assert.is(it.chain(3).head().height, 0)
    assert.is(it.failures.size, 0)
  }
})

/** More than who is behind could follow by messages alone. */
const FAR_BLOCKS = 30
/** Just inside the time that an answer may take. */
const DRIP_MS = 19_000

const ways: Readonly<Record<string, (blocks: readonly StoredBlock[]) => Answering>> = {
  'gives one block at a time, each as late as it may': (blocks) =>
    async function* (from, clock) {
      await passing(clock, DRIP_MS)
      const block = from === null ? undefined : blocks[from - 1]
      if (block !== undefined) yield* framesOf(honest([block]))
    },
  'announces all blocks, and gives one': (blocks) =>
    async function* (from, clock) {
      if (from !== null) yield* framesOf(honest(blocks.slice(from - 1))).slice(0, 2)
      await passing(clock, 2 * DRIP_MS)
    },
  'gives all blocks, and does not end the answer': (blocks) =>
    async function* (from, clock) {
      if (from !== null && from <= blocks.length) yield* framesOf(honest(blocks.slice(from - 1)))
      await passing(clock, 2 * DRIP_MS)
    }
}

for (const [name, way] of Object.entries(ways)) {
  test(`a peer that ${name}, keeps nobody from the blocks of the others, nor them from who comes back`, async () => {
    const { it, blocks } = await absent(FAR_BLOCKS)
    answerBy(it, way(blocks))
    it.start(3)
    await it.run(1000)
    for (const index of [0, 1]) it.start(index)
    await it.run(1000)
    const isLevel = await it.run(2 * DRIP_MS, () => it.chain(3).head().height >= blocks.length)
    assert.ok(isLevel, `at ${it.chain(3).head().height} of ${blocks.length}`)
    // Three of four are a quorum, and nobody of these three can be missed.
    const startMs = it.world.nowMs()
    await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, `after ${name}`) })
    assert.ok(it.world.nowMs() - startMs < 3 * DRIP_MS, `${it.world.nowMs() - startMs} ms`)
    assert.is(it.failures.size, 0)
  })
}

/** A member's network, by which it gives its final blocks one at a time and late. */
function dripping(network: Network, clock: Clock): Network {
  return {
    ...network,
    serve(protocol, handler, options) {
      network.serve(
        protocol,
        async function* (request, from) {
          const asked = protocol === SYNC_PROTOCOL ? (decodeCbor(request) as { ask: string }) : undefined
          if (asked?.ask !== 'blocks') return yield* handler(request, from)
          await passing(clock, DRIP_MS)
          yield* handler(encodeCbor({ ...asked, max: 1 }), from)
        },
        options
      )
    }
  }
}

test('a member that votes with the others keeps nobody back who returns, and its silence then stops no chain', async () => {
  const it = await chainWorld(4, [0, 1])
  it.start(2, (network) => dripping(network, it.world.clock))
  await it.run(1000)
  let names = 0
  const more = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, `more ${names++}`) })
      await it.run(500)
    }
  }
  await more(FAR_BLOCKS)
  // It meets that member first.
  for (const index of [0, 1]) it.crash(index)
  it.start(3)
  await it.run(1000)
  for (const index of [0, 1]) it.start(index)
  await it.run(1000)
  // The chain goes on meanwhile.
  await more(2 * FAR_BLOCKS)
  const behind = it.chain(0).head().height - it.chain(3).head().height
  assert.ok(behind <= 1, `${behind} blocks behind`)
  it.crash(2)
  const startMs = it.world.nowMs()
  await more(5)
  assert.ok(it.world.nowMs() - startMs < 60_000, `${it.world.nowMs() - startMs} ms`)
  assert.is(it.failures.size, 0)
})

/** A client whose peer answers every request with these frames; `fail` is thrown after them. */
function clientOf(frames: readonly Uint8Array[], fail?: Error) {
  const reports: string[] = []
  let taken = 0
  const network = {
    async *request() {
      for (const frame of frames) {
        taken += 1
        yield frame
      }
      if (fail !== undefined) throw fail
    },
    report: (_: string, code: string) => reports.push(code)
  }
  return { client: createSyncClient(network as unknown as Network), reports, taken: () => taken }
}

const block = 'ab'.repeat(32) as Digest

test('transactions that were not asked for, or twice, end the answer, and the peer is reported', async () => {
  const { genesis, hospitals } = founded(1)
  const [wanted, other] = [0, 1].map((index) => registered(genesis, hospitals[0] as Hospital, `asked ${index}`))
  assert.ok(wanted !== undefined && other !== undefined)
  const answers = [
    [encodeBlockBody([wanted.bytes, other.bytes]), encodeBlockBody([other.bytes])],
    [encodeBlockBody([wanted.bytes]), encodeBlockBody([wanted.bytes]), encodeBlockBody([wanted.bytes])],
    [encodeBlockBody([wanted.bytes]), encodeBlockBody([])],
    [encodeBlockBody([wanted.bytes]), Uint8Array.of(1)]
  ]
  for (const frames of answers) {
    const { client, reports, taken } = clientOf(frames)
    const found = await client.transactions('peer', block, [wanted.leaf])
    assert.equal([...found.keys()], [wanted.leaf])
    assert.equal(reports, ['bad-sync-answer'])
    assert.ok(taken() <= 2)
  }
})

test('an answer with more bytes than a block may have ends there', async () => {
  const leaves: Leaf[] = []
  const frames: Uint8Array[] = []
  for (let sizeBytes = 0; sizeBytes <= limits.blockBodyBytesMax + limits.transactionBytesMax; ) {
    const bytes = new Uint8Array(limits.transactionBytesMax).fill(frames.length)
    leaves.push(leafOf(bytes))
    frames.push(encodeBlockBody([bytes]))
    sizeBytes += bytes.length
  }
  const { client, reports } = clientOf(frames)
  const found = await client.transactions('peer', block, leaves)
  assert.ok(found.size * limits.transactionBytesMax <= limits.blockBodyBytesMax)
  assert.equal(reports, ['bad-sync-answer'])
})

test('whatever the transport throws is the failure of that peer, and only a fault of our own is not', async () => {
  for (const error of [new WardlineError('stream-timeout', 'late'), new TypeError('a library stumbled')]) {
    const { client, reports } = clientOf([], error)
    assert.equal([...(await client.transactions('peer', block, [block as string as Leaf]))], [])
    assert.equal(await client.pending('peer'), [])
    assert.equal(reports, [])
  }
  const { client } = clientOf([], new AssertionError('ours'))
  try {
    await client.pending('peer')
    assert.unreachable()
  } catch (error) {
    assert.instance(error, AssertionError)
  }
})

test('a peer that asks without end is put off, and served again later', async () => {
  const it = await chainWorld(4, [0, 1, 2])
  const codes = new Map<string, number>()
  const count = (code: string) => codes.set(code, (codes.get(code) ?? 0) + 1)
  it.play(3, async ({ network, clock }) => {
    await network.setPeers(it.hospitals.map(({ name }) => ({ name, addresses: [] })))
    await new Promise<void>((resolve) => clock.after(500, resolve))
    const ask = async () => {
      try {
        const options = { timeoutMs: 5000, frameBytesMax: 1e6, framesMax: 300 }
        const request = encodeCbor({ ask: 'pending' })
        for await (const _ of network.request(it.hospitals[0]?.name as string, SYNC_PROTOCOL, request, options))
          count('served')
      } catch (error) {
        count((error as { code?: string }).code ?? String(error))
      }
    }
    for (let rounds = 0; rounds < 600; rounds++) await Promise.all(Array.from({ length: 8 }, ask))
    await new Promise<void>((resolve) => clock.after(1000, resolve))
    codes.set('before', codes.get('served') ?? 0)
    await ask()
  })
  await it.run(60_000)
  assert.ok((codes.get('stream-closed') ?? 0) > 0, JSON.stringify([...codes]))
  assert.is(codes.get('served'), (codes.get('before') ?? 0) + 1)
})

test('a server answers what it can and closes the stream on the rest', async () => {
  const it = await chainWorld(4, [0, 1, 2])
  await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, 'served') })
  const answers: string[] = []
  const requests = [
    { ask: 'blocks', from: 1, max: 256 },
    { ask: 'blocks', from: 2, max: 1 },
    { ask: 'blocks', from: 0, max: 1 },
    { ask: 'blocks', from: Number.MAX_SAFE_INTEGER, max: 256 },
    { ask: 'blocks', from: 1, max: 257 },
    { ask: 'everything' },
    { ask: 'pending' }
  ]
  it.play(3, async ({ network, clock }) => {
    await network.setPeers(it.hospitals.map(({ name }) => ({ name, addresses: [] })))
    await new Promise<void>((resolve) => clock.after(500, resolve))
    for (const request of requests) {
      let frames = 0
      try {
        const options = { timeoutMs: 5000, frameBytesMax: 1e6, framesMax: 300 }
        const peer = it.hospitals[0]?.name as string
        for await (const _ of network.request(peer, SYNC_PROTOCOL, encodeCbor(request), options)) frames += 1
        answers.push(String(frames))
      } catch (error) {
        answers.push((error as { code?: string }).code ?? String(error))
      }
    }
  })
  await it.run(5000)
  assert.equal(answers, ['2', '1', '1', '1', 'stream-closed', 'stream-closed', '1'])
  assert.ok(it.world.nowMs() > START_MS)
})

test.run()
