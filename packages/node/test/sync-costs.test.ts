/** What the answers of the sync protocol take of a peer's allowance, on a clock that stands still unless it is moved. */
import {
  type ChainId,
  type Digest,
  type Epoch,
  encodeCbor,
  height as heightOf,
  type Leaf,
  limits,
  type MemberId,
  name32,
  nameBytes,
  taggedHash,
  type View
} from '@wardline/codec'
import { encodeCertificate, encodeHeader, type Header, headerDigest } from '@wardline/consensus'
import { decodeBlockBody, encodeBlockBody, leafOf, NO_APP_HASH, type ParsedTransaction } from '@wardline/ledger'
import type { KeyValueStore, Network, StreamHandler } from '@wardline/ports'
import { createMemoryDisk } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAllowance } from '../src/allowance.ts'
import { keys } from '../src/layout.ts'
import type { Mempool } from '../src/mempool.ts'
import { SYNC_BLOCKS_MAX, serveSync } from '../src/sync.ts'
import { manualClock, settled } from './manual-clock.ts'

const test = suite('node/sync-costs')

const { requestsPerPeerBurst: BURST, requestsPerPeerPerSecond: PER_SECOND } = limits
const TRANSACTION_BYTES = 410
const KIB = 1024

type Answer = { readonly frames: readonly Uint8Array[]; readonly code: string | undefined }

/** A server over an empty store, whose answers come as fast as the clock lets them. */
async function setUp({ pending = [] }: { pending?: readonly Leaf[] } = {}) {
  const clock = manualClock()
  const disk = await createMemoryDisk().openStore('chain')
  let bodiesRead = 0
  let head = 0
  const store: KeyValueStore = {
    ...disk,
    get(key) {
      if (key.startsWith('blocks/body/')) bodiesRead += 1
      return disk.get(key)
    }
  }
  let handler: StreamHandler | undefined
  const network = {
    serve(_: string, serving: StreamHandler) {
      handler = serving
    }
  } as unknown as Network
  const mempool = {
    get: () => undefined,
    all: () => pending.map((leaf) => ({ leaf }) as ParsedTransaction).values(),
    size: pending.length
  } as unknown as Mempool
  const allowance = createAllowance({ clock, burst: BURST, perSecond: PER_SECOND })
  const memberOf = () => 'member' as MemberId
  serveSync({ store, network, mempool, clock, headHeight: () => head, memberOf, allowance })

  async function ask(request: Parameters<typeof encodeCbor>[0], from = 'peer', onFrame?: () => void): Promise<Answer> {
    const frames: Uint8Array[] = []
    try {
      for await (const frame of (handler as StreamHandler)(encodeCbor(request), from)) {
        frames.push(frame)
        onFrame?.()
      }
      return { frames, code: undefined }
    } catch (error) {
      return { frames, code: (error as { code?: string }).code ?? String(error) }
    }
  }

  return {
    clock,
    ask,
    /** Whether the answer to such a request waits; nobody hears it then. */
    async waits(request: Parameters<typeof ask>[0]): Promise<'yes' | 'no' | 'busy'> {
      const answer = ask(request)
      const over = await Promise.race([answer, settled()])
      if (over === undefined) return 'yes'
      return over.code === undefined ? 'no' : 'busy'
    },
    bodiesRead: () => bodiesRead,
    /** How many of `tries` such requests in a row are answered. */
    async answered(tries: number, request: (index: number) => Parameters<typeof ask>[0]): Promise<number> {
      let count = 0
      for (let index = 0; index < tries; index++) if ((await ask(request(index))).code === undefined) count += 1
      return count
    },
    /** A block that was voted for here. */
    async keep(name: string, transactions: readonly Uint8Array[]): Promise<Digest> {
      const header = headerOf(name, 1, named(name))
      const digest = headerDigest(header)
      const body = { key: keys.body(digest), value: encodeBlockBody(transactions) }
      await disk.write([body, { key: keys.pending(digest), value: encodeHeader(header) }], { sync: false })
      return digest
    },
    /** Makes `count` blocks with these transactions final. */
    async finalize(count: number, transactions: readonly Uint8Array[]): Promise<void> {
      const value = encodeBlockBody(transactions)
      for (let parent = named('genesis'); head < count; ) {
        const header = headerOf(`final ${head}`, head + 1, parent)
        parent = headerDigest(header)
        const { chain, epoch, view } = header
        const writes = [
          { key: keys.header(header.height), value: encodeHeader(header) },
          { key: keys.body(parent), value },
          {
            key: keys.certificate(header.height),
            value: encodeCertificate({
              ...{
                kind: 'finalize',
                chain,
                epoch,
                view,
                digest: parent,
                signers: [0],
                signatures: [new Uint8Array(64)]
              }
            })
          }
        ]
        await disk.write(writes, { sync: false })
        head += 1
      }
    }
  }
}

