/** Who may register and revoke whom, and a hospital that joins a running chain. */

import { randomBytes } from 'node:crypto'
import { createSigner } from '@wardline/crypto'
import { cardText, makeCard, memberIdOf } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  base64,
  codeOf,
  connected,
  type Daemon,
  found,
  makePlace,
  open,
  type Place,
  slowToSay,
  start,
  startAll,
  stopAll,
  until,
  untilState
} from './hospitals.ts'

const test = suite('hospital/members')

const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'])
let daemons: Daemon[]
let alpha: Daemon
let beta: Daemon

test.before(async () => {
  daemons = await startAll(founded)
  ;[alpha, beta] = daemons as [Daemon, Daemon]
})

test.after(async () => {
  await stopAll(daemons)
  for (const { failures } of founded.places) assert.equal(failures, [])
})

/** The card of a person, to be registered by a member: no libp2p key, no sealing key. */
function personCard(name: string, by?: Daemon, chain = founded.chain) {
  const sign = createSigner(randomBytes(32))
  const registration = by && { chain, by: by.place.member }
  const facts = { name, label: 'transfers', seal: null, addresses: [], ...(registration && { registration }) }
  const card = makeCard(facts, { identity: createSigner(randomBytes(32)), sign, vote: null, host: null })
  return { member: memberIdOf(sign.publicKey), text: cardText(card) }
}

test('a hospital registers its own staff, and nobody else’s', async () => {
  const doctor = personCard('Dr. Quill', beta)
  const answer = await beta.call('member.register', { card: doctor.text, role: 'doctor', staff: true })
  assert.equal([answer.state, answer.member], ['committed', doctor.member])
  const again = await codeOf(beta.call('member.register', { card: doctor.text, role: 'doctor', staff: true }))
  assert.is(again, 'member-exists')
  const other = personCard('Dr. Other', beta)
  assert.is(await codeOf(beta.call('member.register', { card: other.text, role: 'doctor' })), 'not-registrar')
})

test('whom a block registers that is being written, no list has yet, however far the leader’s clock is ahead', async () => {
  const places = await found(['Alpha', 'Beta', 'Gamma', 'Delta'])
  const [first, ...rest] = places.places as [Place, ...Place[]]
  let isArmed = false
  let writing: ReturnType<typeof slowToSay> | undefined
  const others = await Promise.all(rest.map((place) => start(places, place)))
  const behind = await start(places, first, {
    clockMs: () => -5_000,
    store: (store) => {
      writing = slowToSay(store, ({ key }) => isArmed && key.startsWith('state/member/'))
      return writing.slow
    }
  })
  const all = [behind, ...others]
  try {
    await connected(all)
    const list = async () => (await behind.call('member.list', {}, { role: 'read' })).members.length
    const before = await list()
    isArmed = true
    const made = (others[0] as Daemon).call('person.create', { name: 'Dr. X', role: 'doctor' })
    await writing?.whenHeld
    assert.is(await list(), before)
    assert.is((await behind.call('member.list', { limit: before - 1 }, { role: 'read' })).members.length, before - 1)
    isArmed = false
    writing?.release()
    await made
    await until('the list has whom it registered', async () => (await list()) === before + 1)
  } finally {
    writing?.release()
    await stopAll(all)
  }
  for (const { failures } of places.places) assert.equal(failures, [])
})

test('only the registrar admits a payer; a hospital that is none is refused', async () => {
  const wanted = personCard('Payer', beta)
  assert.is(await codeOf(beta.call('member.register', { card: wanted.text, role: 'payer' })), 'not-registrar')
  const payer = personCard('Payer', alpha)
  // A card that names who may register it is of no use to anybody else.
  assert.is(await codeOf(beta.call('member.register', { card: payer.text, role: 'payer' })), 'invalid-params')
  assert.is((await alpha.call('member.register', { card: payer.text, role: 'payer' })).state, 'committed')
})

