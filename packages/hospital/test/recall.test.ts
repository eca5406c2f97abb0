/** A record that is called back: it goes no further, every copy is destroyed, and everybody sees who has said so. */
import { randomBytes } from 'node:crypto'
import { type RecordId, toHex } from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import { verifyTrace } from '@wardline/custody'
import { signRecall } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  base64,
  codeOf,
  connected,
  type Daemon,
  found,
  level,
  open,
  start,
  startAll,
  stopAll,
  storeWith,
  until,
  untilState
} from './hospitals.ts'

const test = suite('hospital/recall')

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

/** Who has attested, and who has not, as `daemon` tells. */
async function recallOf(daemon: Daemon, record: RecordId) {
  const { recall } = await daemon.call('record.trace', { record })
  const names = (list: readonly { readonly name: string | null }[]) => list.map(({ name }) => name ?? '').toSorted()
  return recall && { attested: names(recall.attested), missing: names(recall.missing) }
}

async function untilAttested(daemon: Daemon, record: RecordId, names: readonly string[]): Promise<void> {
  await until(`${names.join(', ')} have attested`, async () => {
    const recall = await recallOf(daemon, record)
    return recall !== null && recall.attested.join() === names.join()
  })
}

/** Payloads on the disks of these hospitals, by any name. */
function payloadsAt(...daemons: readonly Daemon[]): number {
  return daemons
    .flatMap(({ place }) => [...(place.disk.image().stores.get('db') ?? new Map<string, Uint8Array>()).keys()])
    .filter((key) => key.startsWith('payloads/')).length
}

/** Alpha's record at Beta, who opened it and sent it on to Gamma. */
async function travelled(text: string, recallKey?: ReturnType<typeof createSigner>['publicKey']) {
  const first = await alpha.call('record.send', { to: ['Beta'], content: base64(text), recallKey })
  await untilState(alpha, first, beta, 'opened')
  const second = await beta.call('record.send', { to: ['Gamma'], record: first.record })
  await untilState(alpha, second, gamma, 'opened')
  await level([alpha, beta, gamma, delta])
  return { record: first.record, first, second }
}

test('a recalled record is destroyed wherever it came, attested, and neither opened nor sent on', async () => {
  const { record, first } = await travelled('called back')
  assert.is(await open(gamma, { record }), 'called back')
  assert.ok(payloadsAt(alpha) > 0 && payloadsAt(beta) > 0 && payloadsAt(gamma) > 0)
  assert.is(await recallOf(delta, record), null)
  const recalled = await alpha.call('record.recall', { record })
  assert.is(recalled.state, 'committed')
  await untilAttested(delta, record, ['Alpha', 'Beta', 'Gamma'])
  assert.equal((await recallOf(delta, record))?.missing, [])
  const { recall } = await delta.call('record.holders', { record, limit: 1 })
  assert.is(recall?.id, recalled.id)
  assert.equal((await delta.call('record.path', { record, to: 'Gamma' })).recall, recall)
  const { holders } = await delta.call('record.holders', { record })
  assert.equal(new Set(holders.map(({ recall: state }) => state)), new Set(['destroyed']))
  const { holders: early } = await delta.call('record.holders', {
    record,
    atHeight: (recall?.height ?? 1) - 1
  } as never)
  assert.equal([early.length, new Set(early.map(({ recall: state }) => state))], [3, new Set([null])])
  const listed = await beta.call('record.list', { limit: 1000 })
  assert.equal(
    listed.records.filter((one) => one.record === record).map(({ recall: state }) => state),
    ['destroyed']
  )
  const held = await delta.call('record.held', { member: 'Beta', limit: 1000 })
  assert.is(held.records.find((one) => one.record === record)?.recall, 'destroyed')
  const receipt = await delta.call('record.receipt', { record })
  const proven = verifyTrace(receipt.receipt, founded.genesis)
  if (proven.kind === 'failed') throw new Error(proven.what)
  assert.is(proven.graph.recall?.id, recalled.id)
  assert.is(proven.graph.recall?.attested.size, 3)
  const path = await delta.call('record.receipt', { record, to: 'Beta' })
  const ofPath = verifyTrace(path.receipt, founded.genesis)
  if (ofPath.kind === 'failed') throw new Error(ofPath.what)
  assert.equal(new Set(ofPath.graph.recall?.attested.keys()), new Set([alpha.place.member, beta.place.member]))
  assert.is(payloadsAt(alpha, beta, gamma, delta), 0)
  await level([alpha, beta, gamma, delta])
  for (const holder of [alpha, beta, gamma]) {
    assert.is(await codeOf(holder.call('record.open', { record })), 'recalled')
    assert.is(await codeOf(holder.call('record.send', { to: ['Delta'], record })), 'recalled')
    const { duties } = (await holder.call('status', {})).chains[0] as { duties: { toDestroy: number } }
    assert.is(duties.toDestroy, 0)
  }
  assert.is(await codeOf(beta.call('record.send', { to: ['Delta'], via: first.id })), 'recalled')
  assert.is(await codeOf(alpha.call('record.recall', { record })), 'recalled')
})