function named(name: string): Digest {
  return taggedHash<Digest>('wardline/block/1', new TextEncoder().encode(name))
}

function headerOf(name: string, height: number, parent: Digest): Header {
  const proposer = named(`proposer of ${name}`) as string as MemberId
  const roots = { txRoot: NO_APP_HASH, history: NO_APP_HASH, appHash: NO_APP_HASH, nextSetHash: NO_APP_HASH }
  const place = { epoch: 0 as Epoch, view: height as View, height: heightOf(height), parent, time: height }
  return { version: 1, chain: named('chain') as string as ChainId, ...place, proposer, ...roots }
}

function transactions(name: string, count: number, sizeBytes = TRANSACTION_BYTES): Uint8Array[] {
  const seed = nameBytes(named(name))
  return Array.from({ length: count }, (_, index) => {
    const bytes = new Uint8Array(sizeBytes)
    bytes.set(seed)
    new DataView(bytes.buffer).setUint32(seed.length, index)
    return bytes
  })
}

function leaves(name: string, count: number): Uint8Array[] {
  return transactions(name, count, 36).map((bytes) => nameBytes(leafOf(bytes)))
}

const asking = (block: Digest, wanted: readonly Uint8Array[]) => ({
  ask: 'transactions',
  block: nameBytes(block),
  leaves: [...wanted]
})

test('to read and hash ever other blocks for a request of 100 bytes is paid for, and the next is refused', async () => {
  const it = await setUp()
  const blocks: Digest[] = []
  for (let at = 0; at < 40; at++) blocks.push(await it.keep(`block ${at}`, transactions(`block ${at}`, 10_000, 36)))
  const [wanted] = leaves('unknown', 1) as [Uint8Array]
  const request = (index: number) => asking(blocks[index] as Digest, [wanted])
  // One for the request, 6 for 400,000 bytes, 79 for ten thousand hashes.
  assert.is(await it.answered(blocks.length, request), Math.floor(BURST / 86))
  assert.ok(it.bodiesRead() <= BURST / 86 + 1, `${it.bodiesRead()} read`)
  await it.clock.pass(1000)
  assert.is(await it.answered(blocks.length, request), Math.floor(PER_SECOND / 86))
})

test('a peer that leaves while answers wait for its allowance has no more of them waiting than it may have running', async () => {
  const it = await setUp()
  await it.finalize(1, transactions('final', 1))
  const blocks = { ask: 'blocks', from: 1, max: 1 }
  // Until what catch-up leaves for votes is all there is.
  while ((await it.waits(blocks)) === 'no');
  const more = await Promise.all(Array.from({ length: 3 * limits.streamsPerPeer }, () => it.waits(blocks)))
  assert.equal(
    ['yes', 'busy'].map((how) => more.filter((one) => one === how).length),
    [limits.streamsPerPeer - 1, 2 * limits.streamsPerPeer + 1]
  )
  await it.clock.pass(2_000)
  assert.is(await it.waits(blocks), 'no', 'they are over')
})

test('members who lack transactions of one proposal cost the proposer one look at its body', async () => {
  const it = await setUp()
  const body = transactions('proposed', 1_000)
  const block = await it.keep('proposed', body)
  for (let peer = 0; peer < 20; peer++) {
    const wanted = body.slice(peer * 10, peer * 10 + 10)
    const request = asking(
      block,
      wanted.map((bytes) => nameBytes(leafOf(bytes)))
    )
    const { frames } = await it.ask(request, `peer ${peer}`)
    assert.equal(
      frames.flatMap((frame) => [...(decodeBlockBody(frame) ?? [])]),
      wanted
    )
  }
  assert.is(it.bodiesRead(), 1)
})