const cards: readonly (readonly [why: string, card: () => string])[] = [
  ['garbage', () => 'no card'],
  ['half a card', () => personCard('X', alpha).text.slice(0, 100)],
  ['a card whose name was changed', () => personCard('Before', alpha).text.replace('Before', 'After!')],
  ['a card for founding, without the proofs for this chain', () => personCard('X').text],
  ['a card for another chain', () => personCard('X', alpha, 'ef'.repeat(32) as typeof founded.chain).text]
]
for (const [why, card] of cards) {
  test(`registration is refused: ${why}`, async () => {
    assert.is(await codeOf(alpha.call('member.register', { card: card(), role: 'payer' })), 'invalid-params')
  })
}

test('a card fits its role: a hospital has a network key, and nobody else', async () => {
  const { card } = await makePlace('Zeta', { chain: founded.chain, by: alpha.place.member })
  const person = personCard('Person', alpha)
  const text = cardText(card)
  assert.is(await codeOf(alpha.call('member.register', { card: text, role: 'payer' })), 'invalid-params')
  assert.is(await codeOf(alpha.call('member.register', { card: person.text, role: 'hospital' })), 'invalid-params')
})

test('revoking: the registrar may, a stranger may not, and a validator must leave the set first', async () => {
  const payer = personCard('Payer 2', alpha)
  await alpha.call('member.register', { card: payer.text, role: 'payer' })
  await until('Beta knows the payer', async () =>
    (await beta.call('member.list', {})).members.some(({ member }) => member === payer.member)
  )
  assert.is(await codeOf(beta.call('member.revoke', { member: payer.member })), 'not-permitted')
  assert.is((await alpha.call('member.revoke', { member: payer.member })).state, 'committed')
  assert.is(await codeOf(alpha.call('member.revoke', { member: payer.member })), 'member-revoked')
  assert.is(await codeOf(alpha.call('member.revoke', { member: 'Beta' })), 'is-validator')
  assert.is(await codeOf(alpha.call('member.revoke', { member: 'Nobody' })), 'not-found')
  const { members } = await alpha.call('member.list', {})
  assert.is(members.find(({ member }) => member === payer.member)?.status, 'revoked')
})

test('member.list pages, each member once, in order', async () => {
  const all = (await alpha.call('member.list', { limit: 1000 })).members.map(({ member }) => member)
  const paged: string[] = []
  let after: (typeof all)[number] | undefined
  do {
    const page = await alpha.call('member.list', { limit: 2, ...(after !== undefined && { after }) })
    paged.push(...page.members.map(({ member }) => member))
    after = page.next ?? undefined
  } while (after !== undefined)
  assert.equal(paged, all)
  assert.equal([...all].sort(), [...all])
  assert.ok(all.length >= 7)
})

test('a hospital that is registered later follows the chain, receives and forwards, until it is revoked', async () => {
  const place = await makePlace('Epsilon', { chain: founded.chain, by: alpha.place.member })
  await alpha.call('member.register', { card: cardText(place.card), role: 'hospital' })
  const epsilon = await start(founded, place)
  await until('it is connected', async () => (await epsilon.call('status', {})).chains[0]?.peers.connected.length === 4)
  const { chains } = await epsilon.call('status', {})
  assert.equal([chains[0]?.validator, chains[0]?.member], [false, place.member])

  await until('Beta knows it', async () =>
    (await beta.call('member.list', {})).members.some(({ member }) => member === place.member)
  )
  const sent = await beta.call('record.send', { to: [place.member], content: base64('to the newcomer') })
  await untilState(epsilon, sent, epsilon, 'opened')
  assert.is(await open(epsilon, { via: sent.id }), 'to the newcomer')
  const forwarded = await epsilon.call('record.send', { to: ['Gamma'], via: sent.id })
  await untilState(beta, forwarded, daemons[2] as Daemon, 'opened')

  await alpha.call('member.revoke', { member: place.member })
  await until('it is cut off', async () => (await epsilon.call('status', {})).chains[0]?.peers.connected.length === 0)
  const refused = await codeOf(alpha.call('record.send', { to: [place.member], content: base64('too late') }))
  assert.is(refused, 'receiver-revoked')
  await epsilon.stop()
  assert.equal(place.failures, [])
})

test.run()
