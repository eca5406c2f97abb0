import { decodeCbor, encodeCbor, height } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  execute,
  parseTransaction,
  readMember,
  registrationStatement,
  stateKeys,
  verifyTransaction
} from '../../src/index.ts'
import {
  alpha,
  beta,
  CREATED,
  cardOf,
  chain,
  doctorBody,
  genesisState,
  hash,
  ministry,
  parent,
  person,
  registerBody,
  signed,
  transaction
} from '../world.ts'

const test = suite('ledger/membership/register')
const clinic = person('Clinic')
const doctor = person('Doctor')
const position = { height: height(5), time: CREATED + 5000, parent }

test('a hospital becomes a member with its keys, and its libp2p key is found', () => {
  const tx = transaction(ministry, 'member.register', registerBody(clinic))
  const state = genesisState()
  const result = execute(state, { ...position, transactions: [tx] })
  if (result.kind === 'invalid') throw new Error(result.code)
  for (const { key, value } of result.changes) state.set(key, value)
  const member = readMember(state, clinic.member)
  assert.equal(member, {
    registered: 5,
    by: ministry.member,
    role: 'hospital',
    keys: [{ key: clinic.sign.publicKey, from: position.time }],
    seals: [{ key: clinic.seal, from: position.time }],
    host: clinic.host.publicKey,
    vote: null,
    hospital: null,
    attributes: [],
    grants: { roles: ['doctor', 'nurse'], attributes: ['surgeon'] },
    until: null,
    revoked: null
  })
  assert.equal(
    result.changes.map(({ key }) => key),
    [stateKeys.hosts, stateKeys.host(clinic.host.publicKey), stateKeys.member(clinic.member)].sort()
  )
})

test("a card that names the chain carries the proofs of its holder's registration", () => {
  const { registration } = cardOf(clinic, 'region', { chain, by: ministry.member })
  if (registration === null) throw new Error('no registration')
  const proofs = { proof: registration.sign, hostProof: registration.host }
  transaction(ministry, 'member.register', registerBody(clinic, proofs))
})

test('a hospital cannot take over a registration that it has seen', () => {
  const seen = doctorBody(doctor, alpha)
  const taken = signed(beta, 'member.register', { ...seen, hospital: beta.member })
  const parsed = parseTransaction(taken, chain)
  assert.ok(parsed.kind === 'ok' && !verifyTransaction(parsed.transaction))
})

test('a proof for one chain, registering member or set of keys proves nothing for another', () => {
  const statement = (keys: Parameters<typeof registrationStatement>[2], on = chain, by = ministry.member) =>
    registrationStatement(on, by, keys)
  const keys = { sign: doctor.sign.publicKey, seal: doctor.seal, host: null }
  const statements = [
    statement(keys),
    statement({ ...keys, seal: null }),
    statement({ ...keys, host: clinic.host.publicKey }),
    statement({ ...keys, sign: clinic.sign.publicKey }),
    statement(keys, hash('chain') as string as typeof chain),
    statement(keys, chain, alpha.member)
  ]
  assert.is(new Set(statements.map((bytes) => Buffer.from(bytes).toString('hex'))).size, statements.length)
})

const shapes: readonly (readonly [name: string, changes: object])[] = [
  ['a hospital without a libp2p key', { host: null, hostProof: null }],
  ['a hospital without a sealing key', { seal: null }],
  ['a hospital without a scope', { grants: null }],
  ['a doctor with a libp2p key', { role: 'doctor', grants: null }],
  ['a doctor with a scope', { role: 'doctor', host: null, hostProof: null }],
  ['a second registrar', { role: 'registrar' }],
  ['a role that does not exist', { role: 'king' }],
  ['free text as an attribute', { attributes: ['Dr. Who'] }],
  ['attributes out of order', { attributes: ['b', 'a'] }],
  ['an attribute twice', { attributes: ['a', 'a'] }],
  ['a scope that grants hospitals', { grants: { roles: ['hospital'], attributes: null } }],
  ['an end before time began', { until: -1 }]
]
for (const [name, changes] of shapes) {
  test(`malformed: ${name}`, () => {
    const bytes = signed(ministry, 'member.register', registerBody(clinic))
    const { tx, sig } = decodeCbor(bytes) as { tx: { body: object }; sig: Uint8Array }
    const encoded = encodeCbor({ tx: { ...tx, body: { ...tx.body, ...changes } }, sig })
    assert.equal(parseTransaction(encoded, chain), { kind: 'reject', code: 'malformed' })
  })
}

test('a registration by a hospital changes one key', () => {
  const tx = transaction(alpha, 'member.register', doctorBody(doctor, alpha))
  const result = execute(genesisState(), { ...position, transactions: [tx] })
  assert.equal(result.kind === 'ok' && result.changes.map(({ key }) => key), [stateKeys.member(doctor.member)])
})

test.run()
