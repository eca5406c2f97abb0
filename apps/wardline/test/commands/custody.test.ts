import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Result } from '@wardline/api'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from '../fixture.ts'

const test = suite('wardline/commands/custody')

const runner = createRunner()
const asked: unknown[] = []
const RECORD = 'ab'.repeat(32)
const DOT = 'digraph custody {\n  "a" [label="Mercy"];\n  "a" -> "b" [label="1"];\n}\n'

const trace = {
  chain: RECORD,
  record: RECORD,
  origin: { member: RECORD, name: 'Mercy' },
  commitment: RECORD,
  height: 7,
  holders: [],
  recall: null,
  edges: [],
  complete: true
} as unknown as Result<'record.trace'>

const mercy = { member: RECORD, name: 'Mercy' }
/** What the daemon says of the record's recall, and whether of all its hand-offs. */
let recall: { id: string; timeMs: number; height: number } | null = null
let isWhole = true
let mismatch: Result<'record.trace'>['edges'][number]['mismatch'] = null

/** One hand-off, as every list has it. */
const handOff = {
  record: RECORD,
  transmission: 'ef'.repeat(32),
  via: null,
  from: mercy,
  to: { member: 'cd'.repeat(32), name: 'Hope' },
  timeMs: Date.UTC(2026, 10, 20),
  height: 5,
  purpose: 'treatment',
  consent: null,
  state: 'opened',
  mismatch: null,
  recall: null
}

const served = await serveFake(join(runner.folder, 'home/run'), {
  async 'record.trace'(params) {
    asked.push(params)
    const answer = {
      ...trace,
      recall: recall && { ...recall, attested: [mercy], missing: [] },
      edges: ['01', '01', '02'].map((transmission) => ({ transmission, mismatch, from: mercy, to: mercy, timeMs: 0 })),
      complete: isWhole
    }
    const manyEdges = params.show?.max === 900 ? '  "a" -> "b";\n'.repeat(501) : ''
    const drawing = params.draw === 'dot' ? DOT.replace('}', `${manyEdges}}`) : `as ${params.draw}`
    const notes = params.show?.max === 5 ? ['Hidden hand-offs: 3 that are older.'] : []
    return { ...answer, drawing, notes } as unknown as Result<'record.trace'>
  },
  async 'record.holders'() {
    const holding = { via: null, sinceMs: 0, sinceHeight: 1 }
    const holders = [
      { ...mercy, ...holding, recall: recall && 'destroyed' },
      { ...mercy, ...holding, recall: recall && 'recalled' }
    ]
    return { record: RECORD, holders, recall, recallKey: null, next: null } as unknown as Result<'record.holders'>
  },
  async 'record.held'() {
    const held = { record: RECORD, via: null, sinceMs: 0, sinceHeight: 1, recall: recall && 'destroyed' }
    return { ...mercy, records: [held], next: null } as unknown as Result<'record.held'>
  },
  async 'record.path'() {
    return { origin: mercy, path: [], complete: true, recall } as unknown as Result<'record.path'>
  },
  async 'record.downstream'(params) {
    asked.push(params)
    return { edges: [handOff], complete: isWhole, next: 'ef'.repeat(32) } as unknown as Result<'record.downstream'>
  },
  async 'record.ancestor'(params) {
    asked.push(params)
    const answer = { ancestor: mercy, via: null, toOne: [], toOther: [handOff] }
    return answer as unknown as Result<'record.ancestor'>
  },
  async 'record.handoffs'(params) {
    asked.push(params)
    return { edges: [handOff], next: null } as unknown as Result<'record.handoffs'>
  },
  async 'handoff.between'(params) {
    asked.push(params)
    return { edges: [handOff], next: null } as unknown as Result<'handoff.between'>
  }
})
test.after(async () => {
  await served.close()
  runner.remove()
})

const run = (...args: readonly string[]) => runner.run(['record', 'draw', RECORD, ...args, '--home', 'home'])

test('a drawing goes to standard output or a new file, with the selection that was asked for', async () => {
  const { exit, out } = await run('--from', '2026-11-20', '--hospital', 'Mercy', '--state', 'sent', '--max', '5')
  assert.equal([exit, out], [0, 'as ascii\n'])
  const show = { fromMs: Date.UTC(2026, 10, 20), hospitals: ['Mercy'], states: ['sent'], max: 5 }
  assert.equal((asked.at(-1) as { show: unknown }).show, show)
  const written = await run('--format', 'prov', '--out', 'prov.json')
  assert.equal([written.exit, written.out], [0, 'prov.json\n'])
  assert.is(readFileSync(join(runner.folder, 'prov.json'), 'utf8'), 'as prov\n')
  assert.is((await run('--format', 'csv', '--out', 'prov.json')).exit, 1)
})

test('what a table of hand-offs cannot say of itself is said beside it', async () => {
  for (const [format, max, said] of [
    ['csv', '5', 'Hidden hand-offs: 3 that are older.\n'],
    ['csv', '6', ''],
    ['mermaid', '5', '']
  ] as const) {
    const { exit, out, err } = await run('--format', format, '--max', max)
    assert.equal([exit, out, err], [0, `as ${format}\n`, said], `${format} ${max}`)
  }
  assert.is(
    (await run('--format', 'csv', '--max', '5', '--out', 'part.csv')).err,
    'Hidden hand-offs: 3 that are older.\n'
  )
  const json = await run('--format', 'csv', '--max', '5', '--json')
  assert.equal([JSON.parse(json.out).notes, json.err], [['Hidden hand-offs: 3 that are older.'], ''])
})

