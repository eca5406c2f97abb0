import { encodeCbor, type MemberId, nameBytes, type WardlineError } from '@wardline/codec'
import { chainIdOf, recordIdOf } from '@wardline/ledger'
import type { Log, Network, RecordKeys, StreamHandler } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAllowance } from '../src/allowance.ts'
import { PAYLOAD_PROTOCOL } from '../src/payload-lanes.ts'
import { createPayloads } from '../src/payloads.ts'
import { allianceWorld, recorded } from './alliance.ts'
import {
  type ChainWorld,
  chainWorld,
  type Hospital,
  nextNonce,
  sent,
  slowlyPurging,
  transaction
} from './chain-world.ts'

const test = suite('node/payloads')

test('a receiver gets the payload from its author; who is neither gets nothing, final or pending', async () => {
  const it = await chainWorld(4, [0, 1, 2])
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const send = sent(it.genesis, alpha, [beta])
  await it.commit(0, send)
  const pending = sent(it.genesis, alpha, [beta])
  assert.equal(await it.act(() => it.chain(1).payloads.fetch(send.transaction)), send.payload)
  assert.equal(it.chain(1).payloads.get(send.transaction), send.payload)
  assert.is(await it.act(() => it.chain(2).payloads.fetch(send.transaction)), undefined)
  it.crash(1)
  await it.act(() => it.chain(0).submit(pending.transaction.bytes, pending.payload))
  const answers: Uint8Array[] = []
  it.play(3, async ({ network, clock }) => {
    await network.setPeers(it.hospitals.map(({ name }) => ({ name, addresses: [] })))
    await new Promise<void>((resolve) => clock.after(500, resolve))
    const options = { timeoutMs: 5000, frameBytesMax: 2e6, framesMax: 2 }
    const requests = [
      encodeCbor({ transactions: [nameBytes(send.transaction.id)] }),
      encodeCbor({ transactions: [nameBytes(pending.transaction.id)] }),
      encodeCbor({ transactions: [new Uint8Array(32)] })
    ]
    for (const request of requests) {
      for await (const frame of network.request(alpha.name, PAYLOAD_PROTOCOL, request, options)) answers.push(frame)
    }
  })
  await it.run(5000)
  assert.equal(
    answers,
    Array.from({ length: 3 }, () => Uint8Array.of(0))
  )
})

test('an author that is away: a fellow receiver has it', async () => {
  const it = await chainWorld(4)
  const [alpha, beta, gamma] = it.hospitals as [Hospital, Hospital, Hospital]
  const send = sent(it.genesis, alpha, [beta, gamma])
  await it.commit(0, send)
  await it.act(() => it.chain(1).payloads.fetch(send.transaction))
  it.crash(0)
  await it.run(1000)
  assert.equal(await it.act(() => it.chain(2).payloads.fetch(send.transaction)), send.payload)
})

test('another payload than the transaction names is not kept', async () => {
  const it = await chainWorld(4)
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const send = sent(it.genesis, alpha, [beta])
  await it.commit(0, send)
  it.crash(0)
  it.play(0, async ({ network }) => {
    network.serve(
      PAYLOAD_PROTOCOL,
      async function* () {
        yield Uint8Array.of(1, ...send.payload.subarray(1), 7)
      },
      { requestBytesMax: 400_000 }
    )
    await network.setPeers(it.hospitals.map(({ name }) => ({ name, addresses: [] })))
  })
  await it.run(20_000)
  assert.is(await it.act(() => it.chain(1).payloads.fetch(send.transaction)), undefined)
  assert.is(it.chain(1).payloads.get(send.transaction), undefined)
})

