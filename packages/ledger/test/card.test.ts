import { createVoteSigner, verifySignature } from '@wardline/crypto'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, cardFingerprint, cardMember, cardText, makeCard, parseCard, verifyCard } from '../src/index.ts'
import { alpha, beta, cardOf, chain, ministry, person, registrarCard, secret } from './world.ts'

const test = suite('ledger/card')
const clinic = person('Clinic')
const cards: readonly Card[] = [
  cardOf(clinic),
  cardOf(clinic, 'region', { chain, by: ministry.member }),
  registrarCard(clinic)
]

function codes(card: Card): readonly string[] {
  return verifyCard(card).map(({ code }) => code)
}

test('a card is read back as it was written, and holds', () => {
  for (const card of cards) {
    const parsed = parseCard(cardText(card))
    assert.equal(parsed, { kind: 'ok', card })
    assert.equal(verifyCard(card), [])
    assert.is(cardMember(card), clinic.member)
  }
})

test('line ends may change on the way, nothing else may', () => {
  const text = cardText(cardOf(clinic))
  assert.is(parseCard(text.replaceAll('\n', '\r\n')).kind, 'ok')
  assert.is(parseCard(text.trimEnd()).kind, 'ok')
  const parsed = parseCard(text.replace('{', '{ '))
  assert.equal(parsed.kind === 'failed' && parsed.problems[0]?.code, 'not-canonical')
})

test('every changed character is found', () => {
  const text = cardText(cardOf(clinic, 'region', { chain, by: ministry.member }))
  for (let at = 0; at < text.trimEnd().length; at += 3) {
    const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1)
    const parsed = parseCard(changed)
    assert.ok(parsed.kind === 'failed' || verifyCard(parsed.card).length > 0, `character ${at}`)
  }
})

const whole = cardOf(clinic, 'region', { chain, by: ministry.member })
const registration = whole.registration as NonNullable<Card['registration']>
/** A card by the same identity that says something else, its identity signature made anew. */
function resigned(change: { name?: string; label?: string }, proofs: Card['proofs']): Card {
  const facts = { name: 'Clinic', label: 'region', seal: clinic.seal, addresses: whole.addresses, ...change }
  return { ...makeCard(facts, clinic), proofs }
}

const tampered: readonly (readonly [name: string, code: string, card: Card])[] = [
  ['another name', 'signature', { ...whole, name: 'Other' }],
  ['another address', 'signature', { ...whole, addresses: ['/ip4/10.0.0.1/tcp/1'] }],
  ["another hospital's sealing key", 'proof', { ...whole, seal: beta.seal }],
  ["another hospital's vote key", 'proof', { ...whole, vote: beta.vote.publicKey }],
  ["another hospital's libp2p key", 'proof', { ...whole, host: beta.host.publicKey }],
  ["another hospital's sign key", 'proof', { ...whole, sign: beta.sign.publicKey }],
  ["another hospital's identity", 'proof', { ...whole, identity: beta.identity.publicKey }],
  ['no proof of the vote key', 'proof', { ...whole, proofs: { ...whole.proofs, vote: null } }],
  ['a proof without a key', 'proof', { ...whole, vote: null }],
  ['proofs for another label', 'proof', resigned({ label: 'other' }, whole.proofs)],
  ['no proof of registration', 'proof', { ...whole, registration: { ...registration, sign: new Uint8Array(64) } }],
  ['registration by another member', 'proof', { ...whole, registration: { ...registration, by: beta.member } }],
  ['no libp2p proof of registration', 'proof', { ...whole, registration: { ...registration, host: null } }],
  ['one key for two uses', 'key', makeCard({ ...whole, registration }, { ...clinic, host: clinic.sign })]
]
for (const [name, code, card] of tampered) {
  test(`${code}: ${name}`, () => assert.ok(codes(card).includes(code), codes(card).join()))
}

const fields: readonly (readonly [name: string, change: object, message: RegExp])[] = [
  ['a terminal escape in the name', { name: 'Clinic\u001b[2J' }, /name must be a name/],
  ['a text direction override in the name', { name: 'Clinic\u202e' }, /name must be a name/],
  ['half a surrogate in the name', { name: 'Clinic\ud800' }, /name must be a name/],
  ['a name that is a space', { name: ' ' }, /name must be a name/],
  ['a name of 121 bytes', { name: 'x'.repeat(121) }, /name must be a name/],
  ['a label with a capital', { label: 'Region' }, /label must be 1 to 32/],
  ['a key in capitals', { sign: whole.sign.toUpperCase() }, /sign must be 64 lower-case/],
  ['a missing seal', { seal: undefined }, /seal must be 64/],
  ['an address that is a URL', { addresses: ['http://x'] }, /addresses must be/],
  ['nine addresses', { addresses: Array(9).fill('/ip4/127.0.0.1/tcp/1') }, /addresses must be/],
  ['a field too many', { nickname: 'x' }, /unknown field/],
  ['version 2', { v: 2 }, /v must be 1/],
  ['proofs of another shape', { proofs: [] }, /proofs must be an object/],
  ['a registration of another shape', { registration: 1 }, /registration must be an object/],
  ['no signature', { signature: '' }, /signature must be 128/]
]
for (const [name, change, message] of fields) {
  test(`field: ${name}`, () => {
    const parsed = parseCard(JSON.stringify({ ...JSON.parse(cardText(whole)), ...change }, null, 2))
    if (parsed.kind === 'ok') assert.unreachable('the card was read')
    else assert.match(parsed.problems.map((problem) => problem.message).join('\n'), message)
  })
}

test('garbage never throws', () => {
  for (const text of ['', 'null', '[]', '{', '"x"', '{"__proto__":{}}', '['.repeat(10_000), 'x'.repeat(20_000)]) {
    assert.is(parseCard(text).kind, 'failed')
  }
  fc.assert(fc.property(fc.json(), (text) => parseCard(text).kind === 'failed'))
})

test('a fingerprint is eight groups of five digits and follows everything on the card', () => {
  assert.match(cardFingerprint(whole), /^([0-9a-f]{5} ){7}[0-9a-f]{5}$/)
  const prints = [whole, cardOf(clinic), cardOf(alpha), { ...whole, name: 'Other' }].map(cardFingerprint)
  assert.is(new Set(prints).size, prints.length)
})

test("a vote key's proof is no consensus vote, and no statement", () => {
  const signed: Uint8Array[] = []
  const vote = createVoteSigner(secret('vote'))
  const spy = {
    publicKey: vote.publicKey,
    sign: (bytes: Uint8Array) => {
      signed.push(bytes)
      return vote.sign(bytes)
    }
  }
  const card = makeCard({ ...whole, registration }, { ...clinic, vote: spy })
  assert.is(signed.length, 1)
  const bytes = signed[0] as Uint8Array
  assert.is(bytes.length, 85)
  assert.equal([...bytes.subarray(0, 5)], [...Buffer.from('WLC1'), 32])
  assert.ok(bytes.subarray(5, 53).every((byte) => byte === 0))
  assert.ok(card.proofs.vote !== null && verifySignature(vote.publicKey, bytes, card.proofs.vote))
  assert.equal(verifyCard(card), [])
})

test.run()