test('nobody but the origin recalls, unless with the key of the patient, from wherever', async () => {
  const patient = createSigner(randomBytes(32))
  const { record } = await travelled('of a patient', patient.publicKey)
  const stranger = createSigner(randomBytes(32))
  const asked = (signer: typeof patient) => {
    const { key, sig } = signRecall(founded.chain, record, signer)
    return delta.call('record.recall', { record, subject: { key, signature: toHex(sig) } })
  }
  assert.is(await codeOf(beta.call('record.recall', { record })), 'not-the-origin')
  assert.is(await codeOf(asked(stranger)), 'not-the-origin')
  assert.is((await gamma.call('record.trace', { record })).recallKey, patient.publicKey)
  const { recall, recallKey } = await delta.call('record.holders', { record, limit: 1 })
  assert.equal([recall, recallKey], [null, patient.publicKey])
  assert.is((await asked(patient)).state, 'committed')
  await untilAttested(alpha, record, ['Alpha', 'Beta', 'Gamma'])
})

test('who was away destroys and attests when it is back, and stays on the list until then', async () => {
  const { record } = await travelled('while away')
  await gamma.crash()
  await alpha.call('record.recall', { record })
  await untilAttested(alpha, record, ['Alpha', 'Beta'])
  assert.equal((await recallOf(alpha, record))?.missing, ['Gamma'])
  const listed = async (state: 'recalled' | 'unattested') =>
    (await alpha.call('handoff.list', { state, limit: 1000 })).edges
      .filter((edge) => edge.record === record)
      .map(({ to, recall }) => `${to.name} ${recall}`)
  assert.equal(await listed('recalled'), ['Beta destroyed', 'Gamma recalled'])
  assert.equal(await listed('unattested'), ['Gamma recalled'])
  const origins = async (state: 'recalled' | 'unattested') =>
    (await alpha.call('handoff.list', { state, limit: 1000 })).origins
      .filter((origin) => origin.record === record)
      .map(({ name, recall }) => `${name} ${recall}`)
  assert.equal(await origins('recalled'), ['Alpha destroyed'])
  assert.equal(await origins('unattested'), [])
  const { drawing } = await alpha.call('record.trace', { record, draw: 'ascii' })
  assert.match(drawing ?? '', /opened, to destroy/)
  assert.match(drawing ?? '', /destroyed by 2 of 3/)
  gamma = await start(founded, gamma.place)
  await connected([alpha, beta, gamma, delta])
  await untilAttested(alpha, record, ['Alpha', 'Beta', 'Gamma'])
  assert.is(payloadsAt(gamma), 0)
})

test('a record that was recalled before it arrived is never opened', async () => {
  await beta.crash()
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('too late') })
  await alpha.call('record.recall', { record: sent.record })
  beta = await start(founded, beta.place)
  await untilState(alpha, sent, beta, 'refused')
  await untilAttested(alpha, sent.record, ['Alpha', 'Beta'])
  assert.is(payloadsAt(beta), 0)
  assert.is(await codeOf(beta.call('record.open', { record: sent.record, timeoutMs: 200 })), 'recalled')
})

test('while the chain stands still, the copies of all that was recalled are destroyed all the same', async () => {
  const records = [(await travelled('one')).record, (await travelled('two')).record, (await travelled('three')).record]
  await gamma.crash()
  for (const record of records) await alpha.call('record.recall', { record })
  for (const record of records) await untilAttested(delta, record, ['Alpha', 'Beta'])
  assert.ok(payloadsAt(gamma) >= records.length)
  await Promise.all([alpha.crash(), beta.crash()])
  gamma = await start(founded, gamma.place)
  await until('all copies are destroyed', () => payloadsAt(gamma) === 0)
  for (const record of records) assert.equal((await recallOf(delta, record))?.missing, ['Gamma'])
  ;[alpha, beta] = await Promise.all([start(founded, alpha.place), start(founded, beta.place)])
  await connected([alpha, beta, gamma, delta])
  for (const record of records) await untilAttested(delta, record, ['Alpha', 'Beta', 'Gamma'])
})

for (const moment of ['before', 'after'] as const) {
  test(`a crash right ${moment} the copies are destroyed loses no duty`, async () => {
    const { record } = await travelled(`crash ${moment}`)
    let crash = async () => {}
    const happened = new Promise<void>((resolve) => {
      crash = async () => {
        await beta.crash()
        resolve()
      }
    })
    await beta.crash()
    beta = await start(founded, beta.place, { store: (store) => dyingAtPurge(store, moment, () => void crash()) })
    await connected([alpha, beta, gamma, delta])
    await alpha.call('record.recall', { record })
    await happened
    assert.ok((await recallOf(alpha, record))?.missing.includes('Beta'))
    beta = await start(founded, beta.place)
    await connected([alpha, beta, gamma, delta])
    await untilAttested(alpha, record, ['Alpha', 'Beta', 'Gamma'])
    assert.is(payloadsAt(beta), 0)
  })
}

function dyingAtPurge(store: KeyValueStore, moment: 'before' | 'after', crash: () => void): KeyValueStore {
  return storeWith(store, {
    async purge(keys) {
      if (moment === 'after') await store.purge(keys)
      crash()
      await new Promise<never>(() => undefined)
    }
  })
}

test.run()
