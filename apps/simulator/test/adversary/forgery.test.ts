import { type Hash, type MemberId, name32, type SealKey, sha256, type TransactionId } from '@wardline/codec'
import { createSigner, createVoteSigner, publicSealKey } from '@wardline/crypto'
import {
  type Bodies,
  buildTransaction,
  chainIdOf,
  createBlock,
  createOverlay,
  type Draft,
  draftGenesis,
  emptyState,
  genesisChanges,
  judge,
  type Kind,
  makeCard,
  memberIdOf,
  parseTransaction,
  recordIdOf,
  verifyTransaction
} from '@wardline/ledger'
import type { Clock, KeyValueStore } from '@wardline/ports'
import { createMemoryDisk } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Forgery, forge, parseForgery } from '../../src/adversary/forgery.ts'
import { lyingStore } from '../../src/adversary/lying-store.ts'

const test = suite('simulator/adversary/forgery')

const NOW = 1_800_000_000_000
const random = { bytes: (size: number) => new Uint8Array(size).fill(7) }
const clock: Clock = { nowMs: () => NOW + 5, elapsedMs: () => 0, after: () => ({ cancel() {} }) }

const secret = (name: string) => sha256(new TextEncoder().encode(name))

function hospital(name: string) {
  const signKey = secret(`${name} sign`)
  const signers = {
    identity: createSigner(secret(`${name} identity`)),
    sign: createSigner(signKey),
    vote: createVoteSigner(secret(`${name} vote`)),
    host: createSigner(secret(`${name} host`))
  }
  const seal: SealKey = publicSealKey(secret(`${name} seal`))
  const card = makeCard({ name, label: 'region', seal, addresses: ['/ip4/127.0.0.1/tcp/20123'] }, signers)
  return { signKey, sign: signers.sign, seal, card, member: memberIdOf(signers.sign.publicKey) }
}

type Hospital = ReturnType<typeof hospital>

const [origin, holder, receiver, culprit] = ['a', 'b', 'c', 'd'].map(hospital) as [
  Hospital,
  Hospital,
  Hospital,
  Hospital
]
const genesis = draftGenesis({
  mode: 'STT',
  label: 'region',
  created: NOW,
  random: secret('random'),
  founders: [origin, holder, receiver, culprit].map(({ card }) => card),
  registrar: { kind: 'founder', member: origin.member }
})
const chain = chainIdOf(genesis)
const nonce = secret('nonce').subarray(0, 16)
const record = recordIdOf(chain, origin.member, nonce)
const content = name32<Hash>(secret('content'))

function signed<K extends Kind>(
  kind: K,
  { member, sign }: Hospital,
  body: Bodies[K],
  payload?: { commitment: Hash; size: number }
) {
  const draft = { chain, kind, author: { member, keyIndex: 0 }, nonce, created: NOW, expires: NOW + 60_000, body }
  const bytes = buildTransaction((payload === undefined ? draft : { ...draft, payload }) as unknown as Draft, sign)
  const parsed = parseTransaction(bytes, chain)
  if (parsed.kind !== 'ok') throw new Error(parsed.code)
  return parsed.transaction
}

/** The state after the origin has sent the record to the holder, who opened it. */
function stateOfHandOff() {
  const state = createOverlay(emptyState)
  for (const { key, value } of genesisChanges(genesis)) state.set(key, value)
  const to = [{ member: holder.member, sealingKey: holder.seal }]
  const body = { recordId: record, content, to, via: null, purpose: 'treatment', subject: null } as const
  const send = signed('stt.send', origin, body, { commitment: content, size: 100 })
  const ack = signed('stt.ack', holder, { acks: [{ via: send.id, outcome: 'opened' }] })
  const block = createBlock(state, {
    height: 1 as never,
    time: NOW + 1,
    parent: { digest: chainIdOf(genesis) as never, time: NOW }
  })
  for (const transaction of [send, ack]) assert.equal(block.add(transaction), { kind: 'accept' })
  const { changes } = block.changes()
  for (const { key, value } of changes) state.set(key, value)
  return { state, via: send.id }
}

const { state, via } = stateOfHandOff()
const forgery: Forgery = {
  record,
  content,
  via,
  holder: holder.member,
  receiver: receiver.member,
  sealingKey: receiver.seal
}

/** A store that holds the state, under the keys that a chain's store gives it. */
async function storeOfState(): Promise<KeyValueStore> {
  const store = await createMemoryDisk().openStore('chain')
  const writes = state.changes().map(({ key, value }) => ({ key: `state/${key}`, value }))
  await store.write(writes, { sync: true })
  return store
}

const readState = (store: KeyValueStore) => ({ get: (key: string) => store.get(`state/${key}`) })

function forged(by: Hospital, what = forgery) {
  const parsed = parseTransaction(forge(what, { genesis, signKey: by.signKey }, { clock, random }), chain)
  if (parsed.kind !== 'ok') throw new Error(parsed.code)
  return parsed.transaction
}

test('the forgery is well signed, and only holdership refuses it', () => {
  assert.ok(verifyTransaction(forged(culprit)))
  assert.equal(judge(state, forged(culprit), NOW + 10), { kind: 'refuse', code: 'not-a-holder', permanent: false })
  // The same words by the real holder are a hand-off like any other.
  assert.equal(judge(state, forged(holder), NOW + 10), { kind: 'accept' })
})

test('on the lying store’s state the forgery is permitted, and on what it wrote it is not', async () => {
  const store = await storeOfState()
  const lying = lyingStore(store, culprit.member, forgery)
  assert.equal(judge(readState(lying), forged(culprit), NOW + 10), { kind: 'accept' })
  await lying.write([{ key: 'state/x', value: new Uint8Array([1]) }], { sync: true })
  assert.equal(store.get('state/x'), new Uint8Array([1]))
  assert.is(judge(readState(store), forged(culprit), NOW + 10).kind, 'refuse')
})

test('the lying store lies about this one acknowledgement only', async () => {
  const store = await storeOfState()
  const lying = lyingStore(store, culprit.member, forgery)
  for (const { key, value } of state.changes()) assert.equal(lying.get(`state/${key}`), value)
  const another = { ...forgery, via: name32<TransactionId>(secret('another')) }
  assert.is(judge(readState(lying), forged(culprit, another), NOW + 10).kind, 'refuse')
  const others = lyingStore(store, name32<MemberId>(secret('nobody')), forgery)
  assert.is(judge(readState(others), forged(culprit), NOW + 10).kind, 'refuse')
})

test('a forgery is read from JSON, and anything else refused', () => {
  assert.equal(parseForgery(JSON.stringify(forgery)), forgery)
  for (const field of Object.keys(forgery)) {
    assert.throws(() => parseForgery(JSON.stringify({ ...forgery, [field]: 'ab' })), new RegExp(field))
  }
})

test.run()
