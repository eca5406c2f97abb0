/** A person's word stays what this hospital says, whatever its daemon finds meanwhile. On a chain that is only its rows. */
import {
  type ChainId,
  encodeCbor,
  type Height,
  height,
  type MemberId,
  name32,
  nameBytes,
  type RecordId,
  type SealKey,
  sha256,
  type TransactionId
} from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import {
  type Bodies,
  type CommittedBlock,
  memberIdOf,
  type Outcome,
  type ParsedTransaction,
  parseTransaction,
  stateKeys
} from '@wardline/ledger'
import type { Submission } from '@wardline/node'
import { createSystemRandom } from '@wardline/system'
import { dutiesFold } from '@wardline/views'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ChainSetup } from '../src/chain-setup.ts'
import { type Duties, startDuties } from '../src/duties.ts'
import type { Membership } from '../src/membership.ts'
import { keepingLog, until } from './hospitals.ts'

const test = suite('hospital/persons-word')

type Send = ParsedTransaction<'stt.send'>
type Acks = Bodies['stt.ack']['acks']

const name = <T extends ChainId | MemberId | RecordId | SealKey | TransactionId>(text: string) =>
  name32<T>(sha256(Buffer.from(text)))
const chainId = name<ChainId>('chain')
const sender = name<MemberId>('sender')
const signer = createSigner(new Uint8Array(32).fill(7))
const self = memberIdOf(signer.publicKey)

function send(text: string, record = text): Send {
  const to = [{ member: self, sealingKey: name<SealKey>('a key that is not here') }]
  const body = { recordId: name<RecordId>(`record ${record}`), to, via: null }
  const author = { member: sender, keyIndex: 0 }
  return { kind: 'stt.send', id: name(text), author, body } as unknown as Send
}

function recallOf(sent: Send): ParsedTransaction {
  const { recordId } = sent.body
  return { kind: 'stt.recall', id: name(`recall ${recordId}`), author: sent.author, body: { recordId } } as never
}

