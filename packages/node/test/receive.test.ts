import { encodeCbor, type Leaf, limits, type MemberId } from '@wardline/codec'
import { syncVerifier, type Verifier } from '@wardline/crypto'
import { chainIdOf, encodeBlockBody, execute, type ParsedTransaction } from '@wardline/ledger'
import type { Log } from '@wardline/ports'
import { createMemoryDisk } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAdmission } from '../src/admission.ts'
import { createFinalState } from '../src/final-state.ts'
import type { Head } from '../src/head.ts'
import { keys } from '../src/layout.ts'
import { createMempool } from '../src/mempool.ts'
import { openStore } from '../src/open.ts'
import { createReceiver } from '../src/receive.ts'
import { acknowledged, forged, founded, type Hospital, hospital, registered, START_MS, sent } from './chain-world.ts'

const test = suite('node/receive')

const { genesis, hospitals } = founded(3)
const [alpha, beta] = hospitals as [Hospital, Hospital]
const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent }

async function setUp() {
  const chain = chainIdOf(genesis)
  const store = await createMemoryDisk().openStore('chain')
  let { head }: { head: Head } = await openStore(store, chain, genesis)
  const state = createFinalState(store)
  const mempool = createMempool()
  const passed: ParsedTransaction[][] = []
  const reports: [peer: string, code: string][] = []
  const time = { ms: START_MS }
  const clock = { nowMs: () => time.ms, elapsedMs: () => time.ms, after: () => ({ cancel() {} }) }
  let verified = 0
  const verifier: Verifier = {
    verify(...args) {
      verified += 1
      return syncVerifier.verify(...args)
    }
  }
  const parts = { chain, verifier, clock, mempool, state, head: () => head, sponsors: () => 3 }
  const admission = createAdmission(parts)
  let looked = 0
  let named = 0
  let admitted = 0
  const receiver = createReceiver({
    admission: {
      ...admission,
      look(bytes) {
        looked += 1
        return admission.look(bytes)
      },
      knows(leaf) {
        named += 1
        return admission.knows(leaf)
      }
    },
    clock,
    log: silent,
    report: (peer, code) => reports.push([peer, code]),
    passOn: (batch) => passed.push([...batch]),
    onAdmitted: () => {
      admitted += 1
    }
  })
  return {
    receiver,
    admission,
    mempool,
    passed,
    reports,
    verified: () => verified,
    /** Transactions parsed. */
    looked: () => looked,
    /** Names that were looked up. */
    named: () => named,
    time,
    admitted: () => admitted,
    batch: (list: readonly { readonly bytes: Uint8Array }[], from = 'peer') =>
      receiver.batch(encodeBlockBody(list.map(({ bytes }) => bytes)), from),
    /** Makes these final, as a block of their own. */
    async block(transactions: readonly ParsedTransaction[]) {
      const done = execute(state, { height: head.height, time: head.time + 1, parent: head, transactions })
      if (done.kind === 'invalid') throw new Error(done.code)
      const writes = [...done.changes, ...done.seen].map(({ key, value }) => ({ key: keys.state(key), value }))
      await store.write(writes, { sync: true })
      state.update(done.changes)
      state.update(done.seen)
      head = { ...head, time: head.time + 1 }
      await receiver.retryParked()
    }
  }
}

/** The same transaction under a signature that does not verify. */
function broken({ bytes }: ParsedTransaction): { bytes: Uint8Array } {
  const copy = bytes.slice()
  copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1
  return { bytes: copy }
}

test('a batch of new transactions is admitted and travels on as it is', async () => {
  const it = await setUp()
  const batch = [registered(genesis, alpha, 'r0'), registered(genesis, beta, 'r1')]
  assert.is(await it.batch(batch), 'accept')
  assert.is(it.mempool.size, 2)
  assert.is(it.admitted(), 1)
  assert.equal(it.passed, [])
  assert.is(await it.batch(batch), 'ignore')
  assert.is(it.admitted(), 1)
})

test('what was accepted a moment ago is judged anew after a block, and after a while', async () => {
  const it = await setUp()
  const [one, other] = [registered(genesis, alpha, 'one'), registered(genesis, alpha, 'other')]
  assert.is(it.admission.judge(one).kind, 'accept')
  assert.is(it.admission.judge(other).kind, 'accept')
  await it.block([one])
  assert.equal(it.admission.judge(one), { kind: 'refuse', code: 'id-used', permanent: true })
  assert.is(it.admission.judge(other).kind, 'accept')
  it.time.ms = other.expires
  assert.equal(it.admission.judge(other), { kind: 'refuse', code: 'expired', permanent: true })
})