/** A line of a table that has the hand-off. */
const LINE = /^abab\S+ +2026-11-20T00:00:00Z +Mercy +Hope +treatment +opened +none +efef\S+$/m

test('what is asked about hand-offs, the daemon is asked, and its answer is a table', async () => {
  const since = { fromMs: Date.UTC(2026, 10, 19), toMs: Date.UTC(2026, 10, 21) }
  const period = ['--since', '2026-11-19', '--until', '2026-11-21']
  for (const [args, params] of [
    [['downstream', RECORD, '--from', 'Mercy', '--limit', '7'], { record: RECORD, from: 'Mercy', limit: 7 }],
    [['ancestor', RECORD, 'Mercy', 'Hope'], { record: RECORD, one: 'Mercy', other: 'Hope' }],
    [['handoffs', RECORD], { record: RECORD }],
    [['handoffs', RECORD, '--state', 'sent', '--state', 'refused'], { record: RECORD, states: ['sent', 'refused'] }],
    [['handoffs', RECORD, '--without-consent'], { record: RECORD, withoutConsent: true }],
    [['handoffs', RECORD, '--invalid-consent'], { record: RECORD, invalidConsent: true }],
    [['handoffs', '--from', 'Mercy', '--to', 'Hope'], { from: 'Mercy', to: 'Hope' }],
    [['handoffs', '--from', 'Mercy', '--to', 'Hope', ...period], { from: 'Mercy', to: 'Hope', ...since }]
  ] as const) {
    const { exit, out } = await runner.run(['record', ...args, '--home', 'home'])
    assert.is(exit, 0, args.join(' '))
    assert.match(out, LINE)
    const { limit, withoutConsent, invalidConsent, ...given } = asked.at(-1) as Record<string, unknown>
    const wanted = {
      ...('limit' in params && { limit }),
      ...('withoutConsent' in params && { withoutConsent }),
      ...('invalidConsent' in params && { invalidConsent }),
      ...given
    }
    assert.equal(wanted, params, args.join(' '))
  }
})

test('what came from a member says where it goes on, and whether it is all', async () => {
  const ask = (...more: readonly string[]) =>
    runner.run(['record', 'downstream', RECORD, '--from', 'Mercy', '--home', 'home', ...more])
  const more = `More: --after ${'ef'.repeat(32)}\n`
  const short = 'Ids are cut to 12 digits; commands take whole ones, which --json gives.\n'
  assert.is((await ask()).err, short + more)
  isWhole = false
  const cut = await ask()
  assert.match(cut.out, LINE)
  assert.match(cut.err, /\nNot complete: .*later hand-offs are missing\.\nMore: /)
  const json = await ask('--json')
  assert.equal([JSON.parse(json.out).complete, json.err], [false, ''])
  isWhole = true
})

test('a common copy is told, and how the two came from it', async () => {
  const { out } = await runner.run(['record', 'ancestor', RECORD, 'Mercy', 'Hope', '--home', 'home'])
  assert.match(
    out,
    /^common copy {2}Mercy, the origin\n\nto Mercy\nIt is that copy\.\n\nto Hope\nRECORD .*\n\S+ .* Hope /
  )
})

test('nodes and links are laid out here, up to what anybody could read', async () => {
  const { exit, out } = await run('--format', 'graph')
  assert.is(exit, 0)
  assert.match(out, /<svg [\s\S]*>Mercy<\/text>[\s\S]*<\/svg>/)
  const many = await run('--format', 'graph', '--max', '900')
  assert.is(many.exit, 1)
  assert.match(many.err, '502 hand-offs are too many')
})

test('what is known of a claimed mismatch stands below the drawing', async () => {
  for (const [claim, words] of [
    [null, /^as ascii\n$/],
    ['claimed', /mismatch, claimed; no content key was revealed$/m],
    ['revealed', /mismatch, claimed with its content key/],
    ['proven', /^Mercy says of what Mercy sent 1970-01-01.*: mismatch, proven;/m],
    ['refuted', /mismatch, refuted;/]
  ] as const) {
    mismatch = claim
    const { out } = await runner.run(['record', 'trace', RECORD, '--home', 'home'])
    assert.match(out, words)
  }
  mismatch = null
})

test('of a record that was called back, every answer says so, and the graph of how much of it', async () => {
  const ask = async (...args: readonly string[]) => {
    const { exit, out } = await runner.run(['record', ...args, '--home', 'home'])
    assert.is(exit, 0)
    return out
  }
  const all = () => Promise.all([ask('holders', RECORD), ask('path', RECORD, '--to', 'Mercy'), ask('trace', RECORD)])
  for (const out of await all()) assert.not.match(out, 'Recalled')
  assert.not.match(await ask('held'), 'destroyed')
  recall = { id: RECORD, timeMs: Date.UTC(2026, 10, 20), height: 9 }
  const [holders, path, traced] = await all()
  const line = /^Recalled 2026-11-20.*: nobody sends it on any more; `record trace` says who has destroyed it\.$/m
  assert.match(holders ?? '', line)
  assert.match(holders ?? '', /^Mercy .*destroyed\nMercy .*to destroy$/m)
  assert.match(await ask('held'), / destroyed$/m)
  assert.match(path ?? '', line)
  assert.match(traced ?? '', /^Recalled 2026-11-20.*: nobody sends it on any more\.\nDestroyed by +Mercy\n.*nobody$/m)
  isWhole = false
  assert.match(
    await ask('trace', RECORD),
    /any more\. Of all holders, and of the first 2 transmissions:\nDestroyed by +Mercy\n/
  )
})

test.run()