/** A hospital that finds of everything it is sent that it was sealed to a lost key. */
function receiver(acknowledge: NonNullable<ChainSetup['acknowledge']>) {
  const rows = new Map<string, Uint8Array>()
  const state = new Map<string, Uint8Array>()
  const sends = new Map<TransactionId, Send>()
  const submitted: { readonly tx: ParsedTransaction<'stt.ack'>; readonly end: () => void }[] = []
  const pending = new Map<TransactionId, Promise<void>>()
  const refusals: string[] = []
  const failures: unknown[] = []
  let listener: (block: CommittedBlock) => void = () => {}
  let at = 0
  let reads = 0
  let fetches = 0
  let arrives: Promise<void> = Promise.resolve()
  let isKeyHere = true

  const mark = (id: TransactionId, more: object = {}) =>
    encodeCbor({ ...more, id: nameBytes(id), height: at as Height, time: at })

  function commit(...transactions: readonly ParsedTransaction[]): void {
    at += 1
    const header = { height: height(at), time: at } as CommittedBlock['header']
    const block = { header, digest: name('block'), transactions, changes: [] } as unknown as CommittedBlock
    for (const tx of transactions) {
      if (tx.kind === 'stt.send') {
        const row = { record: nameBytes(tx.body.recordId), author: nameBytes(sender), to: [nameBytes(self)] }
        state.set(stateKeys.transmission(tx.id), encodeCbor({ ...row, height: at, time: at }))
        sends.set(tx.id, tx)
      }
      if (tx.kind === 'stt.recall') state.set(stateKeys.recall(tx.body.recordId), mark(tx.id))
      if (tx.kind !== 'stt.ack') continue
      for (const { via, outcome } of tx.body.acks) {
        state.set(stateKeys.acknowledgement(via, self), mark(tx.id, { outcome }))
      }
    }
    for (const { key, value } of dutiesFold(self)({ get: (key) => rows.get(key) }, block)) {
      if (value === null) rows.delete(key)
      else rows.set(key, value)
    }
    reads = 0
    listener(block)
  }

  const chain = {
    id: chainId,
    self,
    state: { get: (key: string) => state.get(key) },
    store: {
      get(key: string) {
        reads += 1
        return rows.get(key)
      },
      async *range({ from, to, limit = 1000 }: { from: string; to: string; limit?: number }) {
        const keys = [...rows.keys()].filter((key) => key >= from && key < to).sort()
        for (const key of keys.slice(0, limit)) yield [key, rows.get(key)] as const
      }
    },
    query: { transaction: (id: TransactionId) => sends.get(id) },
    payloads: {
      get: () => undefined,
      async fetch() {
        fetches += 1
        await arrives
        return new Uint8Array(8)
      }
    },
    atRest: async (run: () => unknown) => run(),
    async submit(bytes: Uint8Array): Promise<Submission> {
      const parsed = parseTransaction(bytes, chainId)
      if (parsed.kind !== 'ok' || parsed.transaction.kind !== 'stt.ack') throw new Error('not an acknowledgement')
      const tx = parsed.transaction
      const code = refusals.shift()
      const { promise, resolve } = Promise.withResolvers<void>()
      if (code === undefined) pending.set(tx.id, promise)
      submitted.push({ tx, end: resolve })
      return code === undefined ? { kind: 'accepted', id: tx.id } : { kind: 'refused', code }
    },
    outcome: (id: TransactionId) => pending.get(id),
    pending: (id: TransactionId) => pending.get(id),
    mempool: () => [],
    onCommit(run: typeof listener) {
      listener = run
      return () => {}
    },
    peers: () => []
  }
  const clock = {
    nowMs: () => 1_000_000,
    elapsedMs: () => 0,
    after(_: number, run: () => void) {
      const timer = setImmediate(run)
      return { cancel: () => clearImmediate(timer) }
    }
  }
  const duties: Duties = startDuties({
    member: {
      chain,
      clock,
      signer,
      log: keepingLog([]),
      random: createSystemRandom(),
      ownSeals: { openerOf: () => (isKeyHere ? {} : undefined) }
    } as unknown as Membership,
    acknowledge,
    onPeer: () => () => {},
    onFailure: (error) => failures.push(error)
  })
  return {
    duties,
    commit,
    /** With what the next submissions are refused. */
    refusals,
    /** Store reads since the last block was told of. */
    reads: () => reads,
    fetches: () => fetches,
    /** From now on the secret to which everything is sealed is not here. */
    loseKey() {
      isKeyHere = false
    },
    /** What is fetched from now on comes when this is called. */
    holdPayloads(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>()
      arrives = promise
      return resolve
    },
    /** The n-th acknowledgement that was submitted, from 0. */
    async said(n: number): Promise<Acks> {
      await until(`acknowledgement ${n} is submitted`, () => submitted.length > n)
      return (submitted[n] as (typeof submitted)[number]).tx.body.acks
    },
    /** The n-th becomes final, or expires. */
    end(n: number, how: 'final' | 'expired'): void {
      const { tx, end } = submitted[n] as (typeof submitted)[number]
      if (how === 'final') commit(tx)
      pending.delete(tx.id)
      end()
    },
    stop() {
      duties.stop()
      assert.equal(failures, [])
    }
  }
}

const said = (sent: Send, outcome: Outcome): Acks => [{ via: sent.id, outcome }]

test('a word that was given while the payload was on its way is what goes out', async () => {
  const hospital = receiver('auto')
  const [first, second] = [send('first'), send('second')]
  hospital.commit(first)
  assert.equal(await hospital.said(0), said(first, 'mismatch'))
  const arrive = hospital.holdPayloads()
  hospital.commit(second)
  await until('the daemon looks', () => hospital.fetches() === 2)
  hospital.duties.say(second.id, { outcome: 'refused' })
  arrive()
  await new Promise((resolve) => setTimeout(resolve, 50))
  hospital.end(0, 'final')
  assert.equal(await hospital.said(1), said(second, 'refused'))
  hospital.stop()
})

