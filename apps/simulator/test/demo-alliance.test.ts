/**
 * The demo over a sample alliance: what it counted, and every graph that is left on the disks, is what the list of journeys says. The alliance of 4 hospitals; with
 * WARDLINE_ALLIANCE=8 the one of 8, which takes several minutes.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TRANSFERS } from '../src/demo/chains.ts'
import type { DemoResult } from '../src/demo/run.ts'
import { keptTrails, membersOf } from './kept-graphs.ts'
import { sampleAlliance, trailText } from './sample-alliance.ts'

const test = suite('simulator/demo-alliance')

const PROGRAM = fileURLToPath(new URL('../src/demo-command.ts', import.meta.url))

const count = Number(process.env['WARDLINE_ALLIANCE'] ?? 4)
const alliance = sampleAlliance(count)

if (alliance === undefined) {
  test.skip('the sample alliance: ../shared is absent', () => undefined)
} else {
  const folder = await mkdtemp(join(tmpdir(), 'wl-alliance-'))
  test.after(() => rm(folder, { recursive: true, force: true }))

  test(`the alliance of ${count} ends well, with the counts of the list of journeys`, async () => {
    const { input, hospitals, visits, organisationChanges, transmissions } = alliance
    const options = ['--ci', '--json', '--input', input, '--hospitals', hospitals, '--data', join(folder, 'demo')]
    const child = spawn(process.execPath, [PROGRAM, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let talk = ''
    child.stdout.on('data', (part) => {
      output += part
    })
    child.stderr.on('data', (part) => {
      talk += part
    })
    const exit = await new Promise<number | null>((resolve) => child.once('close', resolve))
    assert.is(exit, 0, talk.split('\n').slice(-20).join('\n'))
    const result = JSON.parse(output.trimEnd()) as DemoResult
    assert.ok(result.ok)
    assert.is(result.hospitals, count)
    assert.equal(
      [result.records, result.anchors, result.organisationChanges, result.transmissions, result.acknowledged],
      [visits, visits, organisationChanges, transmissions, transmissions]
    )
    assert.equal(result.access, { permitted: 1, denied: 2, deniedBytes: 0 })
    assert.equal(result.forged, { attempted: 2, refused: 2, code: 'not-a-holder' })
    for (const { heads } of result.chains) assert.is(new Set(heads).size, 1)
  })

  test('every stopped home has the graph of every record that the list of journeys says', async () => {
    const expected = alliance.trails.map(trailText).sort()
    const entries = await readdir(join(folder, 'demo'), { recursive: true })
    const homes = entries
      .filter((path) => basename(path) === 'wardline.yaml')
      .map((path) => join(folder, 'demo', dirname(path)))
    assert.is(homes.length, count)
    const kept = await Promise.all(
      homes.map(async (home) => keptTrails(home, TRANSFERS, await membersOf(home, TRANSFERS, alliance.names)))
    )
    for (const trails of kept) {
      // The demo's own notes, which keep the chain busy, go once from the first hospital to the second.
      const notes = trails.length - expected.length
      assert.ok(notes >= 0, 'no record is missing')
      const note = trailText([{ from: 0, to: 1, via: null }])
      assert.equal(trails.map(trailText).sort(), [...expected, ...Array.from({ length: notes }, () => note)].sort())
    }
  })
}

test.run()
