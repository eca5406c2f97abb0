/**
 * The demo over a sample alliance: what it counted is what the list of journeys says. The alliance of 4 hospitals; with
 * WARDLINE_ALLIANCE=8 the one of 8, which takes several minutes.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DemoResult } from '../src/demo/run.ts'
import { sampleAlliance } from './sample-alliance.ts'

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
}

test.run()
