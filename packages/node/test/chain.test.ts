import {
  appendLeaf,
  emptyFrontier,
  epoch,
  frontierRoot,
  type Hash,
  height,
  limits,
  name32,
  nameBytes,
  view,
  WardlineError
} from '@wardline/codec'
import {
  encodeHeader,
  encodeMessage,
  genesisDigest,
  type Header,
  headerDigest,
  leavesRoot,
  setHash,
  voteBytes
} from '@wardline/consensus'
import { chainIdOf, encodeBlockBody, leafOf, validatorsOf } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HOLD_MS } from '../src/outbox.ts'
import {
  acknowledged,
  type ChainWorld,
  chainWorld,
  forged,
  type Hospital,
  type LogLine,
  registered,
  START_MS,
  sent
} from './chain-world.ts'

const test = suite('node/chain')

function isConnected(it: ChainWorld, index: number): boolean {
  try {
    return it
      .chain(index)
      .peers()
      .every(({ connected }) => connected)
  } catch {
    // Not open yet.
    return false
  }
}

const heads = (it: Awaited<ReturnType<typeof chainWorld>>, indexes: readonly number[]) =>
  indexes.map((index) => it.chain(index).head().digest)

test('a transaction is final on every node, in one block', async () => {
  const it = await chainWorld(4)
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const send = sent(it.genesis, alpha, [beta])
  await it.commit(0, send)
  await it.run(1000)
  assert.is(new Set(heads(it, [0, 1, 2, 3])).size, 1)
  for (const index of [0, 1, 2, 3]) assert.is(it.chain(index).query.place(send.transaction.id)?.height, 1)
  await it.commit(1, { transaction: acknowledged(it.genesis, beta, send.transaction) })
})

for (const count of [1, 2, 3, 5, 7]) {
  test(`${count} hospitals agree`, async () => {
    const it = await chainWorld(count)
    await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, 'doctor') })
    await it.run(1000)
    assert.is(new Set(heads(it, [...it.hospitals.keys()])).size, 1)
  })
}

test('a lone client waits for no other: one transaction after the other, at each hospital in turn', async () => {
  const it = await chainWorld(4)
  await it.run(1000)
  const took: number[] = []
  for (let count = 0; count < 16; count++) {
    const author = it.hospitals[count % 4] as Hospital
    const transaction = registered(it.genesis, author, `doctor ${count}`)
    const startMs = it.world.clock.nowMs()
    await it.commit(count % 4, { transaction })
    took.push(it.world.clock.nowMs() - startMs)
  }
  // Had one waited for a timer of the outbox or of a filling block, it would stand out by tens of milliseconds.
  assert.ok(Math.max(...took) <= 2 * Math.min(...took) && Math.max(...took) < HOLD_MS, String(took))
})

test('under load blocks fill, and a message brings many transactions', async () => {
  const clients = 64
  const rounds = 8
  const messages: number[] = []
  const it = await chainWorld(4, [])
  for (const index of it.hospitals.keys()) {
    it.start(index, (network) => ({
      ...network,
      connected: () => network.connected(),
      gossip: {
        subscribe: (topic, handler) => network.gossip.subscribe(topic, handler),
        publish(topic, data) {
          if (topic.endsWith('/tx/1')) messages.push(data.length)
          return network.gossip.publish(topic, data)
        }
      }
    }))
  }
  assert.ok(await it.run(10_000, () => it.hospitals.every((_, index) => isConnected(it, index))))
  const client = async (number: number): Promise<void> => {
    const author = it.hospitals[number % 4] as Hospital
    for (let round = 0; round < rounds; round++) {
      const { bytes, id } = registered(it.genesis, author, `client ${number} round ${round}`)
      assert.is((await it.chain(number % 4).submit(bytes)).kind, 'accepted')
      assert.is((await it.chain(number % 4).outcome(id, 60_000))?.kind, 'committed')
    }
  }
  await it.act(() => Promise.all(Array.from({ length: clients }, (_, number) => client(number))))
  const blocks = it.chain(0).head().height
  const transactions = clients * rounds
  assert.ok(transactions / blocks >= 25, `${transactions} transactions in ${blocks} blocks`)
  assert.ok(transactions / messages.length >= 5, `${transactions} transactions in ${messages.length} messages`)
})

test('one of four away: the others go on, and it catches up when it comes back', async () => {
  const it = await chainWorld(4)
  const [alpha] = it.hospitals as [Hospital]
  await it.commit(0, { transaction: registered(it.genesis, alpha, 'doctor 0') })
  it.crash(3)
  for (let i = 1; i <= 12; i++) await it.commit(0, { transaction: registered(it.genesis, alpha, `doctor ${i}`) })
  it.start(3)
  assert.ok(
    await it.run(
      60_000,
      () =>
        heads(it, [0])[0] ===
        (it.world.node(it.hospitals[3]?.name as string).state() === 'running' ? tryHead(it, 3) : undefined)
    )
  )
  await it.commit(3, { transaction: registered(it.genesis, it.hospitals[3] as Hospital, 'doctor 99') })
})

