import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commandFor } from '../src/sim/options.ts'
import { shrinkWith } from '../src/sim/shrink.ts'
import { runSeed, type SeedReport } from '../src/world/run-seed.ts'

const test = suite('simulator/shrink')

/** A report of a run in which the given mishaps happened, broken if `isBroken`. */
async function templateReport(): Promise<SeedReport> {
  return runSeed({ seed: 1, nodes: 1, faults: [], actionsMax: 0 })
}

test('what does not matter is left out, and what matters stays', async () => {
  const template = await templateReport()
  const planned = Array.from({ length: 20 }, (_, number) => number)
  const { chosen, report, runs } = await shrinkWith(
    async ({ mishaps = planned, faults, actionsMax = 100 }) => {
      const isBroken =
        mishaps.includes(3) && mishaps.includes(11) && actionsMax >= 7 && faults?.includes('drop') !== false
      return {
        ...template,
        happened: mishaps,
        actions: Math.min(actionsMax, 100),
        faults: new Map([
          ['drop', 5],
          ['kill', 20]
        ]),
        violations: isBroken ? [{ code: 'I1', what: 'two blocks' }] : []
      }
    },
    {},
    200
  )
  assert.equal(chosen.mishaps, [3, 11])
  assert.is(chosen.actionsMax, 7)
  assert.ok(chosen.faults?.includes('drop') && !chosen.faults.includes('kill'))
  assert.is(report?.violations.length, 1)
  assert.ok(runs < 60, `${runs} runs`)
})

test('a seed that breaks nothing is not shrunk', async () => {
  const template = await templateReport()
  assert.is((await shrinkWith(async () => template, {}, 10)).report, undefined)
})

test('the printed command says all that was chosen', () => {
  assert.is(commandFor(7, {}), 'pnpm sim --seed 7')
  assert.is(
    commandFor(7, { nodes: 4, mode: 'STT', faults: ['drop', 'kill'], mishaps: [], actionsMax: 3 }),
    'pnpm sim --seed 7 --nodes 4 --mode stt --faults drop,kill --mishaps none --actions 3'
  )
})

test.run()
