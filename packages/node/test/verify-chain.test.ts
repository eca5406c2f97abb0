import { encodeCbor } from '@wardline/codec'
import { verifySignature } from '@wardline/crypto'
import { encodeBlockBody, type Genesis } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { createMemoryDisk, type MemoryDiskImage } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { verifyChain } from '../src/index.ts'
import { acknowledged, chainWorld, founded, type Hospital, registered, sent } from './chain-world.ts'

const test = suite('node/verify-chain')

const made = makeChain()

async function makeChain(): Promise<{ image: MemoryDiskImage; genesis: Genesis; digest: string; height: number }> {
  const it = await chainWorld(2)
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const send = sent(it.genesis, alpha, [beta])
  await it.commit(0, send)
  await it.commit(1, { transaction: acknowledged(it.genesis, beta, send.transaction) })
  for (let i = 0; i < 3; i++) await it.commit(0, { transaction: registered(it.genesis, alpha, `verified ${i}`) })
  const { digest, height } = it.chain(0).head()
  await it.act(() => it.chain(0).stop())
  return { image: it.world.node(alpha.name).disk.image(), genesis: it.genesis, digest, height }
}

async function storeOf(image: MemoryDiskImage): Promise<KeyValueStore> {
  const disk = createMemoryDisk()
  disk.restore(image)
  return disk.openStore('chain')
}

const padded = (height: number): string => String(height).padStart(12, '0')

async function firstKey(store: KeyValueStore, prefix: string): Promise<string> {
  for await (const [key] of store.range({ from: prefix, to: `${prefix}~`, limit: 1 })) return key
  throw new Error(`no row under ${prefix}`)
}

test('a chain as it was made is verified, block by block', async () => {
  const { image, genesis, digest, height } = await made
  const progress: number[] = []
  const store = await storeOf(image)
  const result = await verifyChain({ store, genesis, verify: verifySignature, onProgress: (at) => progress.push(at) })
  assert.is(result.kind, 'verified')
  if (result.kind !== 'verified') return
  assert.equal([result.height, result.digest, result.transactions, result.certified], [height, digest, 5, height])
  assert.equal(
    progress,
    Array.from({ length: height }, (_, index) => index + 1)
  )
})

test('an empty chain is verified', async () => {
  const it = await chainWorld(2, [0])
  await it.act(() => it.chain(0).stop())
  const store = await storeOf(it.world.node(it.hospitals[0]?.name as string).disk.image())
  const result = await verifyChain({ store, genesis: it.genesis, verify: verifySignature })
  assert.is(result.kind === 'verified' && result.height, 0)
})

test('another genesis', async () => {
  const { image } = await made
  const result = await verifyChain({
    store: await storeOf(image),
    genesis: founded(3).genesis,
    verify: verifySignature
  })
  assert.is(result.kind === 'failed' && result.code, 'database-of-another-chain')
})

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

type Damage = (store: KeyValueStore) => Promise<readonly [key: string, value: Uint8Array | null]>

/** The code that each damage must give, and how it is done. */
const damages: Readonly<Record<string, readonly [code: string, damage: Damage]>> = {
  'a newer layout': ['database-too-new', async () => ['meta/schema', text('9')]],
  'an older layout': ['database-too-old', async () => ['meta/schema', text('2')]],
  'no head': ['head-unreadable', async () => ['meta/head', null]],
  'a header lost': ['header-missing', async () => [`blocks/header/${padded(2)}`, null]],
  'a header of another height': [
    'wrong-link',
    async (store) => [`blocks/header/${padded(2)}`, store.get(`blocks/header/${padded(3)}`) ?? null]
  ],
  'a body lost': ['body-missing', async (store) => [await firstKey(store, 'blocks/body/'), null]],
  'a body emptied': [
    'wrong-transactions',
    async (store) => [await firstKey(store, 'blocks/body/'), encodeBlockBody([])]
  ],
  'a certificate of another block': [
    'bad-certificate',
    async (store) => [`blocks/certificate/${padded(2)}`, store.get(`blocks/certificate/${padded(3)}`) ?? null]
  ],
  'a certificate damaged': [
    'bad-certificate',
    async (store) => {
      const bytes = (store.get(`blocks/certificate/${padded(2)}`) ?? new Uint8Array(1)).slice()
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
      return [`blocks/certificate/${padded(2)}`, bytes]
    }
  ],
  'a block above the head': [
    'wrong-head',
    async (store) => [`blocks/header/${padded(999)}`, store.get(`blocks/header/${padded(3)}`) ?? null]
  ],
  'a transaction not found by its id': [
    'wrong-index',
    async (store) => [await firstKey(store, 'blocks/transaction/'), encodeCbor([1, 7])]
  ],
  'a node of the history tree lost': ['wrong-index', async () => [`blocks/tree/01/${padded(1)}`, null]],
  'a block not found by its digest': [
    'wrong-index',
    async (store) => [await firstKey(store, 'blocks/height/'), text('9')]
  ],
  'a row of the state lost': ['wrong-state', async (store) => [await firstKey(store, 'state/stt/ack/'), null]],
  'a row of the state changed': [
    'wrong-state',
    async (store) => [await firstKey(store, 'state/member/'), encodeCbor({ altered: 1 })]
  ],
  'a row of the state too many': ['wrong-state', async () => ['state/stt/record/more', Uint8Array.of(1)]]
}

for (const [name, [code, damage]] of Object.entries(damages)) {
  test(`finds ${name}: ${code}`, async () => {
    const { image, genesis } = await made
    const store = await storeOf(image)
    const [key, value] = await damage(store)
    await store.write([{ key, value }], { sync: true })
    const result = await verifyChain({ store, genesis, verify: verifySignature })
    assert.is(result.kind === 'failed' && result.code, code, JSON.stringify(result))
  })
}

test('finds every bit turned over in a header, a body or a certificate', async () => {
  const { image, genesis } = await made
  const store = await storeOf(image)
  let flips = 0
  for (const prefix of ['blocks/header/', 'blocks/body/', 'blocks/certificate/']) {
    const key = await firstKey(store, prefix)
    const good = store.get(key) as Uint8Array
    for (let at = 0; at < good.length; at += 7) {
      const bad = good.slice()
      bad[at] = (bad[at] as number) ^ (1 << (at % 8))
      await store.write([{ key, value: bad }], { sync: false })
      const result = await verifyChain({ store, genesis, verify: verifySignature })
      assert.is(result.kind, 'failed', `${key} byte ${at}`)
      flips += 1
    }
    await store.write([{ key, value: good }], { sync: false })
  }
  assert.ok(flips > 100)
})

test('a signature that the verifier refuses', async () => {
  const { image, genesis } = await made
  const result = await verifyChain({ store: await storeOf(image), genesis, verify: async () => false })
  assert.is(result.kind === 'failed' && result.code, 'bad-signature')
})

test.run()
