import { type Hash, name32, type TransactionId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { verifyChain } from '../src/index.ts'
import { keys } from '../src/layout.ts'
import { HERE } from '../src/payload-lanes.ts'
import {
  allianceWorld,
  givingPayloads,
  isFinal,
  isReadable,
  patient,
  recorded,
  type Shared,
  starved,
  withholding
} from './alliance.ts'
import { type ChainWorld, type Hospital, nextNonce, registered, secret } from './chain-world.ts'

const test = suite('node/alliance')

/** Another transaction becomes final, within a few views. */
async function goesOn(it: ChainWorld, index: number, name: string): Promise<void> {
  const before = it.world.clock.nowMs()
  await it.commit(index, { transaction: registered(it.genesis, it.hospitals[index] as Hospital, name) })
  assert.ok(it.world.clock.nowMs() - before < 5000, `it took ${it.world.clock.nowMs() - before} ms`)
}

async function everywhereReadable(it: ChainWorld, shared: Shared, indexes: readonly number[]): Promise<void> {
  const done = await it.run(10_000, () =>
    indexes.every((index) => isFinal(it, index, shared.transaction.id) && isReadable(it, index, shared))
  )
  assert.ok(done, 'the record is readable everywhere')
}

test('a record that is committed can be read at the others when its author dies at once', async () => {
  const it = await allianceWorld(4)
  const shared = recorded(it.genesis, it.hospitals[0] as Hospital)
  await it.commit(0, shared)
  it.crash(0)
  await everywhereReadable(it, shared, [1, 2, 3])
  assert.is(await it.act(() => it.chain(1).payloads.missing()), 0)
})

test('submit refuses a payload that is not the one, not the content, or outside of the fence, and keeps nothing', async () => {
  const it = await allianceWorld(4)
  const author = it.hospitals[0] as Hospital
  const good = recorded(it.genesis, author)
  const other = recorded(it.genesis, author)
  const mismatched = recorded(it.genesis, author, { content: name32<Hash>(secret('other content')) })
  const excluded = recorded(it.genesis, author, { labels: ['HIV'] })
  const misshapen = recorded(it.genesis, author, { labels: ['HIV', 'a'.repeat(65)] })
  const submit = (transaction: Shared['transaction'], payload?: Uint8Array) =>
    it.act(() => it.chain(0).submit(transaction.bytes, payload))
  assert.equal(await submit(good.transaction, other.payload), { kind: 'refused', code: 'payload-mismatch' })
  assert.equal(await submit(good.transaction), { kind: 'refused', code: 'payload-absent' })
  assert.equal(await submit(mismatched.transaction, mismatched.payload), { kind: 'refused', code: 'content-mismatch' })
  assert.equal(await submit(excluded.transaction, excluded.payload), { kind: 'refused', code: 'excluded-label' })
  assert.equal(await submit(misshapen.transaction, misshapen.payload), { kind: 'refused', code: 'bad-descriptor' })
  assert.is(it.chain(0).payloads.has(excluded.transaction), false)
  assert.is(it.chain(0).payloads.has(misshapen.transaction), false)
  assert.is(it.recordKeys(0).size, 0)
  await it.commit(0, good)
})

test('a record whose author gives its payload to nobody is in no block, costs others nothing, and is taken once it comes', async () => {
  const it = await allianceWorld(4)
  it.crash(0)
  it.start(0, withholding)
  await it.run(1000)
  const shared = recorded(it.genesis, it.hospitals[0] as Hospital)
  const accepted = await it.act(() => it.chain(0).submit(shared.transaction.bytes, shared.payload))
  assert.is(accepted.kind, 'accepted')
  await it.run(20_000)
  // The author was leader meanwhile, and proposed it.
  assert.ok(it.logs.some(({ message }) => message === 'a payload of a proposed block cannot be had'))
  for (const index of [1, 2, 3]) {
    await goesOn(it, index, `beside ${index}`)
    assert.is(isFinal(it, index, shared.transaction.id), false)
    assert.is(it.chain(index).payloads.has(shared.transaction), false)
    assert.equal(it.chain(index).pending(shared.transaction.id)?.code, null)
  }
  it.crash(0)
  it.start(0)
  await it.run(1000)
  await everywhereReadable(it, shared, [0, 1, 2, 3])
})

test('a voter that the author gives nothing gets the payload from another one in time', async () => {
  const it = await allianceWorld(4)
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const shared = recorded(it.genesis, alpha)
  it.crash(0)
  it.start(
    0,
    givingPayloads(async function* (_, from) {
      yield from === beta.name ? Uint8Array.of(HERE, ...shared.payload) : Uint8Array.of(0)
    })
  )
  await it.run(1000)
  await it.commit(0, shared)
  await everywhereReadable(it, shared, [1, 2, 3])
})

test('what the fence excludes is kept by nobody and voted for by nobody, whoever proposes it', async () => {
  const it = await allianceWorld(4)
  const author = it.hospitals[0] as Hospital
  const excluded = recorded(it.genesis, author, { labels: ['hiv'] })
  const mismatched = recorded(it.genesis, author, { content: name32<Hash>(secret('other content')) })
  const misshapen = recorded(it.genesis, author, { labels: Array.from({ length: 17 }, (_, i) => `hiv ${i}`) })
  for (const [shared, code] of [
    [excluded, 'excluded-label'],
    [mismatched, 'content-mismatch'],
    [misshapen, 'bad-descriptor']
  ] as const) {
    it.crash(0)
    it.start(
      0,
      givingPayloads(async function* () {
        yield Uint8Array.of(HERE, ...shared.payload)
      })
    )
    await it.run(1000)
    // What its own checks would have refused lies in its store.
    const { id, bytes } = shared.transaction
    const writes = [
      { key: keys.payload(id), value: shared.payload },
      { key: keys.payloadSize(id), value: new TextEncoder().encode(String(shared.payload.length)) }
    ]
    await it.act(() => it.chain(0).store.write(writes, { sync: true }))
    assert.is((await it.act(() => it.chain(0).submit(bytes))).kind, 'accepted')
    await it.run(20_000)
    for (const index of [1, 2, 3]) {
      await goesOn(it, index, `${id.slice(0, 8)} ${index}`)
      assert.is(isFinal(it, index, id), false)
      // It can never be in a block: whoever waits for it is told, and it takes nobody's room.
      assert.equal(await it.act(() => it.chain(index).outcome(id, 1000)), { kind: 'refused', code })
      assert.is(it.chain(index).pending(id), undefined)
      assert.is([...it.chain(index).mempool()].length, 0)
      assert.is(it.chain(index).payloads.has(shared.transaction), false)
    }
    assert.ok(
      it.logs.some(({ message, fields }) => message === 'a payload may not be kept' && fields['transaction'] === id)
    )
    assert.ok(
      it.logs.some(
        ({ message, node }) => message === 'a payload of a proposed block cannot be had' && node !== author.name
      )
    )
  }
})

test('of two records that exclude each other, the payload of the one that is refused is kept by nobody', async () => {
  const it = await allianceWorld(4)
  const author = it.hospitals[0] as Hospital
  const nonce = nextNonce()
  const twins = [1, 2].map((at) => recorded(it.genesis, author, { nonce, text: `twin ${at}` })) as [Shared, Shared]
  for (const { transaction, payload } of twins) {
    assert.is((await it.act(() => it.chain(0).submit(transaction.bytes, payload))).kind, 'accepted')
  }
  await it.run(20_000)
  const [taken, refused] = isFinal(it, 0, twins[0].transaction.id) ? twins : [twins[1], twins[0]]
  await everywhereReadable(it, taken, [0, 1, 2, 3])
  for (const index of [0, 1, 2, 3]) {
    assert.equal(it.chain(index).payloads.read(refused.transaction), { kind: 'absent' })
    assert.is(it.chain(index).store.get(keys.payloadPending(refused.transaction.id)), undefined)
  }
})

test('a voter that no payload reaches follows the others, and fetches what is missing when it can', async () => {
  const it = await allianceWorld(4)
  it.crash(3)
  it.start(3, starved)
  await it.run(1000)
  const list = Array.from({ length: 5 }, () => recorded(it.genesis, it.hospitals[0] as Hospital))
  for (const shared of list) await it.commit(0, shared)
  await it.run(2000)
  assert.is(it.chain(3).head().digest, it.chain(0).head().digest)
  assert.is(await it.act(() => it.chain(3).payloads.missing()), list.length)
  assert.equal(it.chain(3).payloads.read((list[0] as Shared).transaction), { kind: 'absent' })
  it.crash(3)
  it.start(3)
  await it.run(1000)
  for (const shared of list) await everywhereReadable(it, shared, [3])
  assert.is(await it.act(() => it.chain(3).payloads.missing()), 0)
})

test('who was away catches up without payloads, and fetches them afterwards from whoever is there', async () => {
  const it = await allianceWorld(4, [0, 1, 2])
  const list = Array.from({ length: 20 }, (_, index) => recorded(it.genesis, it.hospitals[index % 2] as Hospital))
  for (const [index, shared] of list.entries()) await it.commit(index % 2, shared)
  const withheld = list[0] as Shared
  it.crash(0)
  it.start(3)
  await it.run(1000)
  assert.ok(await it.run(30_000, () => it.chain(3).head().height === it.chain(1).head().height))
  for (const shared of list) await everywhereReadable(it, shared, [3])
  assert.ok(isReadable(it, 3, withheld))
  const verify = () => true
  const { genesis } = it
  const recordKeys = { get: (id: TransactionId) => it.recordKeys(3).get(id) }
  const verified = await it.act(() => verifyChain({ store: it.chain(3).store, genesis, recordKeys, verify }))
  assert.equal(verified.kind === 'verified' && verified.payloads, { here: list.length, missing: 0, damaged: 0 })
})

test('a crash between a key and its payload loses nothing that was accepted', async () => {
  const it = await allianceWorld(4)
  const shared = recorded(it.genesis, it.hospitals[0] as Hospital)
  const { id, bytes } = shared.transaction
  it.world.clock.after(0, () => void it.chain(0).submit(bytes, shared.payload))
  assert.ok(await it.run(5000, () => it.recordKeys(0).has(id)))
  it.crash(0)
  const key = it.recordKeys(0).get(id)
  it.start(0)
  await it.run(1000)
  assert.equal(it.chain(0).payloads.read(shared.transaction), { kind: 'absent' })
  await it.commit(0, shared)
  assert.equal(it.recordKeys(0).get(id), key)
  await everywhereReadable(it, shared, [0, 1, 2, 3])
})

test('a payload that is damaged here, or whose key is lost, reads as damaged and is healed by another copy', async () => {
  const it = await allianceWorld(4)
  const shared = recorded(it.genesis, it.hospitals[0] as Hospital)
  const { transaction } = shared
  await it.commit(0, shared)
  await everywhereReadable(it, shared, [2])
  const { store, payloads, genesis } = it.chain(2)
  const row = store.get(keys.payload(transaction.id)) as Uint8Array
  const flipped = row.map((byte, at) => (at === 5 ? byte ^ 1 : byte))
  const lost = it.recordKeys(2) as Map<TransactionId, Uint8Array>
  const recordKeys = { get: (id: TransactionId) => lost.get(id) }
  const faults = [
    () => store.write([{ key: keys.payload(transaction.id), value: flipped }], { sync: true }),
    () => store.write([{ key: keys.payload(transaction.id), value: null }], { sync: true }),
    async () => {
      lost.delete(transaction.id)
    }
  ]
  for (const damage of faults) {
    await it.act(damage)
    assert.equal(payloads.read(transaction), { kind: 'damaged' })
    assert.is(payloads.get(transaction), undefined)
    const verified = await it.act(() => verifyChain({ store, genesis, recordKeys, verify: () => true }))
    assert.equal(verified.kind === 'verified' && verified.payloads, { here: 0, missing: 0, damaged: 1 })
    assert.equal(await it.act(() => payloads.fetch(transaction)), shared.payload)
    assert.equal(payloads.read(transaction), { kind: 'here', payload: shared.payload })
  }
})

test('nothing of a record is in the clear on any disk', async () => {
  const it = await allianceWorld(4)
  const text = 'Fracture of the left distal radius'
  const shared = recorded(it.genesis, it.hospitals[0] as Hospital, { text, labels: ['orthopaedics'] })
  await it.commit(0, shared)
  await everywhereReadable(it, shared, [0, 1, 2, 3])
  const parts = [text, 'orthopaedics', 'text/plain', secret(`salt ${text}`)].map((part) => Buffer.from(part))
  for (const { name } of it.hospitals) {
    const { stores } = it.world.node(name).disk.image()
    const rows = [...stores.values()].flatMap((store) => [...store])
    assert.ok(rows.some(([key]) => key === keys.payload(shared.transaction.id)))
    // The search finds what does lie there in the clear.
    assert.ok(rows.some(([, value]) => Buffer.from(value).includes(Buffer.from(patient, 'hex'))))
    for (const [key, value] of rows) {
      for (const part of parts) assert.is(Buffer.from(value).includes(part), false, key)
    }
  }
})

test('a payload that was fetched for a transaction without a block goes when its time is over', async () => {
  const it = await allianceWorld(4)
  it.crash(2)
  it.crash(3)
  const author = it.hospitals[0] as Hospital
  const expires = it.world.clock.nowMs() + 20_000
  const shared = recorded(it.genesis, author, { expires })
  const { id, bytes } = shared.transaction
  await it.act(() => it.chain(0).submit(bytes, shared.payload))
  assert.ok(await it.run(10_000, () => it.chain(1).payloads.has(shared.transaction)))
  await it.run(30_000)
  it.start(2)
  it.start(3)
  await it.run(1000)
  await it.run(60_000, () => it.chain(2).head().height === it.chain(1).head().height)
  for (let count = 0; it.chain(1).payloads.has(shared.transaction) && count < 70; count++) {
    await it.commit(1, { transaction: registered(it.genesis, it.hospitals[1] as Hospital, `block ${count}`) })
  }
  await it.run(1000)
  for (const index of [0, 1]) {
    assert.is(isFinal(it, index, id), false)
    assert.equal(it.chain(index).payloads.read(shared.transaction), { kind: 'absent' })
    for (const key of [keys.payload(id), keys.payloadSize(id), keys.payloadPending(id)]) {
      assert.is(it.chain(index).store.get(key), undefined, key)
    }
  }
})

test.run()