test('what is given is paid for by its size, also where the body was looked at before', async () => {
  const it = await setUp()
  const body = transactions('large', 64, 60 * KIB)
  const block = await it.keep('large', body)
  const all = asking(
    block,
    body.map((bytes) => nameBytes(leafOf(bytes)))
  )
  const given = await it.answered(BURST, () => all)
  assert.ok(given > 20 && given <= BURST / 60, `${given} answers of ${64 * 60} KiB`)
})

test('names are paid for: those that are asked for, and those on the list of what is pending', async () => {
  const unknown = leaves('unknown', 10_000)
  const asked = await setUp()
  const block = named('a block that is not here')
  const perRequest = 1 + Math.floor(10_000 / 128)
  const answered = await asked.answered(200, () => asking(block, unknown))
  assert.ok(answered > BURST / perRequest - 2 && answered <= BURST / perRequest, `${answered} answered`)
  const listing = await setUp({ pending: unknown.map((bytes) => name32<Leaf>(bytes)) })
  assert.is(await listing.answered(200, () => ({ ask: 'pending' })), Math.floor(BURST / perRequest))
})

test('whole blocks come at the pace of the allowance, and none is refused', async () => {
  const it = await setUp()
  const block = await it.keep('whole', transactions('whole', 64, 60 * KIB))
  let given = 0
  const all = (async () => {
    for (let count = 0; count < 60; count++) {
      const { frames, code } = await it.ask({ ask: 'block', digest: nameBytes(block) })
      assert.equal([frames.length, code], [2, undefined])
      given += 1
    }
  })()
  await settled()
  assert.ok(given >= 30 && given <= BURST / 60, `${given} blocks of ${64 * 60} KiB at once`)
  await it.clock.pass(1000)
  const atMost = (BURST + PER_SECOND) / 60
  assert.ok(given > 35 && given <= atMost, `${given} after a second`)
  await it.clock.pass(10_000)
  await all
})

test('final blocks come at the pace of the allowance, of which something is left for what is urgent', async () => {
  const it = await setUp()
  await it.finalize(100, transactions('final', 64, 60 * KIB))
  let given = -1
  const all = it.ask({ ask: 'blocks', from: 1, max: SYNC_BLOCKS_MAX }, 'peer', () => {
    given += 1
  })
  await settled()
  assert.ok(given >= 20 && given <= BURST / 60, `${given} blocks of ${64 * 60} KiB at once`)
  assert.is(await it.answered(200, () => ({ ask: 'pending' })), 200)
  await it.clock.pass(1000)
  assert.ok(given <= (BURST + PER_SECOND) / 60, `${given} after a second`)
  await it.clock.pass(20_000)
  const { frames, code } = await all
  assert.equal([frames.length, code], [101, undefined])
})

test('who is far behind waits for no block of usual size: faster than any disk takes them, and none is refused', async () => {
  const small = await setUp()
  await small.finalize(SYNC_BLOCKS_MAX, transactions('small', 2))
  for (let part = 0; part < 20; part++) {
    const { frames } = await small.ask({ ask: 'blocks', from: 1, max: SYNC_BLOCKS_MAX })
    assert.is(frames.length, SYNC_BLOCKS_MAX + 1)
  }
  const full = await setUp()
  await full.finalize(100, transactions('full', limits.buildTransactionsMax))
  const { frames } = await full.ask({ ask: 'blocks', from: 1, max: SYNC_BLOCKS_MAX })
  assert.is(frames.length, 101)
})

test('headers are paid for, though their reader leaves before the bodies', async () => {
  const it = await setUp()
  await it.finalize(SYNC_BLOCKS_MAX, transactions('headers', 1))
  let done = 0
  const run = async () => {
    for (let count = 0; count < 40; count++) {
      await it.ask({ ask: 'blocks', from: 1, max: SYNC_BLOCKS_MAX }, 'peer', () => {
        throw new Error('enough')
      })
      done += 1
    }
  }
  const all = run()
  await settled()
  assert.ok(done < BURST / (SYNC_BLOCKS_MAX / 4), `${done} answers at once`)
  await it.clock.pass(10_000)
  await all
})

test('to ask whether there is something new costs one', async () => {
  const it = await setUp()
  await it.finalize(3, transactions('little', 1))
  assert.is(await it.answered(BURST + 1, () => ({ ask: 'blocks', from: 4, max: SYNC_BLOCKS_MAX })), BURST)
})

test.run()
