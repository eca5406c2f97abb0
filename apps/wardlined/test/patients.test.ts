/** Patients at a real daemon of one hospital, by the command line: with a wallet of their own, and with one kept here. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { command, daemon, foundAlone, makeHomes, outcome, type Running } from './homes.ts'

const test = suite('wardlined/patients')

const homes = await makeHomes()
const home = await homes.copy('patients')
for (const [label, mode] of [
  ['alliance', 'dss'],
  ['permissions', 'spv']
] as const) {
  await command('genesis', 'install', await foundAlone(homes.folder, home, label, mode), '--home', home)
}

let running: Running
test.before(async () => {
  running = daemon(home)
  await running.ready()
})
test.after(() => homes.remove())

const at = (name: string) => join(homes.folder, name)
const ADA = at('ada.wallet')
const HERE = 'Solo Hospital'
const onPermissions = ['--chain', 'permissions']
const onAlliance = ['--chain', 'alliance']

async function ask(...args: readonly string[]) {
  return JSON.parse(await command(...args, '--json', '--home', home))
}

/** The code with which a command fails. */
async function codeOf(...args: readonly string[]): Promise<string> {
  const { exit, talk } = await outcome(...args, '--json', '--home', home)
  return exit === 0 ? 'none' : JSON.parse(talk).error.code
}

type Entry = { readonly kind: string; readonly grantStatus: string | null; readonly custodial: boolean | null }

async function audit(alias: string): Promise<readonly Entry[]> {
  return (await ask('audit', 'patient', '--alias', alias, ...onPermissions)).entries
}

test('a grant is taken back by the alias that made it, also after a new alias', async () => {
  await ask('wallet', 'create', ADA)
  const { alias } = await ask('wallet', 'alias', ADA, ...onPermissions)
  const grant = () => ask('wallet', 'grant', ADA, ...onPermissions, '--to', HERE, '--purpose', 'treatment')
  const older = await grant()
  const newer = await ask('wallet', 'alias', ADA, ...onPermissions, '--new')
  const ofNewer = await grant()
  assert.equal([older.alias, ofNewer.alias], [alias, newer.alias])
  const revoked = await ask('wallet', 'revoke', ADA, older.grant, ...onPermissions)
  assert.equal([revoked.state, revoked.alias, revoked.grant], ['committed', alias, older.grant])
  const entry = (await audit(alias)).find(({ kind }) => kind === 'spv.grant')
  assert.is(entry?.grantStatus, 'revoked')
  assert.is((await audit(newer.alias)).find(({ kind }) => kind === 'spv.grant')?.grantStatus, 'active')
  assert.is(await codeOf('wallet', 'revoke', ADA, older.grant, ...onPermissions), 'already-revoked')

  await ask('wallet', 'create', at('bo.wallet'))
  assert.is(await codeOf('wallet', 'revoke', at('bo.wallet'), ofNewer.grant, ...onPermissions), 'no-alias')
  for (const id of ['ab'.repeat(32), revoked.id]) {
    assert.is(await codeOf('wallet', 'revoke', ADA, id, ...onPermissions), 'unknown-grant')
  }
})

test('every enrolment of a wallet is withdrawn, also after a new alias', async () => {
  const first = await ask('wallet', 'enrol', ADA, ...onAlliance)
  const { alias: second } = await ask('wallet', 'alias', ADA, ...onAlliance, '--new')
  const status = async (alias: string) =>
    (await ask('patient', 'timeline', '--alias', alias, ...onAlliance)).enrolment?.status ?? null
  const { withdrawn } = await ask('wallet', 'withdraw', ADA, ...onAlliance)
  assert.equal(
    withdrawn.map((one: { alias: string; state: string }) => [one.alias, one.state]),
    [[first.alias, 'committed']]
  )
  assert.equal([await status(first.alias), await status(second)], ['withdrawn', null])
  assert.is(await codeOf('wallet', 'withdraw', ADA, ...onAlliance), 'not-enrolled')

  for (const alias of [first.alias, second]) await ask('wallet', 'enrol', ADA, ...onAlliance, '--alias', alias)
  await ask('wallet', 'withdraw', ADA, ...onAlliance, '--alias', second)
  assert.equal([await status(first.alias), await status(second)], ['enrolled', 'withdrawn'])
  await ask('wallet', 'enrol', ADA, ...onAlliance)
  assert.is((await ask('wallet', 'withdraw', ADA, ...onAlliance)).withdrawn.length, 2)
  assert.equal([await status(first.alias), await status(second)], ['withdrawn', 'withdrawn'])
})

test('a new patient without a wallet: opened, enrolled, anchored, granted, revoked', async () => {
  const record = at('visit.json')
  await writeFile(record, '{}')
  const anchor = ['record', 'anchor', record, '--patient', '4711', ...onPermissions]
  const early = await outcome(...anchor, '--home', home)
  assert.is(early.exit, 1)
  assert.match(early.talk, /wardline patient open/)
  const { alias } = await ask('patient', 'open', '4711', ...onPermissions)
  assert.is((await ask(...anchor)).alias, alias)
  await ask('patient', 'open', '4711', ...onAlliance)
  assert.is((await ask('patient', 'enrol', '4711', ...onAlliance)).state, 'committed')

  const made = await ask(
    'grant',
    'create',
    '--patient',
    '4711',
    '--to',
    HERE,
    '--purpose',
    'treatment',
    ...onPermissions
  )
  const shown = await command('grant', 'list', '--alias', alias, ...onPermissions, '--socket', 'read', '--home', home)
  assert.match(shown, new RegExp(`${made.grant} +active +${HERE} +treatment .* all records`))
  assert.is((await ask('grant', 'revoke', made.grant, ...onPermissions)).state, 'committed')
  const told = await command('audit', 'patient', '--patient', '4711', ...onPermissions, '--home', home)
  assert.match(told, new RegExp(`granted to ${HERE} for treatment, from .* all records .*${made.grant} \\(revoked\\)`))
  assert.match(told, /alias opened, wallet kept by the hospital/)
})

test('whose wallet opened an alias, and what is granted, is told to the patient and to the hospital', async () => {
  const { entries } = await ask('wallet', 'log', ADA, ...onPermissions)
  const opened = entries.filter(({ kind }: Entry) => kind === 'alias.open')
  assert.equal(
    opened.map(({ custodial }: Entry) => custodial),
    [false, false]
  )
  assert.match(
    await command('audit', 'patient', '--alias', opened[0].alias, ...onPermissions, '--home', home),
    /own wallet/
  )
  const { grants } = await ask('wallet', 'grants', ADA)
  assert.equal(
    grants.map(({ alias, status }: { alias: string; status: string }) => [alias, status]),
    [
      [opened[0].alias, 'active'],
      [opened[1].alias, 'revoked']
    ]
  )
})

test('the daemon stops as it should', async () => {
  running.signal('SIGTERM')
  assert.is((await running.ended).code, 0)
})

test.run()