test('a payload is given out, and present, only for the transaction that it was stored for', async () => {
  const it = await chainWorld(4, [0, 1, 2])
  const [alpha, beta, gamma] = it.hospitals as [Hospital, Hospital, Hospital]
  const send = sent(it.genesis, alpha, [beta])
  await it.commit(0, send)
  // Gamma is no party; it reads the commitment off the chain and names it in a transmission of its own.
  const nonce = nextNonce()
  const body = { ...send.transaction.body, recordId: recordIdOf(chainIdOf(it.genesis), gamma.member, nonce), via: null }
  const bait = transaction(it.genesis, gamma, 'stt.send', body, { nonce, payload: send.payload })
  assert.is(bait.payload?.commitment, send.transaction.payload?.commitment)
  assert.equal(await it.act(() => it.chain(0).submit(bait.bytes)), { kind: 'refused', code: 'payload-absent' })
  await it.commit(2, { transaction: bait, payload: send.payload })
  await it.run(2000, () => it.chain(0).query.place(bait.id) !== undefined)
  const { payloads } = it.chain(0)
  assert.equal([payloads.has(send.transaction), payloads.get(send.transaction)], [true, send.payload])
  assert.equal([payloads.has(bait), payloads.get(bait)], [false, undefined])
  it.crash(2)
  let answer: Uint8Array | undefined
  it.play(2, async ({ network, clock }) => {
    await network.setPeers(it.hospitals.map(({ name }) => ({ name, addresses: [] })))
    await new Promise<void>((resolve) => clock.after(500, resolve))
    const options = { timeoutMs: 5000, frameBytesMax: 2e6, framesMax: 2 }
    const request = encodeCbor({ transactions: [nameBytes(bait.id)] })
    for await (const frame of network.request(alpha.name, PAYLOAD_PROTOCOL, request, options)) answer = frame
  })
  await it.run(5000)
  assert.equal(answer, Uint8Array.of(0))
})

test('of what every hospital must hold, nothing goes to who is none', async () => {
  const it = await allianceWorld(4)
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const { transaction, payload } = recorded(it.genesis, alpha)
  await it.commit(0, { transaction, payload })
  const members = new Map<string, MemberId | undefined>([
    ['hospital', beta.member],
    ['doctor', transaction.body.doctors[0]?.member],
    ['stranger', undefined]
  ])
  let handler: StreamHandler | undefined
  createPayloads({
    ...partsOf(it),
    recordKeys: { get: (id) => it.recordKeys(0).get(id) } as RecordKeys,
    network: { serve: (_: string, serve: StreamHandler) => (handler = serve) } as unknown as Network,
    memberOf: (peer) => members.get(peer)
  })
  const ask = async (peer: string): Promise<readonly Uint8Array[]> => {
    const answers: Uint8Array[] = []
    const request = encodeCbor({ transactions: [nameBytes(transaction.id)] })
    for await (const frame of handler?.(request, peer) ?? []) answers.push(frame)
    return answers
  }
  assert.equal(await ask('hospital'), [Uint8Array.of(1, ...payload)])
  assert.equal(await ask('doctor'), [Uint8Array.of(0)])
  assert.equal(await ask('stranger'), [Uint8Array.of(0)])
  for (let count = 0; count < 3; count++) await ask('hospital')
  const refusal = await ask('hospital').catch((error: unknown) => error)
  assert.is((refusal as WardlineError).code, 'busy')
})

/** Payloads beside those of the first hospital's chain, of a daemon that nobody is connected to. */
function partsOf(it: ChainWorld): Parameters<typeof createPayloads>[0] {
  const chain = it.chain(0)
  return {
    store: chain.store,
    state: chain.state,
    recordKeys: {} as RecordKeys,
    network: { serve: () => undefined } as unknown as Network,
    clock: it.world.clock,
    log: {} as Log,
    self: chain.self,
    transaction: (id) => chain.query.transaction(id),
    isPending: () => false,
    memberOf: () => undefined,
    peerOf: () => undefined,
    allowance: createAllowance({ clock: it.world.clock, burst: 4, perSecond: 0 }),
    onKept: () => undefined,
    onFaulty: () => undefined,
    background: () => undefined
  }
}

for (const again of ['kept', 'pending', 'neither'] as const) {
  test(`what was dropped is purged unless it is wanted at the moment of deleting: ${again} again`, async () => {
    const it = await chainWorld(2, [0])
    const [alpha, beta] = it.hospitals as [Hospital, Hospital]
    const { transaction, payload } = sent(it.genesis, alpha, [beta])
    const purging = Promise.withResolvers<void>()
    let isPending = false
    const parts = partsOf(it)
    const payloads = createPayloads({
      ...parts,
      store: slowlyPurging(parts.store, purging.promise),
      isPending: () => isPending
    })
    await it.act(() => payloads.keep(transaction, payload, []))
    const dropped = payloads.dropped(transaction)
    assert.is(payloads.has(transaction), false, 'nobody may rely on it')
    if (again === 'kept') await it.act(() => payloads.keep(transaction, payload, []))
    if (again === 'pending') isPending = true
    purging.resolve()
    await it.act(() => dropped)
    assert.equal(payloads.get(transaction), again === 'neither' ? undefined : payload)
    assert.is(payloads.has(transaction), again !== 'neither')
  })
}

test.run()
