import { encodeCbor, WardlineError } from '@wardline/codec'
import type { StoreWrite } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ChainWorld, chainWorld, type Hospital, registered } from './chain-world.ts'

const test = suite('node/open')

const BLOCKS = 5

/** A lone hospital with some blocks, its daemon off. */
async function stopped(): Promise<ChainWorld> {
  const it = await chainWorld(1)
  for (let i = 0; i < BLOCKS; i++) {
    await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, `open ${i}`) })
  }
  it.crash(0)
  return it
}

const nodeOf = (it: ChainWorld) => it.world.node(it.hospitals[0]?.name as string)
const padded = (height: number): string => String(height).padStart(12, '0')

async function change(it: ChainWorld, writes: readonly StoreWrite[]): Promise<void> {
  await it.act(async () => {
    const store = await nodeOf(it).disk.openStore('chain')
    await store.write(writes, { sync: true })
    await store.close()
  })
}

/** Starts the daemon. @returns the code that it refuses with, or undefined */
async function codeOf(it: ChainWorld): Promise<string | undefined> {
  it.start(0)
  await it.run(1000)
  const error = it.failures.get(it.hospitals[0]?.name as string)
  assert.ok(error === undefined || error instanceof WardlineError, String(error))
  return error?.code
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

test('an untouched home opens', async () => {
  const it = await stopped()
  assert.is(await codeOf(it), undefined)
  assert.is(it.chain(0).head().height, BLOCKS)
})

const damages: Readonly<Record<string, readonly [code: string, writes: readonly StoreWrite[]]>> = {
  'a newer layout': ['database-too-new', [{ key: 'meta/schema', value: text('4') }]],
  'an older layout': ['database-too-old', [{ key: 'meta/schema', value: text('2') }]],
  'no number for a layout': ['store-corrupt', [{ key: 'meta/schema', value: text('two') }]],
  'another chain': ['database-of-another-chain', [{ key: 'meta/genesis', value: text('ab'.repeat(32)) }]],
  'no name of its chain': ['database-of-another-chain', [{ key: 'meta/genesis', value: null }]],
  'a head that cannot be read': ['store-corrupt', [{ key: 'meta/head', value: encodeCbor({ height: 3 }) }]],
  'no head': ['store-corrupt', [{ key: 'meta/head', value: null }]],
  'a header lost': ['store-corrupt', [{ key: `blocks/header/${padded(3)}`, value: null }]],
  'a header damaged': ['store-corrupt', [{ key: `blocks/header/${padded(3)}`, value: Uint8Array.of(1) }]],
  'the last header lost': ['store-corrupt', [{ key: `blocks/header/${padded(BLOCKS)}`, value: null }]],
  'a certificate damaged': ['store-corrupt', [{ key: `blocks/certificate/${padded(BLOCKS)}`, value: Uint8Array.of(1) }]]
}

for (const [name, [code, writes]] of Object.entries(damages)) {
  test(`refuses ${name}: ${code}`, async () => {
    const it = await stopped()
    await change(it, writes)
    assert.is(await codeOf(it), code)
  })
}

test('refuses a body lost or exchanged, and content without a version', async () => {
  const bodies = (it: ChainWorld) => {
    const image = nodeOf(it).disk.image().stores.get('chain') ?? new Map<string, Uint8Array>()
    return [...image].filter(([key]) => key.startsWith('blocks/body/'))
  }
  const lost = await stopped()
  nodeOf(lost).disk.loseKey('chain', bodies(lost)[0]?.[0] as string)
  assert.is(await codeOf(lost), 'store-corrupt')
  const exchanged = await stopped()
  const [first, second] = bodies(exchanged) as [[string, Uint8Array], [string, Uint8Array]]
  await change(exchanged, [{ key: first[0], value: second[1] }])
  assert.is(await codeOf(exchanged), 'store-corrupt')
  const unversioned = await stopped()
  await change(unversioned, [{ key: 'meta/schema', value: null }])
  assert.is(await codeOf(unversioned), 'store-corrupt')
})

/** What a lone hospital that does not know what it signed can do: nobody could tell it, and nobody goes on without it. */
async function assertSilent(it: ChainWorld, why: RegExp): Promise<void> {
  assert.is(await codeOf(it), undefined)
  const height = it.chain(0).head().height
  const transaction = registered(it.genesis, it.hospitals[0] as Hospital, 'silent')
  await it.act(() => it.chain(0).submit(transaction.bytes))
  await it.run(60_000)
  assert.is(it.chain(0).head().height, height)
  assert.is(it.chain(0).status().voting.kind, 'waiting')
  assert.ok(it.logs.some(({ message }) => why.test(message)))
}

test('without its vote journal it opens and does not sign, and so at every later start', async () => {
  const it = await stopped()
  const { disk } = nodeOf(it)
  const image = disk.image()
  disk.restore({ stores: image.stores, journals: new Map() })
  await assertSilent(it, /the vote journal is lost.*it is empty, and the database is not/)
  it.crash(0)
  await assertSilent(it, /the vote journal is lost/)
})

test('a home without database and journal whose key has voted on the chain does not vote anew', async () => {
  const it = await stopped()
  nodeOf(it).disk.restore({ stores: new Map(), journals: new Map() })
  await assertSilent(it, /has voted on this chain before/)
})

test('without its database but with its journal it opens, for it knows what it has voted', async () => {
  const it = await stopped()
  const { disk } = nodeOf(it)
  const journals = new Map([...disk.image().journals].map(([name, segments]) => [name, segments.slice(0, 1)]))
  disk.restore({ stores: new Map(), journals })
  assert.is(await codeOf(it), undefined)
})

test('with a journal damaged in its middle it opens and does not sign', async () => {
  const it = await stopped()
  const { disk } = nodeOf(it)
  disk.flipJournalBit('votes', disk.image().journals.get('votes')?.at(-1)?.number ?? 0, 8 * 100)
  await assertSilent(it, /it is damaged \(damaged in segment/)
})

test('on a backup that its operator tells of it opens and does not sign', async () => {
  const it = await stopped()
  it.start(0, undefined, { isRestored: true })
  await it.run(1000)
  assert.is(it.chain(0).status().voting.kind, 'waiting')
  assert.ok(it.logs.some(({ message }) => /started on a restored backup/.test(message)))
})

test('cuts a torn tail off the journal and goes on', async () => {
  const it = await stopped()
  const { disk } = nodeOf(it)
  const image = disk.image()
  const segments = image.journals.get('votes') ?? []
  const last = segments.at(-1)
  assert.ok(last !== undefined)
  const end = last.bytes.findLastIndex((byte) => byte !== 0) + 40
  const torn = last.bytes.slice()
  torn.set([0, 0, 1, 0, 9, 9, 9, 9], end)
  const journals = new Map([['votes', [...segments.slice(0, -1), { number: last.number, bytes: torn }]]])
  disk.restore({ stores: image.stores, journals })
  assert.is(await codeOf(it), undefined)
  await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, 'torn') })
})

test('an old backup of the store with the present journal: it does not sign in those views again', async () => {
  const it = await chainWorld(1)
  await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, 'kept') })
  it.crash(0)
  const { stores } = nodeOf(it).disk.image()
  it.start(0)
  await it.run(100)
  for (let i = 0; i < 3; i++) {
    await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, `gone ${i}`) })
  }
  const before = it.chain(0).head()
  it.crash(0)
  const { disk } = nodeOf(it)
  disk.restore({ stores, journals: disk.image().journals })
  it.start(0)
  await it.run(1000)
  // The journal still holds the votes: the blocks cannot be made again, nor others in their place.
  const height = it.failures.size > 0 ? 0 : it.chain(0).head().height
  assert.ok(height <= before.height)
  assert.is.not(height, before.height + 1)
})

test.run()
