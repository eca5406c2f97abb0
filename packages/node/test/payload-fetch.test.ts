import { decodeCbor, type TransactionId, toHex } from '@wardline/codec'
import type { ParsedTransaction, PayloadFault } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPayloadFetcher } from '../src/payload-fetch.ts'
import { createPayloadLanes, HERE, NOT_HERE, PAYLOADS_ASKED_MAX } from '../src/payload-lanes.ts'
import { recorded, type Shared } from './alliance.ts'
import { founded, type Hospital } from './chain-world.ts'
import { manualClock, settled } from './manual-clock.ts'

const test = suite('node/payload-fetch')

const { genesis, hospitals } = founded(1, 'test', 'DSS')
const shared = (): Shared => recorded(genesis, hospitals[0] as Hospital)

type Peer = (id: TransactionId) => Uint8Array | undefined | 'silence' | Promise<Uint8Array>

/** A fetcher among these peers. */
function setUp(peers: Readonly<Record<string, Peer>>) {
  const clock = manualClock()
  const requests: { readonly peer: string; readonly ids: readonly TransactionId[] }[] = []
  const reports: string[] = []
  const kept: ParsedTransaction[] = []
  async function* answer(peer: string, bytes: Uint8Array): AsyncIterable<Uint8Array> {
    const { transactions } = decodeCbor(bytes) as unknown as { transactions: Uint8Array[] }
    const ids = transactions.map((id) => toHex(id) as TransactionId)
    requests.push({ peer, ids })
    for (const id of ids) {
      const payload = await peers[peer]?.(id)
      if (payload === 'silence') await new Promise(() => undefined)
      else yield payload === undefined ? Uint8Array.of(NOT_HERE) : Uint8Array.of(HERE, ...payload)
    }
  }
  const network = { request: (peer: string, _: string, bytes: Uint8Array) => answer(peer, bytes) }
  const fetcher = createPayloadFetcher({
    clock,
    lanes: createPayloadLanes(network as unknown as Parameters<typeof createPayloadLanes>[0]),
    fault: (transaction, payload): PayloadFault | undefined => {
      if (payload.length !== transaction.payload?.size) return 'payload-mismatch'
      return payload[0] === 0 ? 'excluded-label' : undefined
    },
    keep: async (transaction) => {
      await settled()
      kept.push(transaction)
    },
    report: (peer, code) => reports.push(`${peer} ${code}`)
  })
  return { clock, requests, reports, kept, fetcher }
}

test('peers are asked in their order, the next one when the last has nothing', async () => {
  const { transaction, payload } = shared()
  const { fetcher, requests, kept } = setUp({ a: () => undefined, b: () => payload, c: () => payload })
  assert.equal(await fetcher.fetch(transaction, ['a', 'b', 'c'], 'patient'), { kind: 'here', payload })
  assert.equal(
    requests.map(({ peer }) => peer),
    ['a', 'b']
  )
  assert.equal(kept, [transaction])
})

test('a peer that holds it back costs a moment', async () => {
  const { transaction, payload } = shared()
  const { clock, fetcher, requests } = setUp({ a: () => 'silence', b: () => payload })
  const fetched = fetcher.fetch(transaction, ['a', 'b'], 'urgent')
  await clock.pass(249)
  assert.is(requests.length, 1)
  await clock.pass(1)
  assert.equal(await fetched, { kind: 'here', payload })
})

test('who gives other bytes is reported, and the next one is asked', async () => {
  const { transaction, payload } = shared()
  const { fetcher, reports } = setUp({ a: () => payload.subarray(1), b: () => payload })
  assert.equal(await fetcher.fetch(transaction, ['a', 'b'], 'patient'), { kind: 'here', payload })
  assert.equal(reports, ['a wrong-payload'])
})

test('bytes that may not be kept end it: there can be no others', async () => {
  const { transaction, payload } = shared()
  const excluded = payload.with(0, 0)
  const { fetcher, reports, requests, kept } = setUp({ a: () => excluded, b: () => payload })
  assert.equal(await fetcher.fetch(transaction, ['a', 'b'], 'patient'), { kind: 'faulty', code: 'excluded-label' })
  assert.equal([reports, kept, requests.length], [[], [], 1])
})

test('nobody has it', async () => {
  const { transaction } = shared()
  const { fetcher } = setUp({ a: () => undefined, b: () => undefined })
  assert.equal(await fetcher.fetch(transaction, ['a', 'b'], 'patient'), { kind: 'nowhere' })
  assert.equal(await fetcher.fetch(transaction, [], 'urgent'), { kind: 'nowhere' })
})

test('who needs the same joins in, and brings other peers', async () => {
  const { transaction, payload } = shared()
  const { fetcher, kept, requests } = setUp({ a: () => 'silence', b: () => payload })
  const first = fetcher.fetch(transaction, ['a'], 'patient')
  await settled()
  const second = fetcher.fetch(transaction, ['a', 'b'], 'urgent')
  assert.equal(await first, { kind: 'here', payload })
  assert.equal(await second, { kind: 'here', payload })
  assert.equal(kept, [transaction])
  assert.is(requests.length, 2)
})

test('what one peer is asked for in one turn or meanwhile travels together', async () => {
  const list = Array.from({ length: 150 }, shared)
  const byId = new Map(list.map(({ transaction, payload }) => [transaction.id, payload]))
  const { fetcher, requests, kept } = setUp({ a: (id) => byId.get(id) })
  const all = await Promise.all(list.map(({ transaction }) => fetcher.fetch(transaction, ['a'], 'patient')))
  assert.ok(all.every(({ kind }) => kind === 'here'))
  assert.is(kept.length, list.length)
  assert.equal(
    requests.map(({ ids }) => ids.length),
    [PAYLOADS_ASKED_MAX, PAYLOADS_ASKED_MAX, 150 - 2 * PAYLOADS_ASKED_MAX]
  )
})

test('what is urgent goes before what waits, and what nobody needs any more is not asked for', async () => {
  const [slow, other, waiting, needless, urgent] = Array.from({ length: 5 }, shared) as [
    Shared,
    Shared,
    Shared,
    Shared,
    Shared
  ]
  const { promise, resolve: release } = Promise.withResolvers<Uint8Array>()
  const { fetcher, requests } = setUp({
    a: (id) => (id === slow.transaction.id || id === other.transaction.id ? promise : undefined),
    b: () => needless.payload
  })
  // The two requests that a peer may have at once.
  void fetcher.fetch(slow.transaction, ['a'], 'patient')
  await settled()
  void fetcher.fetch(other.transaction, ['a'], 'patient')
  await settled()
  const last = fetcher.fetch(waiting.transaction, ['a'], 'patient')
  void fetcher.fetch(needless.transaction, ['a'], 'patient')
  void fetcher.fetch(urgent.transaction, ['a'], 'urgent')
  await fetcher.fetch(needless.transaction, ['b'], 'patient')
  release(slow.payload)
  await last
  const ofA = requests.filter(({ peer }) => peer === 'a').slice(2)
  assert.equal(
    ofA.flatMap(({ ids }) => ids),
    [urgent.transaction.id, waiting.transaction.id]
  )
})

test.run()
