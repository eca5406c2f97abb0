import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { placesOf, prepareFolder } from '../../src/local-network/folder.ts'
import { UsageError } from '../../src/usage-error.ts'

const test = suite('simulator/local-network/folder')

const scratch = await mkdtemp(join(tmpdir(), 'wardline-folder-'))
test.after(() => rm(scratch, { recursive: true }))

async function refusal(given: string): Promise<string> {
  try {
    await prepareFolder(given, ['a'])
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error('it was not refused')
}

const names: readonly (readonly [names: readonly string[], places: readonly string[]])[] = [
  [['Mercy Medical Ctr'], ['mercy-medical-ctr']],
  [["SHRINERS' HOSPITAL FOR CHILDREN (THE)"], ['shriners-hospital-for']],
  [['Hôpital Général'], ['hopital-general']],
  [
    ['病院', '診療所'],
    ['hospital', 'hospital-2']
  ],
  [
    ['Mercy', 'mercy!', 'MERCY'],
    ['mercy', 'mercy-2', 'mercy-3']
  ],
  [
    ['Ceremony', '../..', 'x'.repeat(80)],
    ['ceremony-2', 'hospital', 'x'.repeat(24)]
  ]
]

for (const [given, places] of names) {
  test(`places of ${given.join(', ').slice(0, 40)}`, () => assert.equal(placesOf(given), places))
}

test('makes a folder that is not there, with its parents', async () => {
  const folder = join(scratch, 'new', 'one')
  assert.is(await prepareFolder(folder, ['a']), folder)
  assert.equal(await readdir(folder), [])
  assert.is(await prepareFolder(folder, ['a']), folder)
})

test('refuses a folder that holds anything, and leaves it alone', async () => {
  await writeFile(join(scratch, 'file'), 'kept')
  assert.match(await refusal(scratch), /is not empty/)
  assert.ok((await readdir(scratch)).includes('file'))
})

test('refuses a file', async () => {
  await writeFile(join(scratch, 'plain'), '')
  assert.match(await refusal(join(scratch, 'plain')), /cannot be used/)
})

test('refuses a path that a socket would outgrow, before making it', async () => {
  const folder = join(scratch, 'y'.repeat(100))
  assert.match(await refusal(folder), /too long/)
  assert.not((await readdir(scratch)).includes('y'.repeat(100)))
})

test.run()
