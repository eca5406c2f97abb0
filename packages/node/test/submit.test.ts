import { limits } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  acknowledged,
  chainWorld,
  forged,
  HOUR_MS,
  type Hospital,
  nextNonce,
  registered,
  START_MS,
  sent,
  slowlyPurging
} from './chain-world.ts'

const test = suite('node/submit')

test('the same bytes give the same answer, before and after they are final', async () => {
  const it = await chainWorld(2)
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const { transaction, payload } = sent(it.genesis, alpha, [beta])
  const [first, second] = await it.act(() =>
    Promise.all([it.chain(0).submit(transaction.bytes, payload), it.chain(0).submit(transaction.bytes, payload)])
  )
  assert.equal(first, { kind: 'accepted', id: transaction.id })
  assert.equal(second, first)
  await it.run(5000)
  const ended = { kind: 'ended', id: transaction.id, outcome: { kind: 'committed', height: 1 } }
  assert.equal(await it.act(() => it.chain(0).submit(transaction.bytes, payload)), ended)
  assert.equal(await it.act(() => it.chain(1).submit(transaction.bytes)), ended)
})

test('without its payload, or with another, nothing is kept', async () => {
  const it = await chainWorld(2)
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const { transaction, payload } = sent(it.genesis, alpha, [beta])
  const submit = (given?: Uint8Array) => it.act(() => it.chain(0).submit(transaction.bytes, given))
  assert.equal(await submit(), { kind: 'refused', code: 'payload-absent' })
  assert.equal(await submit(payload.subarray(1)), { kind: 'refused', code: 'payload-mismatch' })
  assert.is(it.chain(0).payloads.get(transaction), undefined)
  assert.is(it.chain(0).pending(transaction.id), undefined)
  await it.run(2000)
  assert.is(it.chain(1).head().height, 0)
  assert.is((await submit(payload)).kind, 'accepted')
})

test('every refusal says why, and keeps nothing', async () => {
  const it = await chainWorld(2)
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const forgery = forged(it.genesis, alpha, beta)
  const cases: readonly (readonly [bytes: Uint8Array, code: string, payload?: Uint8Array])[] = [
    [forgery.transaction.bytes, 'not-a-holder', forgery.payload],
    [registered(it.genesis, alpha, 's0', { expires: START_MS - 1 }).bytes, 'expired'],
    [registered(it.genesis, alpha, 's1', { expires: START_MS + 49 * HOUR_MS }).bytes, 'too-far-expiry'],
    [Uint8Array.of(1), 'malformed'],
    [new Uint8Array(61 * 1024), 'too-large']
  ]
  for (const [bytes, code, payload] of cases) {
    assert.equal(await it.act(() => it.chain(0).submit(bytes, payload)), { kind: 'refused', code })
  }
  for await (const [key] of it.chain(0).store.range({ from: 'mempool/', to: 'mempool0' })) assert.unreachable(key)
})

test('what was busy, and is submitted again and accepted, keeps its payload, however long purging takes', async () => {
  const it = await chainWorld(2, [])
  const purging = Promise.withResolvers<void>()
  it.start(0, undefined, { storeOf: (store) => slowlyPurging(store, purging.promise) })
  await it.run(200)
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const nonce = nextNonce()
  // They share a nonce, of which only a few may be pending: the last finds room as it is looked at, and none when it is kept.
  const all = Array.from({ length: limits.pendingPerConflictMax + 1 }, (_, index) =>
    sent(it.genesis, alpha, [beta], { nonce, created: START_MS - 1000 + index })
  )
  const last = all.at(-1) as (typeof all)[number]
  const submit = ({ transaction, payload }: typeof last) => it.chain(0).submit(transaction.bytes, payload)
  const answers = await it.act(() => Promise.all(all.map(submit)))
  assert.equal(answers.at(-1), { kind: 'refused', code: 'busy' })
  assert.is(answers.filter(({ kind }) => kind === 'accepted').length, limits.pendingPerConflictMax)
  assert.is(it.chain(0).payloads.has(last.transaction), false, 'what was promised to nobody is gone with the answer')
  assert.equal(await it.act(() => submit(last)), { kind: 'refused', code: 'busy' })
  assert.is(it.chain(0).payloads.has(last.transaction), false)
  it.start(1)
  await it.run(10_000, () => it.chain(0).status().mempool.transactions === 0)
  await it.commit(0, last)
  purging.resolve()
  await it.run(1000)
  assert.equal(it.chain(0).payloads.get(last.transaction), last.payload)
})

