/** What a receiver owes: it is done once, whatever crashes, lies or is away. */
import { randomBytes } from 'node:crypto'
import type { TransactionId } from '@wardline/codec'
import { verifyTrace } from '@wardline/custody'
import { parseTransaction } from '@wardline/ledger'
import type { KeyValueStore, Network } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CraftedTerms, crafted } from './crafted.ts'
import {
  type Between,
  base64,
  codeOf,
  connected,
  type Daemon,
  found,
  open,
  start,
  startAll,
  stopAll,
  until,
  untilState
} from './hospitals.ts'

const test = suite('hospital/duties')

const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'])
let alpha: Daemon
let beta: Daemon
let gamma: Daemon
let delta: Daemon

test.before(async () => {
  ;[alpha, beta, gamma, delta] = (await startAll(founded)) as [Daemon, Daemon, Daemon, Daemon]
})

test.after(async () => {
  await stopAll([alpha, beta, gamma, delta])
  for (const { failures } of founded.places) assert.equal(failures, [])
})

/** A transmission by Alpha to Beta. */
const craftedHere = (terms: CraftedTerms) => crafted(founded, [alpha, beta], terms)

/** Runs Beta with something between it and its world. */
async function restartBeta(between?: Between): Promise<void> {
  await beta.crash()
  beta = await start(founded, beta.place, between)
  await connected([alpha, beta, gamma, delta])
}

/** Acknowledgements of a transmission by Beta, in all blocks. */
async function acknowledgements(via: TransactionId): Promise<number> {
  const { height } = await alpha.call('chain.block', {})
  let count = 0
  for (let at = 1; at <= height; at++) {
    const { transactions } = await alpha.call('chain.block', { height: at as typeof height })
    for (const { id, kind, author } of transactions) {
      if (kind !== 'stt.ack' || author.member !== beta.place.member) continue
      const { transaction } = await alpha.call('tx.get', { id })
      const parsed = parseTransaction(Buffer.from(transaction as string, 'hex'), founded.chain)
      if (parsed.kind === 'ok' && parsed.transaction.kind === 'stt.ack')
        count += parsed.transaction.body.acks.filter((ack) => ack.via === via).length
    }
  }
  return count
}

test('a receiver that was away when it was sent to catches up, opens and acknowledges', async () => {
  await beta.crash()
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('while away') })
  assert.is((await alpha.call('record.trace', { record: sent.record })).edges[0]?.state, 'sent')
  beta = await start(founded, beta.place)
  await untilState(alpha, sent, beta, 'opened')
  assert.is(await open(beta, { via: sent.id }), 'while away')
  assert.is(await acknowledgements(sent.id), 1)
})

test('what arrives together is acknowledged together, each once, and each can be proved by itself', async () => {
  // It was away, so that all of it arrives at once, however long the sending takes.
  await beta.crash()
  const texts = Array.from({ length: 24 }, (_, i) => `of many ${i}`)
  const sent = await Promise.all(
    texts.map((text) => alpha.call('record.send', { to: ['Beta'], content: base64(text) }))
  )
  beta = await start(founded, beta.place)
  for (const one of sent) await untilState(alpha, one, beta, 'opened')
  const acks = new Set<string>()
  for (const one of sent) {
    const { edges } = await alpha.call('record.trace', { record: one.record })
    acks.add(edges[0]?.ack as string)
    assert.is(await acknowledgements(one.id), 1)
    const { receipt, transactions } = await alpha.call('record.receipt', { record: one.record })
    assert.is(transactions, 2)
    assert.is(verifyTrace(receipt, founded.genesis).kind, 'verified')
  }
  assert.ok(acks.size <= sent.length / 2, `${acks.size} transactions for ${sent.length} hand-offs`)
})

test('a fellow receiver gives the payload while the author is away', async () => {
  await beta.crash()
  const sent = await alpha.call('record.send', { to: ['Beta', 'Gamma'], content: base64('from a fellow') })
  await untilState(delta, sent, gamma, 'opened')
  await alpha.crash()
  beta = await start(founded, beta.place)
  await untilState(gamma, sent, beta, 'opened')
  assert.is(await open(beta, { via: sent.id }), 'from a fellow')
  alpha = await start(founded, alpha.place)
  await connected([alpha, beta, gamma, delta])
})

type Point = { readonly when: string; readonly between: (crash: () => void) => Between }

const never = new Promise<never>(() => undefined)

/** Ends the process at a write of a row under `prefix`, before it or after it. */
function atWrite(prefix: string, moment: 'before' | 'after'): Point['between'] {
  return (crash) => ({
    store: (store: KeyValueStore) => ({
      get: (key) => store.get(key),
      range: (options) => store.range(options),
      purge: (keys) => store.purge(keys),
      close: () => store.close(),
      async write(writes, options) {
        const isIt = writes.some(({ key, value }) => key.startsWith(prefix) && value !== null)
        if (isIt && moment === 'before') {
          crash()
          return never
        }
        await store.write(writes, options)
        if (!isIt) return
        crash()
        return never
      }
    })
  })
}

