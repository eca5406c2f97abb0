/** The commands of a permissions chain: what they ask of the daemon, what they write beside a record, and how they end. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Api, ApiError } from '@wardline/api'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from '../fixture.ts'

const test = suite('wardline/commands/anchored')

const { folder, run, remove } = createRunner()
test.after(remove)
const home = ['--home', folder]
const at = (name: string) => join(folder, name)
const ID = 'ab'.repeat(32)
const RECORD = 'cd'.repeat(32)
const OTHER = 'ef'.repeat(32)
const TIME = Date.UTC(2026, 10, 20, 12)
const OWNER = { member: ID, name: 'Mercy' }
const CONTENT = Buffer.from([0, 255, 10])

/** Serves these answers, or throws those that are errors; gives what the methods were asked. */
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
        if (answer instanceof Error) throw answer
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

const kept = { record: RECORD, salt: 'c2FsdA==', descriptorBytes: 'ZGVzYw==', commitment: ID }
const PROOF = { chain: ID, ...kept }
const ANCHORED = { chain: ID, id: OTHER, state: 'committed', code: null, height: 3, alias: ID, ...kept }

test('record anchor: the exact bytes with what describes them, and a proof beside the file', async () => {
  writeFileSync(at('visit'), CONTENT)
  await withFake({ 'record.anchor': ANCHORED }, async (asked) => {
    const what = ['--media-type', 'a/b', '--category', 'report', '--label', 'x', '--label', 'y']
    const { exit, out, err } = await run(['record', 'anchor', 'visit', '--patient', '4711', ...what, ...home])
    assert.is(exit, 0, err)
    assert.match(out, new RegExp(`record +${RECORD}\\n`))
    assert.match(out, /state +committed in block 3\nproof +visit\.wardline\n/)
    assert.equal(JSON.parse(readFileSync(at('visit.wardline'), 'utf8')), PROOF)
    assert.is(statSync(at('visit.wardline')).mode & 0o777, 0o600)
    const again = await run(['record', 'anchor', 'visit', '--alias', ID, '--json', ...home])
    assert.equal([again.exit, JSON.parse(again.err).error.code], [1, 'file-exists'])
    assert.is(asked.length, 1, 'nothing was sent')
    const without = await run(['record', 'anchor', '-', '--alias', ID, '--no-proof', '--json', ...home], {
      input: 'hi'
    })
    assert.is(without.exit, 0, without.err)
    assert.equal(JSON.parse(without.out), { ...ANCHORED, proof: null })
    assert.not(existsSync(at('-.wardline')))
    const wait = { wait: 'final', receipt: false, timeoutMs: 30_000 }
    const descriptor = { mediaType: 'a/b', category: 'report', labels: ['x', 'y'] }
    assert.equal(asked, [
      { patient: '4711', content: CONTENT.toString('base64'), descriptor, ...wait },
      { alias: ID, content: Buffer.from('hi').toString('base64'), ...wait }
    ])
  })
})

const ANSWER = { chain: ID, request: ID, entry: OTHER, height: 9, contentBytes: 0 }
const PERMITTED = {
  ...ANSWER,
  decision: 'permit',
  status: 'covered',
  code: null,
  grant: ID,
  records: [{ ...kept, content: CONTENT.toString('base64'), descriptor: {}, sizeBytes: 3 }]
}
const asking = ['record', 'request', RECORD, '--owner', 'Mercy', '--alias', ID]

test('record request: what came lies in the folder with its proof, and `record verify` asks with both', async () => {
  await withFake({ 'record.request': PERMITTED }, async (asked) => {
    const why = ['--purpose', 'emergency', '--accessor', 'Dr. House', '--timeout', '7']
    const { exit, out, err } = await run([...asking, RECORD, ...why, '--out', 'came', ...home])
    assert.is(exit, 0, err)
    assert.match(out, /^decision +permit\nstatus +covered\nentry +efef.* in block 9\ngrant +abab.*\nrecord +came\/cdcd/)
    assert.equal(readFileSync(at(`came/${RECORD}`)), CONTENT)
    assert.equal(JSON.parse(readFileSync(at(`came/${RECORD}.wardline`), 'utf8')), PROOF)
    for (const name of [RECORD, `${RECORD}.wardline`]) assert.is(statSync(at(`came/${name}`)).mode & 0o777, 0o600)
    const again = await run([...asking, '--out', 'came', '--json', ...home])
    assert.equal([again.exit, JSON.parse(again.err).error.code], [1, 'file-exists'])
    const params = { owner: 'Mercy', alias: ID, records: [RECORD], purpose: 'emergency', accessor: 'Dr. House' }
    assert.equal(asked, [{ ...params, timeoutMs: 7000 }], 'who asks twice is seen twice: nobody was asked again')
  })
})

test('record request --json has files in the place of bytes', async () => {
  await withFake({ 'record.request': PERMITTED }, async () => {
    const { out, err } = await run([...asking, '--out', 'more', '--json', ...home])
    assert.is(err, '')
    const file = `more/${RECORD}`
    const records = [{ ...kept, descriptor: {}, sizeBytes: 3, file, proof: `${file}.wardline` }]
    assert.equal(JSON.parse(out), { ...PERMITTED, records })
  })
})