test('who needs a transaction that is being verified can wait until its batch has been taken in', async () => {
  const it = await setUp()
  const batch = Array.from({ length: 20 }, (_, number) => registered(genesis, alpha, `arriving ${number}`))
  const [first, last] = [batch[0]?.leaf, batch.at(-1)?.leaf] as [Leaf, Leaf]
  assert.is(it.receiver.arrival(last), undefined)
  const verdict = it.batch(batch)
  const arrival = it.receiver.arrival(last)
  assert.is(it.mempool.size, 0)
  assert.is(it.receiver.arrival(first), arrival, 'the batch as a whole')
  await arrival
  assert.is(it.mempool.size, batch.length)
  assert.is(await verdict, 'accept')
  assert.is(it.receiver.arrival(last), undefined)
  const bad = [
    registered(genesis, alpha, 'arriving with a fault'),
    broken(registered(genesis, alpha, 'arriving broken'))
  ]
  const rejected = it.batch(bad)
  await it.receiver.arrival((bad[0] as ParsedTransaction).leaf)
  assert.is(await rejected, 'reject')
  assert.is(it.receiver.arrival((bad[0] as ParsedTransaction).leaf), undefined)
})

test('one fault rejects the whole batch, and nothing of it is admitted', async () => {
  const good = registered(genesis, alpha, 'r2')
  const otherChain = registered(founded(3, 'other').genesis, alpha, 'r3')
  const stranger = registered(genesis, alpha, 'r4', { signer: beta.sign })
  for (const bad of [broken(good), otherChain, { bytes: Uint8Array.of(1, 2, 3) }]) {
    const it = await setUp()
    assert.is(await it.batch([good, bad]), 'reject')
    assert.is(it.mempool.size, 0)
    assert.is(it.admitted(), 0)
  }
  // Well signed under the key that it carries: that this is not the author's key is for the state to say.
  const it = await setUp()
  assert.is(await it.batch([stranger]), 'ignore')
  assert.is(it.mempool.size, 0)
})

test('garbage, emptiness and too much are rejected', async () => {
  const it = await setUp()
  assert.is(await it.receiver.batch(new Uint8Array(0), 'peer'), 'reject')
  assert.is(await it.receiver.batch(Uint8Array.of(0, 0, 0, 9, 1), 'peer'), 'reject')
  assert.is(await it.receiver.batch(Uint8Array.of(255, 255, 255, 255, 1), 'peer'), 'reject')
  assert.is(await it.receiver.batch(new Uint8Array(limits.gossipBatchBytesMax + 1), 'peer'), 'reject')
})

/** The members that every transaction has beside its body and its kind, as short as they can be. */
const shortest = encodeCbor({
  tx: { v: 1, chain: new Uint8Array(32), kind: '', author: { alias: new Uint8Array(32) }, key: new Uint8Array(32) },
  sig: new Uint8Array(64)
})

for (const count of [1, 8_001, 10_000]) {
  test(`${count} entries too short for a transaction are rejected, or reported where they were asked for`, async () => {
    const it = await setUp()
    const short = Array.from({ length: count }, (_, index) => Uint8Array.of(index & 255, index >> 8))
    for (let sends = 0; sends < 3; sends++) {
      assert.is(await it.receiver.batch(encodeBlockBody(short), 'liar'), 'reject')
      assert.is(await it.receiver.fetched(short, 'other liar'), false)
    }
    assert.equal(it.reports, Array(3).fill(['other liar', 'too-short']))
    assert.is(it.looked(), 0)
    assert.is(await it.batch([registered(genesis, alpha, 'after'), { bytes: Uint8Array.of(1, 2) }]), 'reject')
    assert.is(it.mempool.size, 0)
  })
}

test('a full allowance pays for any batch of entries that are long enough', async () => {
  const it = await setUp()
  assert.is(await it.receiver.fetched([shortest], 'peer'), false)
  assert.equal(it.reports, [['peer', 'malformed']])
  for (const length of [1, 2, 4, 5, 64, shortest.length, 256, 1024, 1025, 8 * 1024, limits.transactionBytesMax]) {
    const count = Math.min(limits.blockTransactionsMax, Math.floor(limits.gossipBatchBytesMax / (4 + length)))
    const list = Array.from({ length: count }, (_, index) => ({ bytes: new Uint8Array(length).fill(index, -2) }))
    assert.is(await it.batch(list, `peer ${length}`), 'reject', `${count} of ${length} bytes`)
  }
})