test('what was accepted survives a crash with its payload, and is gossiped again', async () => {
  const it = await chainWorld(2, [0])
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const { transaction, payload } = sent(it.genesis, alpha, [beta])
  assert.is((await it.act(() => it.chain(0).submit(transaction.bytes, payload))).kind, 'accepted')
  it.crash(0)
  it.start(0)
  await it.run(100)
  assert.is(it.chain(0).pending(transaction.id)?.code, null)
  assert.equal(it.chain(0).payloads.get(transaction), payload)
  it.start(1)
  await it.run(10_000)
  assert.equal(await it.chain(0).outcome(transaction.id, 0), { kind: 'committed', height: 1 })
  for await (const [key] of it.chain(0).store.range({ from: 'mempool/', to: 'mempool0' })) assert.unreachable(key)
})

test('of two that exclude each other one is committed, the other told that it never will be, across a crash', async () => {
  const it = await chainWorld(2, [0])
  const [alpha] = it.hospitals as [Hospital]
  const one = registered(it.genesis, alpha, 'twin')
  const other = registered(it.genesis, alpha, 'twin')
  for (const { bytes } of [one, other]) assert.is((await it.act(() => it.chain(0).submit(bytes))).kind, 'accepted')
  it.start(1)
  await it.run(10_000)
  const outcomes = [await it.chain(0).outcome(one.id, 0), await it.chain(0).outcome(other.id, 0)]
  assert.equal(outcomes, [
    { kind: 'committed', height: 1 },
    { kind: 'refused', code: 'member-exists' }
  ])
  assert.is(it.chain(0).status().mempool.transactions, 0)
})

test('a row of a transaction that ended while the daemon was down goes at the next start', async () => {
  const it = await chainWorld(3, [0])
  const [alpha] = it.hospitals as [Hospital]
  const mine = registered(it.genesis, alpha, 'rival')
  assert.is((await it.act(() => it.chain(0).submit(mine.bytes))).kind, 'accepted')
  it.crash(0)
  it.start(1)
  it.start(2)
  await it.run(200)
  await it.commit(1, { transaction: registered(it.genesis, alpha, 'rival') })
  it.start(0)
  await it.run(5000)
  assert.equal(await it.chain(0).outcome(mine.id, 0), { kind: 'refused', code: 'member-exists' })
  it.crash(0)
  it.start(0)
  await it.run(1000)
  for await (const [key] of it.chain(0).store.range({ from: 'mempool/', to: 'mempool0' })) assert.unreachable(key)
})

test('a client that waits hears the end, or nothing when its time is over', async () => {
  const it = await chainWorld(2, [0])
  const [alpha] = it.hospitals as [Hospital]
  const { bytes, id } = registered(it.genesis, alpha, 'patience')
  await it.act(() => it.chain(0).submit(bytes))
  assert.is(await it.act(() => it.chain(0).outcome(id, 1000)), undefined)
  const stop = new AbortController()
  const aborted = it.act(async () => {
    const waiting = it.chain(0).outcome(id, 60_000, stop.signal)
    stop.abort()
    return waiting
  })
  assert.is(await aborted, undefined)
  it.start(1)
  assert.equal(await it.act(() => it.chain(0).outcome(id, 60_000)), { kind: 'committed', height: 1 })
  assert.is(acknowledged(it.genesis, alpha, registered(it.genesis, alpha, 'x')).kind, 'stt.ack')
})

test.run()