for (const acknowledge of ['auto', 'manual'] as const) {
  for (const how of ['refused', 'expired'] as const) {
    test(`${acknowledge}: a word whose acknowledgement was ${how} goes out again`, async () => {
      const hospital = receiver(acknowledge)
      const arrive = hospital.holdPayloads()
      const sent = send('once more')
      hospital.commit(sent)
      if (how === 'refused') hospital.refusals.push('busy')
      hospital.duties.say(sent.id, { outcome: 'refused' })
      assert.equal(await hospital.said(0), said(sent, 'refused'))
      arrive()
      if (how === 'expired') hospital.end(0, 'expired')
      assert.equal(await hospital.said(1), said(sent, 'refused'))
      assert.is(hospital.duties.standing(sent.id), 'under-way')
      hospital.end(1, 'final')
      hospital.stop()
    })
  }
}

for (const acknowledge of ['auto', 'opened', 'manual'] as const) {
  test(`${acknowledge}: what is sealed to a key that is not here waits for a person, for the key may come back`, async () => {
    const hospital = receiver(acknowledge)
    hospital.loseKey()
    const sent = send('to a lost key')
    hospital.commit(sent)
    await until('it waits', () => hospital.duties.standing(sent.id) === 'lost-key')
    hospital.duties.say(sent.id, { outcome: 'lost-key' })
    assert.equal(await hospital.said(0), said(sent, 'lost-key'))
    hospital.end(0, 'final')
    hospital.stop()
  })
}

test('the first word counts, and a word after the acknowledgement does nothing', async () => {
  const hospital = receiver('manual')
  const sent = send('twice')
  hospital.commit(sent)
  hospital.refusals.push('busy')
  hospital.duties.say(sent.id, { outcome: 'refused' })
  hospital.duties.say(sent.id, { outcome: 'lost-key' })
  assert.equal(await hospital.said(0), said(sent, 'refused'))
  assert.equal(await hospital.said(1), said(sent, 'refused'))
  hospital.end(1, 'final')
  hospital.duties.say(sent.id, { outcome: 'lost-key' })
  await until('nothing is under way', () => hospital.duties.standing(sent.id) === null)
  hospital.stop()
})

test('what is recalled before the word goes out is not said to be opened', async () => {
  const hospital = receiver('manual')
  const [first, second] = [send('first'), send('second')]
  hospital.commit(first, second)
  hospital.duties.say(first.id, { outcome: 'opened' })
  assert.equal(await hospital.said(0), said(first, 'opened'))
  hospital.duties.say(second.id, { outcome: 'opened' })
  hospital.commit(recallOf(second))
  hospital.end(0, 'final')
  assert.equal(await hospital.said(1), said(second, 'refused'))
  hospital.stop()
})

test('a recall reads no rows of what waits, and reaches also what is not remembered', async () => {
  const hospital = receiver('manual')
  const many = Array.from({ length: 10_020 }, (_, i) => send(`${i}`))
  // In several blocks, as the queue has no more room.
  for (let i = 0; i < many.length; i += 1_000) {
    const block = many.slice(i, i + 1_000)
    hospital.commit(...block)
    await until('they are found', () => block.every(({ id }) => i >= 9_000 || hospital.duties.standing(id) !== null))
  }
  await until(
    'there is no more room',
    () => many.filter(({ id }) => hospital.duties.standing(id) !== null).length === 10_000
  )
  await new Promise((resolve) => setTimeout(resolve, 50))
  const unremembered = many.filter(({ id }) => hospital.duties.standing(id) === null)
  const last = unremembered.at(-1) as Send
  hospital.commit(recallOf(send('never sent to here')))
  assert.ok(hospital.reads() < 10, `${hospital.reads()} reads`)
  hospital.commit(recallOf(last))
  assert.equal(await hospital.said(0), said(last, 'refused'))
  hospital.stop()
})

test.run()