test('names that are known cost a peer something too, and without an allowance none is looked up', async () => {
  const it = await setUp()
  const known = fresh(0)
  assert.is(await it.batch(known, 'author'), 'accept')
  const verdicts: string[] = []
  for (let sends = 0; sends < 2_000; sends++) verdicts.push(await it.batch(known, 'neighbour'))
  const last = verdicts.lastIndexOf('ignore')
  assert.ok(last > 500, `${last} looked at`)
  assert.equal(verdicts.slice(last + 1), Array(verdicts.length - last - 1).fill('busy'))
  assert.is(verdicts.at(-1), 'busy')
  const before = it.named()
  await it.batch(known, 'neighbour')
  assert.is(it.named(), before)
  assert.is(await it.batch(known, 'author'), 'ignore')
})

test('what only the state refuses is dropped, and the admitted ones travel on in a batch of our own', async () => {
  const it = await setUp()
  const good = registered(genesis, alpha, 'r5')
  const late = registered(genesis, alpha, 'r6', { expires: START_MS - 1 })
  assert.is(await it.batch([good, late, forged(genesis, beta, alpha).transaction]), 'ignore')
  assert.equal(
    it.passed.map((batch) => batch.map(({ leaf }) => leaf)),
    [[good.leaf]]
  )
  assert.is(it.mempool.size, 1)
})

test('a transaction one block ahead is parked, and admitted after that block', async () => {
  const it = await setUp()
  const send = sent(genesis, alpha, [beta]).transaction
  const ack = acknowledged(genesis, beta, send)
  assert.is(await it.batch([ack]), 'ignore')
  assert.is(it.mempool.size, 0)
  await it.block([])
  assert.is(it.mempool.size, 0)
  await it.block([send])
  assert.ok(it.mempool.has(ack.leaf))
  assert.equal(
    it.passed.map((batch) => batch.map(({ leaf }) => leaf)),
    [[ack.leaf]]
  )
})

test('the parked are forgotten after their time', async () => {
  const it = await setUp()
  const send = sent(genesis, alpha, [beta]).transaction
  const ack = acknowledged(genesis, beta, send)
  await it.batch([ack])
  it.time.ms += limits.parkedMs + 1
  await it.block([])
  await it.block([send])
  assert.is(it.mempool.size, 0)
})

test('one peer cannot park more than its share, and does not crowd out another', async () => {
  const it = await setUp()
  const many = founded(3).hospitals
  const size = forged(genesis, alpha, beta).transaction.bytes.length
  const count = Math.ceil(limits.parkedBytesPerPeerMax / size) + 10
  const first = sent(genesis, alpha, [beta])
  for (let i = 0; i < count; i += 50) {
    await it.batch(
      Array.from({ length: 50 }, () => forged(genesis, many[0] as Hospital, many[1] as Hospital).transaction),
      'flooder'
    )
  }
  const flooded = acknowledged(genesis, beta, first.transaction)
  await it.batch([flooded], 'flooder')
  const other = acknowledged(genesis, beta, first.transaction)
  await it.batch([other], 'neighbour')
  for (let commits = 0; commits < Math.ceil(count / 256) + 2; commits++)
    await it.block(commits === 0 ? [first.transaction] : [])
  assert.not.ok(it.mempool.has(flooded.leaf))
  assert.ok(it.mempool.has(other.leaf))
})

test('what the state refuses costs no signature, and in another batch no second look', async () => {
  const it = await setUp()
  const stranger = { ...alpha, member: '12'.repeat(32) as MemberId }
  const unknown = Array.from({ length: 100 }, (_, index) => registered(genesis, stranger, `unknown ${index}`))
  const late = registered(genesis, alpha, 'late', { expires: START_MS - 1 })
  for (let rotation = 0; rotation < 200; rotation++) {
    const batch = [...unknown.slice(rotation % 100), ...unknown.slice(0, rotation % 100), late]
    assert.is(await it.batch(batch), 'ignore', String(rotation))
  }
  assert.is(it.verified(), 0)
})

test('what the mempool has no room for costs no signature, and from the same peer no second look', async () => {
  const it = await setUp()
  const twins = Array.from({ length: 50 }, () => registered(genesis, alpha, 'many twins'))
  assert.is(await it.batch(twins.slice(0, limits.pendingPerConflictMax)), 'accept')
  const before = it.verified()
  for (let rotation = 0; rotation < 50; rotation++) {
    assert.is(await it.batch([...twins.slice(rotation), ...twins.slice(0, rotation)]), 'ignore')
  }
  assert.is(it.verified(), before)
})

test('a peer that has filled its share of the parked does not keep out what another brings', async () => {
  const it = await setUp()
  const send = sent(genesis, alpha, [beta]).transaction
  const ack = acknowledged(genesis, beta, send)
  const size = forged(genesis, alpha, beta).transaction.bytes.length
  for (let bytes = 0; bytes <= limits.parkedBytesPerPeerMax; bytes += 50 * size) {
    await it.batch(
      Array.from({ length: 50 }, () => forged(genesis, alpha, beta).transaction),
      'flooder'
    )
  }
  assert.is(await it.batch([ack], 'flooder'), 'ignore')
  assert.is(await it.batch([ack, registered(genesis, alpha, 'beside')], 'neighbour'), 'ignore')
  for (let commits = 0; commits < 20; commits++) await it.block(commits === 0 ? [send] : [])
  assert.ok(it.mempool.has(ack.leaf))
})

