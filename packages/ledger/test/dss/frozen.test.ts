/** The bytes of everything that an alliance encodes, each as the SHA-256 of one fixed example; see `../frozen.test.ts`. */
import { concatBytes, sha256, toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Change, doctorStatement } from '../../src/index.ts'
import { alpha, beta, CREATED, hash, secret } from '../world.ts'
import {
  aliasOf,
  allianceState,
  amend,
  anna,
  byPatient,
  chain,
  commit,
  NOW,
  nurse,
  physician,
  publish,
  read,
  staff,
  surgeon,
  versionOf,
  YEAR
} from './world.ts'

const test = suite('ledger/dss/frozen')

const nonceOf = (name: string) => secret(name).slice(0, 16)
const body = { until: NOW + YEAR, basis: 'consent' } as const
const enrolment = byPatient(anna, { kind: 'dss.enrol', body }, { nonce: nonceOf('enrol'), created: CREATED })
const record = publish(alpha, anna, {
  nonce: nonceOf('record'),
  doctors: [surgeon, { ...nurse, role: 'nurse' }],
  after: hash('after')
})
const amendment = amend(alpha, record, { nonce: nonceOf('amend') })
const end = { nonce: nonceOf('withdraw'), created: CREATED + 1 }
const withdrawal = byPatient(anna, { kind: 'dss.withdraw', body: {} }, end)
const look = read(beta, anna, [versionOf(record), versionOf(amendment)], {
  reader: physician.member,
  nonce: nonceOf('read')
})
const state = allianceState()
const staffing = [staff(surgeon, alpha), staff(nurse, alpha, 'nurse'), staff(physician, beta)]
commit(state, 1, [...staffing, enrolment, record, amendment, look, withdrawal])

const { alias, recordId, content } = record.body
const statement = doctorStatement({ chain, alias, recordId, supersedes: record.id, content }, 'doctor')

function rowsUnder(prefix: string): Uint8Array {
  const chosen = state.changes().filter(({ key }) => key.startsWith(prefix))
  assert.ok(chosen.length > 0, `nothing under ${prefix}`)
  const text = (value: string) => new TextEncoder().encode(value)
  return concatBytes(...chosen.flatMap(({ key, value }: Change) => [text(key), value ?? new Uint8Array(0)]))
}

const rows: readonly (readonly [name: string, expected: string, actual: Uint8Array])[] = [
  ['dss.enrol', '220f679fa5748ac08264916f227e16acc8344469d925fc33eedc0a570ad0c7ff', enrolment.bytes],
  ['dss.withdraw', 'a39067750440295fa7911ae9533515195d327ffec6c63fe639530ff6f172c420', withdrawal.bytes],
  ['dss.record', '56d6770caa62f0648c4fc2f09f274a8704468bb5d0c86b53f9a0ae8e9e9b1bc8', record.bytes],
  ['dss.amend', 'cb52c968a6837bb6ba303285c126ef62891138ef843f2548d3daa0a67435bc0e', amendment.bytes],
  ['dss.access', 'f0ad3e9af12adb05b8b35ce1294c382a1e155068757e5044a5cb94bd318d0477', look.bytes],
  ["a doctor's statement", '832d5651f6e7de9338c4cf515c73bc59199d8a5b1e4e8a42c9b47aea25c5f625', statement],
  ['dss/enrolment/', '6ab318505d41bfee5456dab376c82cdf5c245ac9542b41053519985faa0228d9', rowsUnder('dss/enrolment/')],
  ['dss/head/', '9e74547b2eee0fa6330173b704a45a711ad3bb5b9590c9931f554d695e30512c', rowsUnder('dss/head/')],
  ['dss/record/', 'c6da70ce28deb247307083519275aae3c3a6f229e923a94534949f4f08c93533', rowsUnder('dss/record/')],
  ['dss/version/', 'ebb8247d47650a04fe2de9cbb3c9f0bbf9b32db0ff4e2f53ed69d9241529761b', rowsUnder('dss/version/')],
  ['entry/', 'e72008588da16d9fcb70a26c6aa18e264c9f9b36f53f3b1d4e0e445a453f4f8e', rowsUnder(`entry/${aliasOf(anna)}`)]
]

for (const [name, expected, actual] of rows) {
  test(name, () => assert.is(toHex(sha256(actual)), expected))
}

test.run()
