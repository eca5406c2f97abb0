/** What a hospital notes of consents, from the command line. */
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from '../fixture.ts'

const test = suite('wardline/commands/consent')

const ID = 'ab'.repeat(32)
const runner = createRunner()
const asked: unknown[] = []
const DAY_MS = Date.UTC(2026, 10, 20)
const terms = {
  consent: ID,
  fromMs: DAY_MS,
  untilMs: null,
  withdrawnMs: null,
  note: 'one\u001b[2Jstay',
  notedMs: DAY_MS,
  standing: 'valid'
}

const served = await serveFake(join(runner.folder, 'home/run'), {
  async 'consent.note'(params) {
    asked.push(params)
    return { chain: ID, height: 9, ...terms } as never
  },
  async 'consent.remove'(params) {
    asked.push(params)
    return { chain: ID, consent: ID } as never
  },
  async 'consent.list'(params) {
    asked.push(params)
    const damaged = { ...terms, fromMs: null, note: null, notedMs: null, standing: 'unknown' }
    return { chain: ID, height: 9, consents: [terms, damaged], next: params.after === undefined ? ID : null } as never
  }
})
test.after(async () => {
  await served.close()
  runner.remove()
})

async function run(...args: readonly string[]) {
  asked.length = 0
  const ran = await runner.run([...args, '--home', 'home'])
  return { ...ran, params: asked.at(-1) }
}

test('terms are noted with their times, and said as they are kept', async () => {
  const period = ['--from', '2026-11-20', '--until', '2026-11-21T00:00:00+01:00', '--withdrawn', '2026-11-20T12:00:00Z']
  const { exit, out, params } = await run(
    'consent',
    'note',
    ID,
    ...period,
    '--note',
    'one stay',
    '--chain',
    'transfers'
  )
  assert.is(exit, 0)
  assert.equal(params, {
    chain: 'transfers',
    consent: ID,
    fromMs: DAY_MS,
    untilMs: DAY_MS + 23 * 3_600_000,
    withdrawnMs: DAY_MS + 12 * 3_600_000,
    note: 'one stay'
  })
  assert.match(
    out,
    /^from {7}2026-11-20T00:00:00Z\nuntil {6}-\nwithdrawn {2}-\nnote {7}one\?\[2Jstay\nstanding {3}valid$/m
  )
})

for (const args of [
  ['abc'],
  [ID.toUpperCase()],
  [ID, '--from', 'tomorrow'],
  [ID, '--until', '2026'],
  [ID, '--until', '2027-02-30'],
  []
]) {
  test(`consent note ${args.join(' ').slice(0, 20)} … is refused before anything is asked`, async () => {
    const { exit, params } = await run('consent', 'note', ...args)
    assert.equal([exit, params], [2, undefined])
  })
}

test('a term is taken back by name, and all that was noted too', async () => {
  const cleared = await run('consent', 'note', ID, '--clear', 'until', 'note', '--withdrawn', '2026-11-20')
  assert.equal([cleared.exit, cleared.params], [0, { consent: ID, untilMs: null, note: null, withdrawnMs: DAY_MS }])
  for (const args of [
    ['--clear', 'until', '--until', '2026-11-20'],
    ['--clear', 'everything']
  ]) {
    const { exit, params } = await run('consent', 'note', ID, ...args)
    assert.equal([exit, params], [2, undefined])
  }
  const removed = await run('consent', 'remove', ID, '--chain', 'transfers')
  assert.equal([removed.exit, removed.params], [0, { chain: 'transfers', consent: ID }])
  assert.match(removed.out, ID)
  assert.is((await run('consent', 'remove', 'abc')).exit, 2)
})

test('what is noted is listed, damaged entries as such, and the rest on request', async () => {
  const { exit, out, err } = await run('consent', 'list')
  assert.is(exit, 0)
  assert.match(
    out,
    new RegExp(`^${ID} {2}2026-11-20T00:00:00Z +- +- +valid +2026-11-20T00:00:00Z +one\\?\\[2Jstay$`, 'm')
  )
  assert.match(out, new RegExp(`^${ID} +- +- +- +damaged, note it anew`, 'm'))
  assert.match(err, `More: --after ${ID}`)
  const rest = await run('consent', 'list', '--after', ID, '--limit', '5')
  assert.equal([rest.params, rest.err], [{ limit: 5, after: ID }, ''])
})

test.run()