const points: readonly Point[] = [
  { when: 'the payload has arrived and is not on the disk', between: atWrite('payloads/', 'before') },
  { when: 'the payload is on the disk', between: atWrite('payloads/', 'after') },
  { when: 'the record is opened and nothing says so', between: atWrite('mempool/', 'before') },
  { when: 'the acknowledgement is on the disk and nobody has heard it', between: atWrite('mempool/', 'after') },
  {
    when: 'the acknowledgement has been sent',
    between: (crash) => ({
      network: (network: Network) => ({
        ...network,
        self: network.self,
        gossip: {
          subscribe: (topic, handler) => network.gossip.subscribe(topic, handler),
          async publish(topic, data) {
            await network.gossip.publish(topic, data)
            if (topic.includes('/tx/')) crash()
          }
        }
      })
    })
  }
]

for (const { when, between } of points) {
  test(`a crash when ${when}: the duty survives, and one acknowledgement becomes final`, async () => {
    let crashed: Promise<void> | undefined
    await restartBeta(
      between(() => {
        crashed ??= beta.crash()
      })
    )
    const sent = await alpha.call('record.send', { to: ['Beta'], content: base64(when) })
    await until('the process has ended', () => crashed !== undefined)
    await crashed
    beta = await start(founded, beta.place)
    await untilState(alpha, sent, beta, 'opened')
    assert.is(await open(beta, { via: sent.id }), when)
    const { id } = await alpha.call('record.send', { to: ['Gamma'], content: base64('and on it goes') })
    assert.is((await alpha.call('tx.get', { id })).state, 'committed')
    assert.is(await acknowledgements(sent.id), 1)
    await connected([alpha, beta, gamma, delta])
  })
}

test('a payload that is damaged at its sender is not given out, and asked for until it is whole', async () => {
  let lies = true
  await alpha.crash()
  alpha = await start(founded, alpha.place, {
    store: (store) => ({
      range: (options) => store.range(options),
      purge: (keys) => store.purge(keys),
      write: (writes, options) => store.write(writes, options),
      close: () => store.close(),
      get(key) {
        const value = store.get(key)
        if (!lies || !key.startsWith('payloads/bytes/') || value === undefined) return value
        const altered = Uint8Array.from(value)
        altered[altered.length - 1] = (altered.at(-1) as number) ^ 1
        return altered
      }
    })
  })
  await connected([alpha, beta, gamma, delta])
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('altered on disk') })
  await until('it was asked for in vain', () =>
    beta.place.log.some((line) => line.includes(sent.id) && line.includes('a payload cannot be had yet'))
  )
  assert.is((await beta.call('record.list', { which: 'received', limit: 1 })).records[0]?.payloadHere, false)
  const waiting = await beta.call('status', {})
  assert.is(waiting.chains[0]?.duties.pending, 1)
  assert.is(waiting.chains[0]?.payloads.missing, 1)
  assert.is(await codeOf(beta.call('record.send', { to: ['Gamma'], via: sent.id, timeoutMs: 100 })), 'timeout')
  lies = false
  await untilState(alpha, sent, beta, 'opened')
  assert.is(await open(beta, { via: sent.id }), 'altered on disk')
  await restart('alpha')
})

async function restart(which: 'alpha' | 'beta'): Promise<void> {
  const daemon = which === 'alpha' ? alpha : beta
  await daemon.crash()
  const again = await start(founded, daemon.place)
  if (which === 'alpha') alpha = again
  else beta = again
  await connected([alpha, beta, gamma, delta])
}

test('a sender whose payloads never come holds up nobody else', async () => {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  await alpha.crash()
  alpha = await start(founded, alpha.place, {
    network: (network) => ({
      ...network,
      serve(protocol, handler, bounds) {
        if (!protocol.includes('payload')) return network.serve(protocol, handler, bounds)
        const hanging = async function* (request: Uint8Array, from: string) {
          await released
          yield* handler(request, from)
        }
        return network.serve(protocol, hanging, bounds)
      }
    })
  })
  await connected([alpha, beta, gamma, delta])
  const withheld = await Promise.all(
    Array.from({ length: 12 }, (_, i) => alpha.call('record.send', { to: ['Beta'], content: base64(`late ${i}`) }))
  )
  const honest = await gamma.call('record.send', { to: ['Beta'], content: base64('in time') })
  // A fetch that hangs takes 20 s: with all hands at Alpha's, this would be past its time.
  await untilState(gamma, honest, beta, 'opened', 18_000).finally(release)
  for (const sent of withheld) await untilState(alpha, sent, beta, 'opened')
  await restart('alpha')
})

