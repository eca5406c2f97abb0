import { height, type SealKey, type SignKey } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { currentKey, decodeMember, type Member, memberIdOf } from '../../src/index.ts'
import { encodeMember } from '../../src/membership/member.ts'
import { alpha, beta, hash } from '../world.ts'

const test = suite('ledger/membership/member')

const member: Member = {
  registered: height(7),
  by: beta.member,
  role: 'doctor',
  keys: [
    { key: alpha.sign.publicKey, from: 10 },
    { key: hash('next') as string as SignKey, from: 20 }
  ],
  seals: [{ key: hash('seal') as string as SealKey, from: 10 }],
  host: null,
  vote: null,
  hospital: beta.member,
  attributes: ['oncologist', 'surgeon'],
  grants: null,
  until: 99,
  revoked: null
}

test('a member is read back as it was written', () => {
  assert.equal(decodeMember(encodeMember(member)), member)
  const hospital: Member = { ...member, role: 'hospital', grants: { roles: ['doctor'], attributes: null } }
  assert.equal(decodeMember(encodeMember(hospital)), hospital)
  assert.equal(decodeMember(encodeMember({ ...member, revoked: height(9) })).revoked, 9)
})

test('what is no member stops the daemon rather than be taken for one', () => {
  assert.throws(() => decodeMember(Uint8Array.of(0xa0)), /well formed/)
})

const keyRows = [
  [9, undefined],
  [10, 0],
  [19, 0],
  [20, 1],
  [1000, 1]
] as const
for (const [timeMs, index] of keyRows) {
  test(`at ${timeMs} the key in force is number ${index}`, () =>
    assert.is(currentKey(member.keys, timeMs)?.index, index))
}

test('the member id follows from the first signing key alone', () => {
  assert.is(alpha.member, memberIdOf(alpha.sign.publicKey))
  assert.is.not(alpha.member, memberIdOf(beta.sign.publicKey))
})

test.run()