function tryHead(it: Awaited<ReturnType<typeof chainWorld>>, index: number): string | undefined {
  try {
    return it.chain(index).head().digest
  } catch {
    return undefined
  }
}

test('a lone hospital starts again without any peer and goes on', async () => {
  const it = await chainWorld(1)
  const [alpha] = it.hospitals as [Hospital]
  for (let round = 0; round < 5; round++) {
    await it.commit(0, { transaction: registered(it.genesis, alpha, `doctor ${round}`) })
    const before = it.chain(0).head()
    it.crash(0)
    it.start(0)
    await it.run(100)
    assert.is(it.chain(0).head().digest, before.digest)
  }
})

test('all of four crash at once and go on', async () => {
  const it = await chainWorld(4)
  const [alpha] = it.hospitals as [Hospital]
  await it.commit(0, { transaction: registered(it.genesis, alpha, 'doctor 0') })
  for (const index of [0, 1, 2, 3]) it.crash(index)
  for (const index of [0, 1, 2, 3]) it.start(index)
  await it.run(2000)
  await it.commit(2, { transaction: registered(it.genesis, it.hospitals[2] as Hospital, 'doctor 1') })
})

/** The leader of view 1, hospital 1, proposes a block of this one transaction, and serves it. @returns who asked for it */
function proposes(it: ChainWorld, bytes: Uint8Array): readonly string[] {
  // The leader of view 1 in epoch 0 is the second validator.
  const liar = it.hospitals[1] as Hospital
  const chain = chainIdOf(it.genesis)
  const leaf = leafOf(bytes)
  const asked: string[] = []
  it.play(1, async (process) => {
    const serve = async function* (_: Uint8Array, from: string) {
      asked.push(from)
      yield encodeBlockBody([bytes])
    }
    process.network.serve('/wardline/sync/1', serve, { requestBytesMax: 400_000 })
    await process.network.setPeers(it.hospitals.map(({ name }) => ({ name, addresses: [] })))
    process.clock.after(500, () => {
      const set = validatorsOf(it.genesis)
      const header: Header = {
        version: 1,
        chain,
        epoch: epoch(0),
        view: view(1),
        height: height(1),
        parent: genesisDigest(chain),
        time: START_MS + 500,
        proposer: liar.member,
        txRoot: leavesRoot([leaf]),
        history: name32<Hash>(frontierRoot(appendLeaf(emptyFrontier, nameBytes(chain)))),
        appHash: name32<Hash>(new Uint8Array(32)),
        nextSetHash: setHash(set.validators)
      }
      const signature = liar.vote.sign(voteBytes('notarize', chain, epoch(0), view(1), headerDigest(header)))
      const proposal = { header, view: header.view, leaves: [leaf], signature, parentCertificate: null, skips: [] }
      void process.network.gossip.publish(
        `/wardline/${chain}/proposal/1`,
        encodeMessage({ kind: 'proposal', proposal })
      )
    })
  })
  return asked
}

const honestOf = (it: ChainWorld) => new Set([0, 2, 3].map((index) => it.hospitals[index]?.name))

test('the block of a Byzantine leader with a forged hand-off is refused, and the honest three go on', async () => {
  const it = await chainWorld(4, [0, 2, 3])
  const forgery = forged(it.genesis, it.hospitals[1] as Hospital, it.hospitals[0] as Hospital).transaction
  proposes(it, forgery.bytes)
  await it.run(5000)
  const refusals = it.logs.filter(({ message }) => message === 'a proposal breaks a rule')
  assert.equal(new Set(refusals.map(({ node }) => node)), honestOf(it))
  assert.ok(refusals.every(({ fields }) => fields['code'] === 'not-a-holder'))
  await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, 'doctor') })
  await it.run(2000)
  assert.is(new Set(heads(it, [0, 2, 3])).size, 1)
  assert.is(it.chain(0).query.place(forgery.id), undefined)
})

test('a block that names bytes with a bad signature is invalid at once, and nobody else is asked for them', async () => {
  const it = await chainWorld(4, [0, 2, 3])
  const bytes = registered(it.genesis, it.hospitals[1] as Hospital, 'faulty').bytes.slice()
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
  const asked = proposes(it, bytes)
  await it.run(600)
  const isRefusal = ({ message }: LogLine) => message === 'a proposal names a faulty transaction'
  const refusals = it.logs.filter(isRefusal)
  assert.equal(new Set(refusals.map(({ node }) => node)), honestOf(it))
  assert.is(refusals.length, 3)
  await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, 'doctor') })
  assert.is(it.logs.filter(isRefusal).length, 3)
  assert.ok(asked.length > 0)
})