test('an honest transmission made by hand is opened: the crafted ones below differ in one thing each', async () => {
  const sent = await craftedHere({ sealed: 'by hand' })
  await untilState(alpha, sent, beta, 'opened')
  assert.is(await open(beta, { via: sent.id }), 'by hand')
})

test('an envelope that is sealed to another key is acknowledged as a mismatch, and is no holding', async () => {
  const sent = await craftedHere({ sealed: 'for somebody else', sealTo: randomBytes(32) })
  await untilState(alpha, sent, beta, 'mismatch')
  assert.is(await codeOf(beta.call('record.send', { to: ['Gamma'], via: sent.id })), 'not-a-holder')
  assert.is(await codeOf(beta.call('record.send', { to: ['Gamma'], record: sent.record })), 'not-a-holder')
  assert.is(await codeOf(beta.call('record.open', { via: sent.id })), 'not-a-holder')
  assert.is(await acknowledgements(sent.id), 1)
})

test('content that is not what the transaction commits to is acknowledged as a mismatch', async () => {
  const sent = await craftedHere({ sealed: 'one thing', committed: 'another thing' })
  await untilState(beta, sent, beta, 'mismatch')
  assert.is(await codeOf(beta.call('record.open', { via: sent.id })), 'not-a-holder')
})

test('a receiver whose sealing key is not here says nothing by itself, and opens what came once the key is back', async () => {
  await restartBeta({ keys: (keys) => ({ ...keys, seal: randomBytes(32) }) })
  const given = await alpha.call('record.send', { to: ['Beta'], content: base64('given up') })
  const kept = await alpha.call('record.send', { to: ['Beta'], content: base64('kept') })
  const standings = async () => {
    const { pending } = await beta.call('record.pending', {})
    return new Map(pending.map(({ transmission, standing }) => [transmission, standing]))
  }
  await until('both wait for a person', async () => {
    const found = await standings()
    return [given, kept].every(({ id }) => found.get(id) === 'lost-key')
  })
  assert.is((await beta.call('record.ack', { via: given.id })).outcome, 'lost-key')
  assert.is(await codeOf(beta.call('record.open', { via: given.id })), 'not-a-holder')
  await restart('beta')
  await untilState(alpha, kept, beta, 'opened')
  assert.is(await open(beta, { via: kept.id }), 'kept')
  assert.is(await codeOf(beta.call('record.open', { via: given.id })), 'not-a-holder')
})

test('who waits to send on hears of a mismatch at once', async () => {
  const nonceSent = craftedHere({ sealed: 'one', committed: 'two' })
  const { id } = await nonceSent
  const startMs = performance.now()
  assert.is(await codeOf(beta.call('record.send', { to: ['Gamma'], via: id, timeoutMs: 60_000 })), 'not-a-holder')
  assert.ok(performance.now() - startMs < 30_000)
})

test('status says who is missing, that a quorum is missing, and what is overdue', async () => {
  await until('all is well', async () => (await alpha.call('status', {})).health === 'ok')
  await delta.crash()
  const sent = await alpha.call('record.send', { to: ['Delta'], content: base64('late') })
  await until('a peer is missed', async () => {
    const { health, problems } = await alpha.call('status', {})
    return health === 'warn' && problems[0]?.code === 'peer-missing' && problems[0].problem.includes('Delta')
  })
  await gamma.crash()
  await until('the quorum is missed', async () => {
    const { health, problems } = await alpha.call('status', {})
    return health === 'fail' && problems[0]?.code === 'no-quorum'
  })
  const stuck = alpha.call('record.send', { to: ['Beta'], content: base64('stuck'), timeoutMs: 300 })
  try {
    await stuck
    assert.unreachable('nothing can be final without a quorum')
  } catch (error) {
    const { code, data } = error as { code: string; data: { id: TransactionId } }
    assert.is(code, 'timeout')
    assert.is((await alpha.call('tx.get', { id: data.id })).state, 'accepted')
  }
  await alpha.crash()
  // Delta comes back into a network without the author.
  let clockMs = 0
  delta = await start(founded, delta.place, { clockMs: () => clockMs })
  gamma = await start(founded, gamma.place)
  await until('Delta has the block', async () => (await delta.call('record.list', {})).records.length > 0)
  await until('the payload is missed', async () => {
    const { chains } = await delta.call('status', {})
    return chains[0]?.payloads.missing === 1
  })
  clockMs = 25 * 60 * 60 * 1000
  const late = await delta.call('status', {})
  clockMs = 0
  assert.is(late.chains[0]?.duties.overdue, 1)
  assert.ok(late.problems.some(({ code }) => code === 'duties-overdue'))
  alpha = await start(founded, alpha.place)
  await untilState(alpha, sent, delta, 'opened')
  await connected([alpha, beta, gamma, delta])
})

test.run()