test('the parked are verified when they may be, and a bad one costs the peer that brought it', async () => {
  const it = await setUp()
  const send = sent(genesis, alpha, [beta]).transaction
  const ack = acknowledged(genesis, beta, send)
  assert.is(await it.batch([ack], 'honest'), 'ignore')
  assert.is(await it.batch([broken(acknowledged(genesis, beta, send))], 'liar'), 'ignore')
  assert.is(it.verified(), 0)
  await it.block([send])
  assert.ok(it.mempool.has(ack.leaf))
  assert.is(it.mempool.size, 1)
  assert.equal(it.reports, [['liar', 'bad-signature']])
})

test('a peer that has used up its allowance is put off, and another peer that brings the same is not', async () => {
  const it = await setUp()
  // One for the look, and two signatures each: the author's and the new member's.
  const perBatch = 300
  const verdicts: string[] = []
  for (let sends = 0; sends < limits.verificationsPerPeerBurst / perBatch + 2; sends++) {
    verdicts.push(await it.batch(fresh(sends), 'busy one'))
  }
  const taken = Math.floor(limits.verificationsPerPeerBurst / perBatch)
  assert.equal(verdicts.slice(0, taken), Array(taken).fill('accept'))
  assert.is(verdicts.at(-1), 'busy')
  const last = fresh(99)
  assert.is(await it.batch(last, 'busy one'), 'busy')
  assert.is(await it.batch(last, 'neighbour'), 'accept')
  it.time.ms += 1000
  assert.is(await it.batch(fresh(100), 'busy one'), 'accept')
})

test('what is large costs a peer more of its allowance, before any signature is verified', async () => {
  const it = await setUp()
  const crowd = Array.from({ length: 200 }, (_, index) => hospital(`receiver ${index}`))
  // To members that the state does not know.
  const large = () => sent(genesis, alpha, crowd).transaction
  const { length } = large().bytes
  const verdicts: string[] = []
  for (let batch = 0; batch < 60; batch++) verdicts.push(await it.batch([large(), large(), large()], 'flooder'))
  assert.ok(
    verdicts.lastIndexOf('ignore') < limits.verificationsPerPeerBurst / (3 * (length / 256)) + 1,
    verdicts.join()
  )
  assert.is(verdicts.at(-1), 'busy')
  assert.is(it.verified(), 0)
  assert.is(await it.batch([registered(genesis, alpha, 'beside the flooder')], 'neighbour'), 'accept')
})

test('of more than the allowance pays for, what was asked for by stream is taken in as far as it goes', async () => {
  const it = await setUp()
  // One for the look, and two signatures each.
  const many = Array.from({ length: limits.verificationsPerPeerBurst / 3 + 100 }, (_, index) =>
    registered(genesis, alpha, `asked for ${index}`)
  )
  const bytes = many.map((one) => one.bytes)
  assert.is(await it.receiver.fetched(bytes, 'peer'), false)
  assert.ok(it.mempool.size > many.length - 300, `${it.mempool.size} of ${many.length}`)
  it.time.ms += 1000
  assert.is(await it.receiver.fetched(bytes, 'peer'), true)
  assert.is(it.mempool.size, many.length)
})

function fresh(at: number): ParsedTransaction[] {
  return Array.from({ length: 100 }, (_, index) => registered(genesis, alpha, `fresh ${at} ${index}`))
}

test('of what was asked for by stream the first fault is reported, and the peer is not asked on', async () => {
  const it = await setUp()
  const good = registered(genesis, alpha, 'asked 0')
  assert.is(await it.receiver.fetched([good.bytes], 'peer'), true)
  assert.ok(it.mempool.has(good.leaf))
  const before = it.verified()
  const bad = Array.from({ length: 64 }, (_, index) => broken(registered(genesis, alpha, `asked bad ${index}`)).bytes)
  assert.is(await it.receiver.fetched(bad, 'liar'), false)
  assert.equal(it.reports, [['liar', 'bad-signature']])
  assert.ok(it.verified() - before <= 16, `${it.verified() - before} verified`)
})

test('a member the state does not know is no reason to blame the deliverer', async () => {
  const it = await setUp()
  const stranger = { ...alpha, member: '12'.repeat(32) as MemberId }
  assert.is(await it.batch([registered(genesis, stranger, 'r7')]), 'ignore')
})

test.run()
