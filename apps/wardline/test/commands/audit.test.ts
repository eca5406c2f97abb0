import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Api } from '@wardline/api'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from '../fixture.ts'

const test = suite('wardline/commands/audit')

const { folder, run, remove } = createRunner()
test.after(remove)

/** The first line of a real log. */
const line = `{"seq":1,"time":1767225600000,"role":"ehr","actor":null,"method":"record.open","chain":null,"ids":{},"outcome":"not-found","previous":"${'0'.repeat(64)}"}`

const logs: readonly (readonly [why: string, text: string, exit: number, answer: object])[] = [
  ['an empty log', '', 0, { ok: true, entries: 0, last: '0'.repeat(64) }],
  [
    'a line that was altered',
    `${line.replace('"seq":1', '"seq":2')}\n`,
    4,
    { ok: false, line: 1, code: 'wrong-number' }
  ],
  ['a line twice', `${line}\n${line}\n`, 4, { ok: false, line: 2, code: 'wrong-number' }],
  ['something else', 'hello\n', 4, { ok: false, line: 1, code: 'malformed' }],
  ['a line without end', 'x'.repeat(200_000), 4, { ok: false, line: 1, code: 'malformed' }]
]
for (const [why, text, exit, answer] of logs) {
  test(`audit verify: ${why}`, async () => {
    const file = join(folder, 'audit.log')
    writeFileSync(file, text)
    const ran = await run(['--json', 'audit', 'verify', file])
    assert.equal([ran.exit, JSON.parse(ran.out)], [exit, answer])
  })
}

test('audit verify: a whole log, and one whose last line is still being written', async () => {
  const file = join(folder, 'audit.log')
  for (const more of ['', '{"seq":2,"ti']) {
    writeFileSync(file, `${line}\n${more}`)
    const ran = await run(['audit', 'verify', file])
    assert.is(ran.exit, 0)
    assert.match(ran.out, /^verified {2}1 line\nlast {6}[0-9a-f]{64}\n$/)
  }
})

test('audit verify: a file that is not there', async () => {
  const ran = await run(['audit', 'verify', join(folder, 'nowhere')])
  assert.is(ran.exit, 1)
  assert.match(ran.err, /cannot be read \(ENOENT\)/)
})

const ID = 'ab'.repeat(32)
const HOSPITAL = { member: ID, name: 'Mercy' }
const entry = {
  ...{ hash: ID, transaction: ID, hospital: HOSPITAL, timeMs: Date.UTC(2026, 10, 20, 12), height: 3, record: null },
  ...{ commitment: null, grant: null, grantStatus: null, request: null, accessor: null, purpose: null, records: null },
  ...{ decision: null, status: null, code: null, terms: null, custodial: null }
}
const access = {
  ...entry,
  ...{ kind: 'spv.access', accessor: { member: ID, name: 'Dr. House\u001b[2J' }, purpose: 'treatment' },
  records: [ID, ID]
}
const OTHER = 'cd'.repeat(32)
const window = { fromMs: Date.UTC(2026, 10, 20), toMs: Date.UTC(2026, 11, 20), purposes: ['emergency', 'treatment'] }
const terms = { ...window, grantee: { member: ID }, members: [HOSPITAL], scope: { kind: 'all' } }
const AUDIT = {
  ...{ chain: ID, alias: ID, height: 9, count: 7, head: ID, next: '2' },
  entries: [
    { ...entry, number: 7, kind: 'spv.revoke', grant: ID, grantStatus: 'revoked' },
    { ...access, number: 6, decision: 'permit', status: 'covered', grant: ID, grantStatus: 'revoked' },
    { ...entry, number: 5, kind: 'spv.grant', grant: ID, grantStatus: 'revoked', terms },
    { ...access, number: 4, decision: 'deny', status: 'denied', code: 'no-grant', records: [ID] },
    { ...entry, number: 3, kind: 'spv.anchor', record: ID, commitment: ID },
    { ...entry, number: 2, kind: 'alias.open', custodial: true }
  ]
}

