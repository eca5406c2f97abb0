/** `grant.list`, page by page. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Daemon, found, startAll, stopAll } from '../hospitals.ts'

const test = suite('hospital/api/grants')

const founded = await found(['Alpha', 'Beta'], { mode: 'SPV' })
let daemons: readonly Daemon[] = []

test.before(async () => {
  daemons = await startAll(founded)
})

test.after(async () => {
  await stopAll(daemons)
  for (const { failures } of founded.places) assert.equal(failures, [])
})

test('grants of every kind come one by one, and each answer says where the next goes on', async () => {
  const [alpha] = daemons as [Daemon, Daemon]
  const patient = 'MRN 4711'
  await alpha.call('alias.open', { patient })
  const made: string[] = []
  for (const grantee of [
    { member: 'Beta' },
    { role: 'doctor', hospital: 'Beta' },
    { role: 'privacyOfficer', hospital: 'Beta' },
    { expression: { attribute: 'cardiology', authority: 'Beta' } }
  ] as const) {
    made.push((await alpha.call('grant.create', { patient, grantee, purposes: ['treatment'] })).grant)
  }
  const listed: string[] = []
  let after: string | undefined
  do {
    const { grants, next } = await alpha.call('grant.list', { patient, after, limit: 1 })
    listed.push(...grants.map(({ grant }) => grant))
    after = next ?? undefined
  } while (after !== undefined)
  assert.equal(listed.toSorted(), made.toSorted())
})

test.run()
