import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { generateBundles } from '@wardline/records'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFile, sharedPath } from '../../../../test/shared-folder.ts'
import { loadReplay } from '../../src/demo/journeys.ts'

const test = suite('simulator/demo/journeys')

const scratch = await mkdtemp(join(tmpdir(), 'wardline-journeys-'))
test.after(() => rm(scratch, { recursive: true }))

const bundles = generateBundles({ seed: 5, patients: 8, hospitals: 4 })
const plainFile = join(scratch, 'all.ndjson')
const gzipFile = join(scratch, 'all.ndjson.gz')
const lines = Buffer.concat(
  bundles.flatMap((bundle) => [
    Buffer.from(JSON.stringify(JSON.parse(Buffer.from(bundle).toString()))),
    Buffer.from('\n')
  ])
)
await writeFile(plainFile, lines)
await writeFile(gzipFile, gzipSync(lines))

const generated = { input: [], hospitals: 4, seed: 5, patients: 8 }
const read = { input: [plainFile], hospitals: 4, seed: 1, patients: undefined }

test('files give the plan that the same journeys give from the generator', async () => {
  const { plan, choice } = await loadReplay(generated)
  for (const input of [[plainFile], [gzipFile]]) {
    const replay = await loadReplay({ ...read, input })
    assert.equal(replay.choice.hospitals, choice.hospitals)
    assert.is(replay.plan.organisationChanges, plan.organisationChanges)
    assert.is(replay.plan.transmissions, plan.transmissions)
  }
})

test('the same seed gives the same plan, another one another', async () => {
  const first = await loadReplay(generated)
  assert.equal((await loadReplay(generated)).choice.hospitals, first.choice.hospitals)
  assert.not.equal((await loadReplay({ ...generated, seed: 6 })).choice.hospitals, first.choice.hospitals)
})

test('the default has a record that reaches all four hospitals', async () => {
  const { plan } = await loadReplay({ ...generated, seed: 1, patients: undefined })
  const sent = new Map<string, number>()
  for (const { steps } of plan.patients) {
    for (const step of steps) {
      if (step.kind === 'change') for (const { record } of step.transfers) sent.set(record, (sent.get(record) ?? 0) + 1)
    }
  }
  assert.ok(Math.max(...sent.values()) >= 3)
})

test('every hospital has a name of its own that a card takes', async () => {
  const { names } = await loadReplay(generated)
  assert.is(new Set(names.values()).size, 4)
  for (const name of names.values()) assert.ok(name.length > 0 && Buffer.byteLength(name) <= 120)
})

test('listed hospitals are taken, and nobody else’s journeys', async () => {
  const { choice } = await loadReplay(read)
  const listed = await loadReplay({ ...read, hospitals: choice.hospitals.toReversed() })
  assert.equal(listed.choice.hospitals, choice.hospitals)
})

const folder = sharedPath('data/synthea-r4')
const alliances: Record<string, { hospitals: { id: string }[]; patients: string[] }> | undefined = sharedFile(
  'data/synthea-r4/demo-alliances.json'
)

if (folder === undefined || alliances === undefined) {
  test.skip('the sample alliances: ../shared is absent', () => undefined)
} else {
  for (const [count, patientsOfOne] of [
    ['4', 0],
    ['8', 4]
  ] as const) {
    test(`the alliance of ${count}: its listed patients are replayed, those of one hospital are left out`, async () => {
      const alliance = alliances[count]
      const hospitals = alliance?.hospitals.map(({ id }) => id) ?? []
      const { plan, choice, names } = await loadReplay({ ...read, input: [folder], hospitals })
      assert.equal(new Set(plan.patients.map(({ patient }) => patient)), new Set(alliance?.patients))
      assert.is(choice.patientsOfOne, patientsOfOne)
      assert.is(choice.journeys.length + choice.patientsOfOne + choice.patientsLeftOut, 130)
      assert.is(names.size, Number(count))
    })
  }
}

const cut = join(scratch, 'cut.gz')
const prose = join(scratch, 'prose.json')
await writeFile(cut, gzipSync(lines).subarray(0, 100))
await writeFile(prose, 'Dear colleague')

const refused: readonly (readonly [what: string, asked: Parameters<typeof loadReplay>[0], why: RegExp])[] = [
  ['a missing file', { ...read, input: [join(scratch, 'none')] }, /Cannot read .*ENOENT/],
  ['a cut gzip file', { ...read, input: [cut] }, /gzip/],
  ['what is not FHIR', { ...read, input: [prose] }, /not FHIR JSON/],
  ['an unknown hospital', { ...read, hospitals: ['a', 'b', 'c', 'd'] }, /seen at the hospital a/],
  ['more hospitals than there are', { ...read, hospitals: 9 }, /too few hospitals/],
  ['too few generated patients', { ...generated, hospitals: 20, patients: 1 }, /--patients/]
]

for (const [what, asked, why] of refused) {
  test(`refuses ${what}`, async () => {
    const said = await loadReplay(asked).then(
      () => 'it was not refused',
      (error: Error) => `${error.name}: ${error.message}`
    )
    assert.match(said, /^UsageError: /)
    assert.match(said, why)
  })
}

test.run()
