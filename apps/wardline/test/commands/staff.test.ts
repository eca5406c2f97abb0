import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Api, ApiError } from '@wardline/api'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from '../fixture.ts'

const test = suite('wardline/commands/staff')

const { folder, run, remove } = createRunner()
const ID = 'ab'.repeat(32)

type Asked = { readonly name: string; readonly reference?: string }
let asked: Asked[] = []
let broken: string | undefined

/** As a hospital does it: one member for each reference. */
const api = {
  async 'person.create'(params: Asked) {
    if (broken !== undefined && params.reference === broken) throw new ApiError('out-of-scope', 'it may not')
    asked.push(params)
    const member = Buffer.from(params.reference ?? params.name)
      .toString('hex')
      .padEnd(64, '0')
      .slice(0, 64)
    const answer = { chain: ID, id: ID, state: 'committed', code: null, height: 3, member, name: params.name }
    return { ...answer, ...('receipt' in params && params.receipt ? { receipt: '{"v":1}' } : {}) }
  }
} as unknown as Partial<Api>

let server: { readonly close: () => Promise<void> }
test.before(async () => {
  server = await serveFake(join(folder, 'run'), api)
})
test.after(async () => {
  await server.close()
  remove()
})
test.before.each(() => {
  asked = []
  broken = undefined
})

const member = (...args: string[]) => run(['member', ...args, '--home', folder])

function practitioner(id: string, more: object = {}) {
  const name = [{ use: 'official', prefix: ['Dr.'], given: ['Ada'], family: id }]
  return { resourceType: 'Practitioner', id, name, ...more }
}

function put(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return name
}

test('create asks for one person and keeps the receipt', async () => {
  const args = [
    '--role',
    'nurse',
    '--attribute',
    'icu',
    '--attribute',
    'night',
    '--reference',
    'n-1',
    '--until',
    '2030-01-01T00:00:00Z'
  ]
  const ran = await member(
    'create',
    'Nurse Fay',
    ...args,
    '--receipt',
    'r.json',
    '--actor',
    'hr',
    '--chain',
    'alliance'
  )
  assert.is(ran.exit, 0, ran.err)
  assert.match(ran.out, /state +committed in block 3/)
  assert.equal(asked, [
    {
      chain: 'alliance',
      name: 'Nurse Fay',
      role: 'nurse',
      attributes: ['icu', 'night'],
      reference: 'n-1',
      untilMs: Date.parse('2030-01-01T00:00:00Z'),
      wait: 'final',
      timeoutMs: 30_000,
      receipt: true
    }
  ])
  assert.is(readFileSync(join(folder, 'r.json'), 'utf8'), '{"v":1}\n')
  assert.is((await member('create', 'X', '--until', 'later')).exit, 2)
  assert.is((await member('create', 'X', '--role', 'hospital')).exit, 2)
})

const two = [practitioner('p-2'), practitioner('p-1'), practitioner('p-0', { active: false })]
const bundle = { resourceType: 'Bundle', type: 'collection', entry: two.map((resource) => ({ resource })) }
for (const [form, text] of [
  ['a Bundle', JSON.stringify(bundle)],
  ['one resource on each line', two.map((each) => JSON.stringify(each)).join('\n')],
  ['resources beside others', `${JSON.stringify({ resourceType: 'Patient', id: 'x' })}\n${JSON.stringify(bundle)}`]
] as const) {
  test(`import: ${form}`, async () => {
    const file = put('staff.json', text)
    const ran = await member('import', file, '--attribute', 'staff', '--json')
    assert.is(ran.exit, 0, ran.err)
    const { members, inactive } = JSON.parse(ran.out)
    assert.is(inactive, 1)
    assert.equal(
      members.map(({ id, name, state }: { id: string; name: string; state: string }) => [id, name, state]),
      [
        ['p-1', 'Dr. Ada p-1', 'committed'],
        ['p-2', 'Dr. Ada p-2', 'committed']
      ]
    )
    assert.equal(new Set(asked.map(({ reference }) => reference)), new Set(['p-1', 'p-2']))
    assert.ok(asked.every((params) => 'role' in params && params.role === 'doctor'))
  })
}

test('import: many, each once, and the same members when it is done again', async () => {
  const file = put(
    'many.ndjson',
    Array.from({ length: 60 }, (_, i) => JSON.stringify(practitioner(`q-${i}`))).join('\n')
  )
  const first = JSON.parse((await member('import', file, '--json')).out)
  assert.is(first.members.length, 60)
  assert.is(new Set(asked.map(({ reference }) => reference)).size, 60)
  const again = JSON.parse((await member('import', file, '--json')).out)
  assert.equal(again, first)
})

test('import: what the chain refuses ends it, with the code and how far it came', async () => {
  broken = 'p-1'
  const file = put('staff.json', JSON.stringify(bundle))
  const ran = await member('import', file)
  assert.equal([ran.exit, ran.out], [5, ''])
  assert.match(ran.err, /of 2 are registered; the same call again goes on/)
})

for (const [why, text, code] of [
  ['no JSON', '{"resourceType":', 'malformed-json'],
  ['no resource', 'hello', 'not-a-resource'],
  ['nothing', '', 'empty'],
  ['no FHIR', '{"a":1}', 'not-a-resource'],
  ['an id that is none', JSON.stringify(practitioner('x'.repeat(200))), 'malformed-resource']
] as const) {
  test(`import: ${why}`, async () => {
    const ran = await member('import', put('bad.json', text), '--json')
    assert.is(ran.exit, 1)
    assert.is(JSON.parse(ran.err).error.code, code)
    assert.equal(asked, [])
  })
}

test('import: a file that is not there, and one without a Practitioner', async () => {
  assert.is((await member('import', 'nowhere.json')).exit, 1)
  const none = await member('import', put('none.json', JSON.stringify({ resourceType: 'Patient', id: 'x' })), '--json')
  assert.equal([none.exit, JSON.parse(none.out)], [0, { members: [], inactive: 0 }])
})

test.run()
