/** Grants of patients whose wallet the hospital keeps: what the commands ask of the daemon, and what people read. */
import { join } from 'node:path'
import { type Api, ApiError } from '@wardline/api'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from '../fixture.ts'

const test = suite('wardline/commands/grants')

const { folder, run, remove } = createRunner()
const ID = 'ab'.repeat(32)
const MERCY = 'cd'.repeat(32)
const asked: unknown[] = []
let fault: ApiError | undefined

const made = { chain: ID, id: ID, state: 'committed', code: null, height: 3, alias: ID, grant: ID }
const answering = (answer: unknown) => async (params: unknown) => {
  if (fault !== undefined) throw fault
  asked.push(params)
  return answer
}
const row = {
  ...{ grant: ID, grantee: { role: 'doctor', hospital: MERCY }, members: [{ member: MERCY, name: 'Mercy' }] },
  ...{ scope: { kind: 'records', records: [ID] }, purposes: ['legal', 'research'], fromMs: 0, toMs: 1000 },
  ...{ sinceMs: 5, sinceHeight: 2, revoked: null, status: 'expired' }
}
const MORE = `m/${ID}`
const LIST = { chain: ID, alias: ID, grants: [row], next: MORE }

let server: { readonly close: () => Promise<void> }
test.before(async () => {
  const api = { 'grant.create': answering(made), 'grant.revoke': answering(made), 'grant.list': answering(LIST) }
  server = await serveFake(join(folder, 'run'), api as unknown as Partial<Api>)
})
test.after(async () => {
  await server.close()
  remove()
})
test.before.each(() => {
  asked.length = 0
  fault = undefined
})

const grant = (...args: readonly string[]) => run(['grant', ...args, '--home', folder])
const wait = { wait: 'final', receipt: false, timeoutMs: 30_000 }
const treatment = ['--purpose', 'treatment']

test('create says to whom, for what, which records and when, and gives the id that revoke takes', async () => {
  const plain = await grant('create', '--patient', '4711', '--to', 'Mercy', ...treatment)
  assert.is(plain.exit, 0, plain.err)
  assert.match(plain.out, /^grant +(?:ab){32}\npatient +(?:ab){32}\n.*\nstate +committed in block 3\n$/)
  const expression = { not: { attribute: 'intern', authority: 'Mercy' } }
  const to = ['--to-expression', JSON.stringify(expression)]
  await grant('create', '--alias', ID, ...to, ...treatment, '--anchored-from', '2026-01-01T00:00:00Z')
  const window = ['--from', '2026-01-01T00:00:00Z', '--until', '2026-02-01T00:00:00Z', '--chain', 'permissions']
  await grant('create', '--alias', ID, '--to-role', 'doctor@Mercy', ...treatment, '--record', ID, ...window)
  assert.equal(asked, [
    { ...wait, patient: '4711', grantee: { member: 'Mercy' }, scope: { kind: 'all' }, purposes: ['treatment'] },
    {
      ...wait,
      alias: ID,
      grantee: { expression },
      scope: { kind: 'anchored', fromMs: Date.UTC(2026, 0), toMs: Number.MAX_SAFE_INTEGER },
      purposes: ['treatment']
    },
    {
      ...wait,
      chain: 'permissions',
      alias: ID,
      grantee: { role: 'doctor', hospital: 'Mercy' },
      scope: { kind: 'records', records: [ID] },
      purposes: ['treatment'],
      fromMs: Date.UTC(2026, 0),
      toMs: Date.UTC(2026, 1)
    }
  ])
})

test('who does not hear whether the grant was made is told to look before granting again', async () => {
  fault = new ApiError('timeout', 'not final yet', { id: MERCY })
  const { exit, err } = await grant('create', '--patient', '4711', '--to', 'Mercy', ...treatment)
  assert.is(exit, 6)
  assert.match(err, /Its id is (?:cd){32}\. .*second grant.*wardline grant list --patient …/)
  assert.not.match(err, /4711/, 'a message gets into logs')
})

test('list has whole ids and the terms in words, and says where it goes on', async () => {
  const { exit, out, err } = await grant('list', '--patient', '4711', '--after', 'x', '--limit', '7')
  assert.is(exit, 0, err)
  assert.match(
    out,
    /\n(?:ab){32} +expired +every doctor of Mercy +legal, research +1970-01-01T00:00:00Z +1970-01-01T00:00:01Z +only abababababab\n/
  )
  assert.is(err, `More: --after ${MORE}\n`)
  assert.equal(asked, [{ patient: '4711', after: 'x', limit: 7 }])
  assert.equal(JSON.parse((await grant('list', '--alias', ID, '--json')).out), LIST)
})

test('revoke names the grant', async () => {
  const { exit, out, err } = await grant('revoke', MERCY)
  assert.is(exit, 0, err)
  assert.match(out, /^grant +(?:ab){32}\n/)
  assert.equal(asked, [{ ...wait, grant: MERCY }])
})

for (const args of [
  ['create', '--to', 'Mercy', ...treatment],
  ['create', '--patient', '4711', '--alias', ID, '--to', 'Mercy', ...treatment],
  ['create', '--patient', '4711', ...treatment],
  ['create', '--patient', '4711', '--to', 'Mercy'],
  ['create', '--patient', '4711', '--to', 'Mercy', '--purpose', 'curiosity'],
  ['list'],
  ['revoke', 'abababababab']
]) {
  test(`grant ${args.join(' ').slice(0, 70)} is a usage error`, async () => {
    assert.is((await grant(...args)).exit, 2)
    assert.equal(asked, [])
  })
}

test.run()
