/** The commands of an alliance: what they ask of the daemon, and what people read. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Api } from '@wardline/api'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from '../fixture.ts'

const test = suite('wardline/commands/patient')

const { folder, run, remove } = createRunner()
test.after(remove)
const home = ['--home', folder]
const ID = 'ab'.repeat(32)
const NEW = 'cd'.repeat(32)
const TIME = Date.UTC(2026, 10, 20, 12)

/** Serves these answers; gives what the methods were asked. */
async function withFake(
  answers: Readonly<Record<string, unknown>>,
  body: (asked: readonly unknown[]) => Promise<void>
): Promise<void> {
  const asked: unknown[] = []
  const api = Object.fromEntries(
    Object.entries(answers).map(([method, answer]) => [
      method,
      async (params: unknown) => {
        asked.push(params)
        return answer
      }
    ])
  ) as Partial<Api>
  const server = await serveFake(join(folder, 'run'), api)
  try {
    await body(asked)
  } finally {
    await server.close()
  }
}

const entry = {
  hash: ID,
  transaction: ID,
  hospital: { member: ID, name: 'Baystate' },
  timeMs: TIME,
  height: 3,
  record: null,
  version: null,
  isLatest: false,
  supersedes: null,
  commitment: null,
  doctors: [],
  concurrent: false,
  sizeBytes: null,
  payloadHere: null,
  reads: null,
  reader: null,
  purpose: null,
  basis: null,
  untilMs: null
}
const version = {
  ...entry,
  record: ID,
  version: 1,
  commitment: ID,
  doctors: [{ member: ID, name: 'Dr. Chase\u001b[2J', role: 'doctor' }],
  sizeBytes: 812,
  payloadHere: true
}
const TIMELINE = {
  chain: ID,
  alias: ID,
  height: 3,
  count: 5,
  head: ID,
  enrolment: { basis: 'consent', untilMs: TIME, status: 'enrolled' },
  quarantined: true,
  entries: [
    { ...entry, number: 5, kind: 'dss.withdraw' },
    { ...entry, number: 4, kind: 'dss.access', reads: [{ record: NEW, transaction: ID }], purpose: 'emergency' },
    { ...version, number: 3, kind: 'dss.amend', version: 2, isLatest: true, concurrent: true, payloadHere: false },
    { ...version, number: 2, kind: 'dss.record' },
    { ...entry, number: 1, kind: 'dss.enrol', basis: 'consent', untilMs: TIME }
  ],
  next: '1'
}

