/** What the seeds of permissions chains must come upon, for their checks of releases to say anything. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runSeed, type SeedReport } from '../src/world/run-seed.ts'

const test = suite('simulator/world-releases')

const FIRST = 16
const COUNT = 13

test('grants are revoked between decision and entry, and owners and requesters end after the first part of a record', async () => {
  const reports: SeedReport[] = []
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) reports.push(await runSeed({ seed, mode: 'SPV' }))
  const sum = (of: (report: SeedReport) => number) => reports.reduce((total, report) => total + of(report), 0)
  assert.equal(
    reports.flatMap(({ violations }) => violations),
    []
  )
  assert.ok(sum(({ revokedMeanwhile }) => revokedMeanwhile) > 0, 'a grant is revoked meanwhile')
  assert.ok(sum(({ endedMidway }) => endedMidway) > 0, 'a process ends meanwhile')
  assert.ok(sum(({ faults }) => faults.get('mid-release') ?? 0) > 0, 'on purpose, too')
})

test('where no process ends, none is counted', async () => {
  const faults = ['drop', 'delay', 'reorder', 'duplicate'] as const
  for (let seed = FIRST; seed < FIRST + 6; seed++) {
    assert.is((await runSeed({ seed, mode: 'SPV', faults })).endedMidway, 0, `seed ${seed}`)
  }
})

test.run()
