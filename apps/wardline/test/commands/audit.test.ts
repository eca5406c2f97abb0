import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../fixture.ts'

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
    assert.match(ran.out, /^verified {2}1 calls\nlast {6}[0-9a-f]{64}\n$/)
  }
})

test('audit verify: a file that is not there', async () => {
  const ran = await run(['audit', 'verify', join(folder, 'nowhere')])
  assert.is(ran.exit, 1)
  assert.match(ran.err, /cannot be read \(ENOENT\)/)
})

test.run()
