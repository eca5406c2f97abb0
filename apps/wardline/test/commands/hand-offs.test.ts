/** What a hospital says of what it is sent, and the key that it is sealed to. */
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from '../fixture.ts'

const test = suite('wardline/commands/hand-offs')

const ID = 'ab'.repeat(32)
const KEY = 'cd'.repeat(32)
const runner = createRunner()
const asked: unknown[] = []
const mercy = { member: ID, name: 'Mercy' }
const submitted = { chain: ID, id: ID, state: 'committed', code: null, height: 9, member: ID }

const served = await serveFake(join(runner.folder, 'home/run'), {
  async 'record.pending'(params) {
    asked.push(params)
    const one = { transmission: ID, record: ID, from: mercy, purpose: 'treatment', timeMs: 0, height: 4 }
    const pending = [
      { ...one, overdue: true, payloadHere: true, standing: 'mismatch' },
      { ...one, overdue: false, payloadHere: false, standing: null }
    ]
    return { chain: ID, acknowledge: 'opened', pending, next: null } as never
  },
  async 'record.ack'(params) {
    asked.push(params)
    const said = { record: ID, transmission: ID, from: mercy, outcome: 'mismatch', contentKey: KEY }
    return { chain: ID, ...said, id: ID, height: 9 } as never
  },
  async 'member.rotate'(params) {
    asked.push(params)
    return { ...submitted, sealKey: KEY, fromMs: Date.UTC(2026, 10, 20) } as never
  },
  async 'member.veto'(params) {
    asked.push(params)
    return submitted as never
  },
  async 'record.handoffs'(params) {
    asked.push(params)
    return { chain: ID, record: ID, height: 9, edges: [], next: null } as never
  },
  async 'handoff.list'(params) {
    asked.push(params)
    const edge = {
      record: ID,
      transmission: ID,
      from: mercy,
      to: mercy,
      timeMs: 0,
      purpose: 'treatment',
      consent: null,
      consentStanding: 'absent'
    }
    const edges = [
      { ...edge, state: 'opened', mismatch: null, recall: 'recalled' },
      { ...edge, state: 'mismatch', mismatch: 'proven', recall: 'destroyed' },
      { ...edge, state: 'sent', mismatch: null, recall: null, consent: ID, consentStanding: 'invalid' }
    ]
    const isOfRecalled = ['recalled', 'unattested'].includes(params.state ?? '')
    const origins = isOfRecalled ? [{ record: ID, ...mercy, recall: 'recalled' }] : []
    return { chain: ID, height: 9, edges, origins, next: null } as never
  }
})
test.after(async () => {
  await served.close()
  runner.remove()
})

async function run(...args: readonly string[]) {
  asked.length = 0
  const { exit, out, err } = await runner.run([...args, '--home', 'home'])
  return { exit, out, err, params: asked.at(-1) as Record<string, unknown> }
}

test('what waits is listed with how it was found, and what the daemon does by itself', async () => {
  const { exit, out } = await run('record', 'pending')
  assert.is(exit, 0)
  assert.match(out, /mismatch, overdue/)
  assert.match(out, /not looked at yet/)
  assert.match(out, 'the rest waits for "wardline record ack"')
})

test('a person acknowledges, refuses or reveals', async () => {
  const revealed = await run('record', 'ack', ID, '--reveal')
  assert.equal([revealed.exit, revealed.params['via'], revealed.params['reveal']], [0, ID, true])
  assert.match(revealed.out, 'mismatch, content key revealed')
  assert.is((await run('record', 'ack', ID, '--refuse')).params['refuse'], true)
  assert.is((await run('record', 'ack', ID, '--refuse', '--reveal')).exit, 2)
})

test('a new sealing key says from when it is in force, and is taken back', async () => {
  const rotated = await run('member', 'rotate')
  assert.is(rotated.exit, 0)
  assert.match(rotated.out, /in force +from 2026-11-20/)
  const vetoed = await run('member', 'veto', 'Mercy')
  assert.equal([vetoed.exit, vetoed.params['member']], [0, 'Mercy'])
})

test('hand-offs of all records: of recalled ones, without consent, and under one that was invalid', async () => {
  const unattested = await run('record', 'handoffs', '--state', 'unattested')
  assert.is(unattested.params['state'], 'unattested')
  assert.match(unattested.out, 'opened, to destroy')
  assert.is(unattested.err, 'Ids are cut to 12 digits; commands take whole ones, which --json gives.\n')
  const inJson = await run('record', 'handoffs', '--state', 'unattested', '--json')
  assert.equal([inJson.err, JSON.parse(inJson.out).edges[0].transmission], ['', ID])
  assert.match(unattested.out, 'mismatch, proven, destroyed')
  assert.match(unattested.out, /^RECORD +ORIGIN +RECALL\nabab\S+ +Mercy +to destroy$/m)
  const without = await run('record', 'handoffs', '--without-consent', '--member', 'Mercy')
  assert.not.match(without.out, 'ORIGIN')
  assert.equal([without.params['withoutConsent'], without.params['member']], [true, 'Mercy'])
  const invalid = await run('record', 'handoffs', '--invalid-consent')
  assert.equal([invalid.exit, invalid.params['invalidConsent']], [0, true])
  assert.match(invalid.out, ' none ')
  assert.match(invalid.out, `${ID.slice(0, 12)}, invalid`)
  const under = await run('record', 'handoffs', '--consent', ID, '--member', 'Mercy')
  assert.equal([under.exit, under.params['consent'], under.params['member']], [0, ID, 'Mercy'])
  assert.is((await run('record', 'handoffs', '--consent', 'abc')).exit, 2)
  assert.is((await run('record', 'handoffs', '--consent', ID, '--without-consent')).exit, 2)
  assert.is((await run('record', 'handoffs', '--consent', ID, '--state', 'sent')).exit, 2)
  assert.is((await run('record', 'handoffs', ID, '--consent', ID)).exit, 2)
  for (const option of ['--without-consent', '--invalid-consent']) {
    assert.is((await run('record', 'handoffs', option, '--state', 'sent')).exit, 2)
    assert.is((await run('record', 'handoffs', option, '--from', 'A', '--to', 'B')).exit, 2)
  }
  assert.is((await run('record', 'handoffs', '--without-consent', '--invalid-consent')).exit, 2)
  const ofRecord = await run('record', 'handoffs', ID, '--invalid-consent')
  assert.is(ofRecord.err, '', 'nothing is cut where nothing is listed')
  assert.equal([ofRecord.params['record'], ofRecord.params['invalidConsent']], [ID, true])
})

test.run()