test('audit patient: one line for each entry, denials with their reason, and where it goes on', async () => {
  const asked: unknown[] = []
  const api = {
    async 'audit.patient'(params: unknown) {
      asked.push(params)
      return AUDIT
    }
  } as unknown as Partial<Api>
  const server = await serveFake(join(folder, 'run'), api)
  try {
    const home = ['--home', folder]
    const { exit, out, err } = await run(['audit', 'patient', '--patient', '4711', '--limit', '6', ...home])
    assert.is(exit, 0, err)
    const [headline, , heads, ...lines] = out.trimEnd().split('\n')
    assert.is(headline, 'patient abababababab  7 entries')
    assert.match(heads ?? '', /^# +TIME +WHAT +WHO +OUTCOME +GRANT$/)
    assert.match(lines[0] ?? '', /^7 +2026-11-20T12:00:00Z +revoked +Mercy +- +(?:ab){32} \(revoked\)$/)
    assert.match(
      lines[1] ?? '',
      /^6 .* asked for abababababab and 1 more \(treatment\) +Dr\. House\?\[2J +permitted, covered +abab/
    )
    assert.match(
      lines[2] ?? '',
      /^5 .* granted to Mercy for emergency, treatment, from 2026-11-20T00:00:00Z until 2026-12-20T00:00:00Z, all records +Mercy +- +(?:ab){32} \(revoked\)$/
    )
    assert.match(lines[3] ?? '', /^4 .* asked for abababababab \(treatment\) +Dr\. House\?\[2J +denied, no-grant +-$/)
    assert.match(lines[4] ?? '', /^3 .* anchored abababababab +Mercy +- +-$/)
    assert.match(lines[5] ?? '', /^2 .* alias opened, wallet kept by the hospital +Mercy +- +-$/)
    assert.match(lines.at(-1) ?? '', /^Whether the records were then taken is not on the chain/)
    assert.is(err, 'Ids are cut to 12 digits; commands take whole ones, which --json gives.\nMore: --before 2\n')
    const page = ['--before', '2', '--chain', 'permissions', '--actor', 'officer', '--json']
    const json = await run(['audit', 'patient', '--alias', ID, ...page, ...home])
    assert.equal(JSON.parse(json.out), AUDIT)
    assert.equal(asked, [
      { patient: '4711', limit: 6 },
      { alias: ID, before: '2', limit: 100, chain: 'permissions' }
    ])
    assert.is((await run(['audit', 'patient', ...home])).exit, 2)
    assert.is((await run(['audit', 'patient', '--alias', ID, '--patient', '4711', ...home])).exit, 2)
  } finally {
    await server.close()
  }
})

for (const [says, more] of [
  ['to every doctor of Mercy for', { grantee: { role: 'doctor', hospital: ID } }],
  ['to cdcdcdcdcdcd for', { grantee: { member: OTHER }, members: [{ member: OTHER, name: null }] }],
  [
    'to whoever is (cardiology by Mercy and not (intern by Mercy or away by cdcdcdcdcdcd)) for',
    {
      grantee: {
        expression: {
          and: [
            { attribute: 'cardiology', authority: ID },
            {
              not: {
                or: [
                  { attribute: 'intern', authority: ID },
                  { attribute: 'away', authority: OTHER }
                ]
              }
            }
          ]
        }
      }
    }
  ],
  ['Z, only abababababab, cdcdcdcdcdcd ', { scope: { kind: 'records', records: [ID, OTHER] } }],
  [
    'Z, all records anchored from 2026-11-20T00:00:00Z before 2026-12-20T00:00:00Z ',
    { scope: { kind: 'anchored', ...window } }
  ],
  [
    'Z, all records anchored from 2026-11-20T00:00:00Z ',
    { scope: { kind: 'anchored', ...window, toMs: Number.MAX_SAFE_INTEGER } }
  ],
  ['until +275760-09-13T00:00:00Z, all', { toMs: Number.MAX_SAFE_INTEGER }]
] as const) {
  test(`audit patient tells of a grant: ${says}`, async () => {
    const granted = { ...entry, number: 1, kind: 'spv.grant', grant: ID, grantStatus: 'active' }
    const api = {
      async 'audit.patient'() {
        return { ...AUDIT, entries: [{ ...granted, terms: { ...terms, ...more } }] }
      }
    } as unknown as Partial<Api>
    const server = await serveFake(join(folder, 'run'), api)
    try {
      const { out, err } = await run(['audit', 'patient', '--alias', ID, '--home', folder])
      assert.ok(out.includes(says), `${out}${err}`)
    } finally {
      await server.close()
    }
  })
}

test.run()