for (const [what, decision, status] of [
  ['a denial', 'deny', 'denied'],
  ['what the chain calls a violation', 'permit', 'violation']
] as const) {
  test(`record request: ${what} is an answer, and ends with 5`, async () => {
    const answer = { ...ANSWER, decision, status, code: 'no-grant', grant: null, records: [] }
    await withFake({ 'record.request': answer }, async () => {
      const { exit, out, err } = await run([...asking, ...home])
      assert.is(exit, 5, err)
      assert.match(
        out,
        new RegExp(`^decision +${decision}\\nstatus +${status} \\(no-grant\\)\\nentry .*\\ngrant +-\\n$`)
      )
      assert.equal(JSON.parse((await run([...asking, '--json', ...home])).out), answer)
    })
  })
}

test('record request: what is not what was anchored ends with 4', async () => {
  await withFake({ 'record.request': new ApiError('verification-failed', 'it is not what it anchored') }, async () => {
    assert.is((await run([...asking, ...home])).exit, 4)
    assert.not(existsSync(at(RECORD)))
  })
})

test('record request: a folder that cannot be written is told before anybody is asked', async () => {
  writeFileSync(at('file'), '')
  await withFake({ 'record.request': PERMITTED }, async (asked) => {
    const ran = await run([...asking, '--out', 'file/below', ...home])
    assert.is(ran.exit, 1, ran.err)
    assert.equal(asked, [])
  })
})

const VERDICT = {
  ...{ chain: ID, record: RECORD, ok: true, commitment: ID, anchored: ID, owner: OWNER },
  ...{ alias: ID, timeMs: TIME, height: 3 }
}

test('record verify: with the proof beside the file, or one that is named', async () => {
  mkdirSync(at('v'))
  writeFileSync(at('v/visit'), CONTENT)
  writeFileSync(at('v/visit.wardline'), JSON.stringify(PROOF))
  writeFileSync(at('elsewhere'), JSON.stringify({ ...PROOF, record: OTHER }))
  await withFake({ 'record.verify': VERDICT }, async (asked) => {
    const { exit, out, err } = await run(['record', 'verify', 'v/visit', ...home])
    assert.is(exit, 0, err)
    assert.match(out, /^verified .*\nowner +Mercy\npatient +abab.*\nanchored +2026-11-20T12:00:00Z, in block 3\n$/)
    const named = await run(['record', 'verify', '-', '--proof', 'elsewhere', '--json', ...home], { input: 'hi' })
    assert.equal(JSON.parse(named.out), VERDICT)
    const { commitment: _, ...params } = PROOF
    assert.equal(asked, [
      { ...params, content: CONTENT.toString('base64') },
      { ...params, record: OTHER, content: Buffer.from('hi').toString('base64') }
    ])
  })
  await withFake({ 'record.verify': { ...VERDICT, ok: false, commitment: OTHER } }, async () => {
    const ran = await run(['record', 'verify', 'v/visit', ...home])
    assert.equal([ran.exit, ran.out], [4, ''])
    assert.match(ran.err, /Not verified: v\/visit .* is not what Mercy has anchored/)
    assert.is(JSON.parse((await run(['record', 'verify', 'v/visit', '--json', ...home])).out).ok, false)
  })
})

for (const [why, text] of [
  ['is no JSON', 'hello'],
  ['is null', 'null'],
  ['lacks the salt', JSON.stringify({ ...PROOF, salt: undefined })],
  ['names no record', JSON.stringify({ ...PROOF, record: 'one' })]
] as const) {
  test(`record verify: a proof that ${why} is told as such`, async () => {
    writeFileSync(at('bad.wardline'), text)
    const { exit, err } = await run(['record', 'verify', 'visit', '--proof', 'bad.wardline', '--json', ...home])
    assert.equal([exit, JSON.parse(err).error.code], [1, 'proof-unreadable'])
  })
}

test('record open of what was anchored says whose it is', async () => {
  const opened = {
    ...{ chain: ID, record: RECORD, transmission: ID, from: OWNER, origin: OWNER, content: 'aGk=', sizeBytes: 2 },
    ...{ ...kept, descriptor: {}, alias: ID, version: null, access: null }
  }
  await withFake({ 'record.open': opened }, async () => {
    const { out, err } = await run(['record', 'open', RECORD, ...home])
    assert.equal([out, err], ['hi', '2 bytes, as this hospital has anchored them.\n'])
  })
})

for (const args of [
  ['record', 'anchor', 'visit'],
  ['record', 'anchor', 'visit', '--alias', ID, '--patient', '4711'],
  ['record', 'anchor', '-', '--alias', ID],
  ['record', 'request', '--owner', 'Mercy', '--alias', ID],
  ['record', 'request', RECORD, '--alias', ID],
  ['record', 'request', RECORD, '--owner', 'Mercy'],
  ['record', 'request', '../x', '--owner', 'Mercy', '--alias', ID],
  [...asking, '--purpose', 'curiosity'],
  ['record', 'verify'],
  ['record', 'verify', '-']
]) {
  test(`wardline ${args.join(' ').slice(0, 60)} is a usage error`, async () => {
    assert.is((await run([...args, ...home])).exit, 2)
  })
}

test.run()
