/** Staff whose keys their hospital keeps. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { codeOf, type Daemon, found, startAll, stopAll, until } from './hospitals.ts'

const test = suite('hospital/persons')

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

test('a person is registered by its hospital, with a name that stays here', async () => {
  const made = await alpha.call('person.create', {
    name: 'Dr. Ada Quill',
    role: 'doctor',
    attributes: ['oncology', 'cardiology', 'oncology'],
    receipt: true
  })
  assert.equal([made.state, made.name], ['committed', 'Dr. Ada Quill'])
  assert.type(made.receipt, 'string')
  const listed = async (daemon: Daemon) =>
    (await daemon.call('member.list', {})).members.find(({ member }) => member === made.member)
  const own = await listed(alpha)
  assert.equal([own?.name, own?.role, own?.hospital], ['Dr. Ada Quill', 'doctor', alpha.place.member])
  assert.equal(own?.attributes, ['cardiology', 'oncology'])
  assert.is(own?.by, alpha.place.member)
  assert.match(own?.sealKey ?? '', /^[0-9a-f]{64}$/)
  await until('Beta knows the person', async () => (await listed(beta)) !== undefined)
  assert.is((await listed(beta))?.name, null)
  const bytes = (await alpha.call('tx.get', { id: made.id })).transaction ?? ''
  assert.not(Buffer.from(bytes, 'hex').includes('Quill'))
  // By name, as any member.
  assert.is((await alpha.call('member.revoke', { member: 'Dr. Ada Quill' })).member, made.member)
})

test('the same reference is the same person, also when it is asked for many times at once', async () => {
  const ask = () => alpha.call('person.create', { name: 'Dr. Roe', role: 'doctor', reference: 'practitioner-7' })
  const answers = await Promise.all(Array.from({ length: 6 }, ask))
  const [first] = answers
  for (const answer of [...answers, await ask()]) {
    assert.equal([answer.member, answer.id, answer.state], [first?.member, first?.id, 'committed'])
  }
  const other = await beta.call('person.create', { name: 'Dr. Roe', role: 'doctor', reference: 'practitioner-7' })
  assert.is.not(other.member, first?.member)
})

test('without a reference everybody is somebody new', async () => {
  const ask = () => alpha.call('person.create', { name: 'Nurse', role: 'nurse' })
  const [one, two] = await Promise.all([ask(), ask()])
  assert.is.not(one?.member, two?.member)
  assert.is(await codeOf(alpha.call('member.revoke', { member: 'Nurse' })), 'ambiguous')
})

test('what the chain refuses leaves no keys and no name behind, and may be asked again', async () => {
  const vault = alpha.place.vault.open()
  const before = await vault.names('person')
  const wanted = { name: 'Dr. Late', role: 'doctor', reference: 'practitioner-8' } as const
  assert.is(await codeOf(alpha.call('person.create', { ...wanted, untilMs: 5 })), 'until-passed')
  assert.is(await codeOf(alpha.call('person.create', { ...wanted, attributes: ['No Code'] })), 'malformed')
  assert.equal(await vault.names('person'), before)
  assert.is(await codeOf(alpha.call('member.revoke', { member: 'Dr. Late' })), 'not-found')
  assert.is((await alpha.call('person.create', wanted)).state, 'committed')
})

test('what is no person is refused by its form', async () => {
  for (const bad of [
    { name: '' },
    { name: 'x'.repeat(257) },
    { name: '\ud800' },
    { role: 'hospital' },
    { reference: '' }
  ]) {
    const params = { name: 'Dr. X', role: 'doctor', ...bad } as never
    assert.is(await codeOf(alpha.call('person.create', params)), 'invalid-params')
  }
})

test.run()
