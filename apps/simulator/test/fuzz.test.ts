import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fuzz } from '../src/fuzz/fuzz.ts'

const test = suite('simulator/fuzz')

/** What every message and record holds, and what a genuine one has often enough to be drawn. */
const FIELDS = [
  ...['kind', 'epoch', 'view', 'digest', 'signer', 'signature', 'attempt'].map((field) => `vote vote.${field}`),
  ...['kind', 'epoch', 'view', 'digest', 'bitmapSize', 'bitmap', 'signatures'].map(
    (field) => `certificate certificate.${field}`
  ),
  ...['version', 'chain', 'epoch', 'view', 'height', 'parent', 'time', 'proposer', 'txRoot', 'history', 'appHash'].map(
    (field) => `proposal proposal.header.${field}`
  ),
  ...['signature', 'leafCount', 'leaves', 'justifiedBy', 'skipCount'].map((field) => `proposal proposal.${field}`),
  ...['epoch', 'asker', 'nonce', 'signature'].map((field) => `status-ask ask.${field}`),
  ...['epoch', 'signer', 'asker', 'nonce', 'view', 'signature', 'hasHeard'].map((field) => `status status.${field}`),
  ...['length', 'checksum', 'sequence'].map((field) => `journal record.${field}`)
]

test('10,000 changed inputs throw nothing, are blamed on who brought them, and the chain goes on', async () => {
  const report = await fuzz({ seed: 1, inputs: 10_000 })
  assert.equal(report.violations, [])
  assert.ok(report.inputs >= 10_000)
  assert.equal(
    FIELDS.filter((field) => !report.fields.has(field)),
    []
  )
  // The layouts know every byte.
  assert.equal(
    [...report.fields.keys()].filter((field) => field.endsWith('rest')),
    []
  )
  for (const parser of [
    'vote',
    'certificate',
    'proposal',
    'status-ask',
    'status',
    'told',
    'transactions',
    'request'
  ] as const) {
    assert.ok((report.outcomes.get(parser)?.get('reject') ?? 0) > 0, `${parser} is rejected by name`)
  }
  assert.ok((report.outcomes.get('vote')?.get('accept') ?? 0) > 0, 'votes that a member signed get through')
  assert.ok(report.resigned > 0)
})

test('changed answers of a peer are blamed on it, and the daemon still catches up', async () => {
  const report = await fuzz({ seed: 2, inputs: 40, parsers: ['answer'] })
  assert.equal(report.violations, [])
  assert.ok((report.outcomes.get('answer')?.get('reject') ?? 0) > 20)
})

test('the command says how to call it: asked for it is no error, after a wrong call it is', () => {
  const command = resolve(import.meta.dirname, '../src/fuzz-command.ts')
  const run = (...args: readonly string[]) => spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' })
  const asked = run('--help')
  assert.is(asked.status, 0)
  assert.match(asked.stdout, /^usage: pnpm fuzz /)
  const wrong = run('--what')
  assert.is(wrong.status, 2)
  assert.match(wrong.stderr, /usage: pnpm fuzz /)
})

test.run()
