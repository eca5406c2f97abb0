import { decodeCbor, height } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { execute, type ParsedTransaction, readMember, stateKeys } from '../../src/index.ts'
import {
  CREATED,
  doctorBody,
  genesisState,
  ministry,
  type Person,
  parent,
  person,
  registerBody,
  transaction
} from '../world.ts'

const test = suite('ledger/membership/revoke')
const clinic = person('Clinic')
const doctor = person('Doctor')

function committed(transactions: readonly ParsedTransaction[]) {
  const state = genesisState()
  const result = execute(state, { height: height(3), time: CREATED + 1, parent, transactions })
  if (result.kind === 'invalid') throw new Error(result.code)
  for (const { key, value } of result.changes) state.set(key, value)
  return { state, changes: result.changes }
}

const registerClinic = () => transaction(ministry, 'member.register', registerBody(clinic))
const revoke = (who: Person) => transaction(ministry, 'member.revoke', { member: who.member })

test('an expelled hospital keeps its entry and loses its libp2p key', () => {
  const { state, changes } = committed([registerClinic(), revoke(clinic)])
  assert.is(readMember(state, clinic.member)?.revoked, 3)
  assert.is(state.get(stateKeys.host(clinic.host.publicKey)), undefined)
  assert.ok(changes.some(({ key, value }) => key === stateKeys.host(clinic.host.publicKey) && value === null))
  const hosts = state.get(stateKeys.hosts)
  assert.is(hosts && decodeCbor(hosts), 4)
})

test("an expelled hospital's staff is not written to", () => {
  const dismissed = transaction(clinic, 'member.register', doctorBody(doctor, clinic))
  const { state } = committed([registerClinic(), dismissed, revoke(clinic)])
  assert.is(readMember(state, doctor.member)?.revoked, null)
})

test('its libp2p key can be registered again, by another member', () => {
  const successor = { ...person('Successor'), host: clinic.host }
  const { state } = committed([
    registerClinic(),
    revoke(clinic),
    transaction(ministry, 'member.register', registerBody(successor))
  ])
  const owner = state.get(stateKeys.host(clinic.host.publicKey))
  assert.equal(owner && decodeCbor(owner), new Uint8Array(Buffer.from(successor.member, 'hex')))
})

test.run()