test('more refusals than a leader looks at in a row do not keep it from what is behind them', async () => {
  const it = await chainWorld(2, [0])
  const [alpha] = it.hospitals as [Hospital]
  const short = Array.from({ length: limits.buildRefusalsMax + 50 }, (_, index) =>
    registered(it.genesis, alpha, `short ${index}`, { expires: START_MS + 60_000 })
  )
  const behind = registered(it.genesis, alpha, 'behind')
  const submissions = await it.act(() => Promise.all([...short, behind].map(({ bytes }) => it.chain(0).submit(bytes))))
  assert.ok(submissions.every(({ kind }) => kind === 'accepted'))
  // They expire while there is no quorum; the state does not know it, for no block has that time.
  await it.run(61_000)
  it.start(1)
  assert.equal(await it.act(() => it.chain(0).outcome(behind.id, 1000)), { kind: 'committed', height: 1 })
  // By the one whose mempool is full of them, and not only by the other, which never took them in.
  assert.is(it.chain(0).query.block(height(1))?.header.proposer, alpha.member)
  await it.run(20_000)
  assert.equal(await it.chain(0).outcome((short[0] as typeof behind).id, 0), { kind: 'expired' })
  assert.is(it.chain(0).query.block(height(1))?.transactions.length, 1)
})

test('a block that was kept and lost leaves nothing behind, without a restart', async () => {
  const it = await chainWorld(1)
  const [alpha] = it.hospitals as [Hospital]
  await it.commit(0, { transaction: registered(it.genesis, alpha, 'kept') })
  const { store, query } = it.chain(0)
  const final = query.block(height(1))
  assert.ok(final !== undefined)
  const lost = { ...final.header, time: final.header.time + 1 }
  const rows = [`blocks/body/${headerDigest(lost)}`, `blocks/pending/${headerDigest(lost)}`] as const
  const writes = [
    { key: rows[0], value: encodeBlockBody([]) },
    { key: rows[1], value: encodeHeader(lost) }
  ]
  await it.act(() => store.write(writes, { sync: false }))
  for (let block = 0; block < 64; block++) {
    await it.commit(0, { transaction: registered(it.genesis, alpha, `block ${block}`) })
  }
  assert.equal(
    rows.map((key) => store.get(key)),
    [undefined, undefined]
  )
  assert.is(query.block(height(1))?.transactions.length, 1)
})

test('a disk that fails while a client waits stops the chain', async () => {
  const it = await chainWorld(1)
  it.failWrites(0, { error: 'ENOSPC', persisted: false })
  const { bytes } = registered(it.genesis, it.hospitals[0] as Hospital, 'doctor')
  let failed: unknown
  await it.act(async () => {
    const chain = it.chain(0)
    try {
      await Promise.race([
        chain.submit(bytes),
        new Promise((resolve) => it.world.clock.after(1000, () => resolve(undefined)))
      ])
    } catch (error) {
      failed = error
    }
  })
  const error = it.failures.get(it.hospitals[0]?.name as string)
  assert.instance(error, WardlineError)
  assert.is((error as WardlineError).code, 'store-failed')
  assert.ok(failed === undefined || failed === error)
})

test('what cannot be included keeps nobody awake', async () => {
  const it = await chainWorld(4)
  const [alpha] = it.hospitals as [Hospital]
  // It expires before a leader can take it, for three of four are away.
  for (const index of [1, 2, 3]) it.crash(index)
  const short = registered(it.genesis, alpha, 'doctor', { expires: START_MS + 3000 })
  assert.is((await it.act(() => it.chain(0).submit(short.bytes))).kind, 'accepted')
  await it.run(10_000)
  for (const index of [1, 2, 3]) it.start(index)
  await it.run(30_000)
  const before = it.world.trace.count()
  await it.run(60_000)
  const perMinute = it.world.trace.count() - before
  assert.ok(perMinute < 40, `${perMinute} events in an idle minute`)
})

test('a chain that has stopped while something waited still tells its status', async () => {
  const it = await chainWorld(2, [0])
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const chain = it.chain(0)
  const { transaction, payload } = sent(it.genesis, alpha, [beta])
  assert.is((await it.act(() => chain.submit(transaction.bytes, payload))).kind, 'accepted')
  await it.run(5_000)
  assert.ok(chain.status().stalledMs > 0)
  await it.act(() => chain.stop())
  const { phase, stalledMs, mempool } = chain.status()
  assert.equal([phase, stalledMs, mempool.transactions], ['stopped', 0, 1])
})

test.run()