test('patient timeline: one line for each entry, newest first, and where it goes on', async () => {
  await withFake({ 'patient.timeline': TIMELINE }, async (asked) => {
    const options = ['--patient', '4711', '--kind', 'record', '--kind', 'dss.amend', '--from', '2026-11-20T12:00:00Z']
    const { exit, out, err } = await run(['patient', 'timeline', ...options, '--limit', '4', ...home])
    assert.is(exit, 0, err)
    const lines = out.trimEnd().split('\n')
    const line = (at: number) => lines[at] ?? ''
    assert.match(line(0), /^patient abababababab {2}enrolled until 2026-11-20T12:00:00Z \(consent\) {2}5 entries$/)
    assert.match(line(2), /^# +TIME +HOSPITAL +ENTRY +RECORD +BY +CONTENT$/)
    assert.match(line(3), /^5 .* Baystate +withdrew +-/)
    assert.match(line(4), /^4 .* read \(emergency\) +cdcdcdcdcdcd/)
    assert.match(line(5), /^3 .* amended, version 2, concurrent +abababababab +Dr\. Chase\?\[2J +812 bytes, not here$/)
    assert.match(line(6), /^2 .* record +abababababab \(older\) +Dr\. Chase\?\[2J +812 bytes$/)
    assert.match(line(7), /^1 .* enrolled \(consent\) until 2026-11-20/)
    assert.match(err, /More: --before 1\n/)
    assert.match(err, /damaged here/)
    const kinds = ['dss.record', 'dss.amend']
    const look = { purpose: 'treatment', timeoutMs: 30_000 }
    assert.equal(asked, [{ patient: '4711', kinds, fromMs: TIME, limit: 4, ...look }])
    await run(['patient', 'timeline', '--alias', ID, '--label', 'x', '--purpose', 'legal', '--reader', 'Ann', ...home])
    assert.equal(asked[1], { alias: ID, label: 'x', limit: 100, ...look, purpose: 'legal', reader: 'Ann' })
  })
})

test('patient timeline --json gives the answer as it is', async () => {
  await withFake({ 'patient.timeline': TIMELINE }, async () => {
    const { out } = await run(['patient', 'timeline', '--alias', ID, '--json', ...home])
    assert.equal(JSON.parse(out), TIMELINE)
  })
})

const PUBLISHED = {
  chain: ID,
  id: NEW,
  state: 'committed',
  code: null,
  height: 3,
  alias: ID,
  record: ID,
  commitment: ID,
  version: 1,
  doctors: [{ member: ID, name: 'Dr. Chase' }]
}

test('record publish and amend: the exact bytes with what describes them, and who signed', async () => {
  writeFileSync(join(folder, 'visit'), Buffer.from([0, 255, 10]))
  await withFake({ 'record.publish': PUBLISHED, 'record.amend': { ...PUBLISHED, version: 2 } }, async (asked) => {
    const doctors = ['--doctor', 'Dr. Chase', '--doctor', 'Nurse Joy']
    const what = ['--media-type', 'a/b', '--category', 'report', '--label', 'x', '--label', 'y']
    const { exit, out, err } = await run([
      ...['record', 'publish', 'visit', '--patient', '4711', ...doctors, ...what],
      ...['--receipt', 'r.json', '--timeout', '7', ...home]
    ])
    assert.is(exit, 0, err)
    assert.match(out, /signed by +Dr\. Chase\n/)
    assert.match(out, /state +committed in block 3/)
    assert.match(err, /no receipt yet/)
    const amended = await run(['record', 'amend', ID, 'visit', '--doctor', 'Dr. Chase', '--json', ...home])
    assert.is(JSON.parse(amended.out).version, 2)
    const content = Buffer.from([0, 255, 10]).toString('base64')
    const descriptor = { mediaType: 'a/b', category: 'report', labels: ['x', 'y'] }
    const wait = { wait: 'final', receipt: true, timeoutMs: 7000 }
    assert.equal(asked, [
      { patient: '4711', content, descriptor, doctors: ['Dr. Chase', 'Nurse Joy'], ...wait },
      { record: ID, content, doctors: ['Dr. Chase'], wait: 'final', receipt: false, timeoutMs: 30_000 }
    ])
  })
})

test('record open in an alliance says which entry tells of the look', async () => {
  const opened = {
    chain: ID,
    record: ID,
    transmission: ID,
    from: { member: ID, name: 'Mercy' },
    origin: { member: ID, name: 'Mercy' },
    content: Buffer.from('exact').toString('base64'),
    sizeBytes: 5,
    commitment: ID,
    descriptor: {},
    alias: ID,
    version: 2,
    access: NEW
  }
  await withFake({ 'record.open': opened }, async (asked) => {
    const options = ['--transaction', ID, '--purpose', 'emergency', '--reader', 'Dr. House', '--out', 'opened']
    const { exit, err } = await run(['record', 'open', ...options, ...home])
    assert.is(exit, 0, err)
    assert.is(readFileSync(join(folder, 'opened'), 'utf8'), 'exact')
    assert.match(err, /version 2 by Mercy, content verified; this look is on the chain as cdcdcdcdcdcd/)
    assert.equal(asked, [{ transaction: ID, purpose: 'emergency', reader: 'Dr. House', timeoutMs: 30_000 }])
  })
})

test('patient open makes the wallet, and says what became of the alias where one is opened', async () => {
  const opening = { chain: ID, id: NEW, state: 'committed', code: null, height: 3, receipt: '{"v":1}' }
  await withFake({ 'alias.open': { chain: ID, alias: ID, opening } }, async (asked) => {
    const options = ['--chain', 'permissions', '--receipt', 'open.json']
    const { exit, out, err } = await run(['patient', 'open', '4711', ...options, ...home])
    assert.is(exit, 0, err)
    assert.match(out, /^patient +(?:ab){32}\ntransaction +(?:cd){32}\nstate +committed in block 3\n$/)
    assert.is(readFileSync(join(folder, 'open.json'), 'utf8'), '{"v":1}\n')
    const wait = { wait: 'final', receipt: true, timeoutMs: 30_000 }
    assert.equal(asked, [{ chain: 'permissions', patient: '4711', ...wait }])
  })
  await withFake({ 'alias.open': { chain: ID, alias: ID, opening: null } }, async () => {
    const { out } = await run(['patient', 'open', '4711', ...home])
    assert.match(out, /^patient +(?:ab){32}\nstate +made/)
  })
})

test('patient enrol and withdraw', async () => {
  const submitted = { chain: ID, id: NEW, state: 'committed', code: null, height: 3, alias: ID }
  await withFake({ 'patient.enrol': submitted, 'patient.withdraw': submitted }, async (asked) => {
    const until = ['--until', '2026-11-20T12:00:00Z', '--basis', 'care']
    const enrolled = await run(['patient', 'enrol', '4711', ...until, ...home])
    assert.is(enrolled.exit, 0, enrolled.err)
    assert.match(enrolled.out, /patient +abab/)
    assert.is((await run(['patient', 'withdraw', '4711', ...home])).exit, 0)
    const wait = { wait: 'final', receipt: false, timeoutMs: 30_000 }
    assert.equal(asked, [
      { patient: '4711', untilMs: TIME, basis: 'care', ...wait },
      { patient: '4711', ...wait }
    ])
  })
})

for (const args of [
  ['patient', 'timeline'],
  ['patient', 'timeline', '--alias', ID, '--patient', '4711'],
  ['patient', 'timeline', '--alias', ID, '--from', 'yesterday'],
  ['record', 'publish', 'visit', '--patient', '4711'],
  ['record', 'publish', 'visit', '--doctor', 'Dr. Chase'],
  ['record', 'amend', ID, '--doctor', 'Dr. Chase'],
  ['record', 'open', ID, '--transaction', ID]
]) {
  test(`wardline ${args.join(' ').slice(0, 50)} is a usage error`, async () => {
    assert.is((await run([...args, ...home])).exit, 2)
  })
}

test.run()
