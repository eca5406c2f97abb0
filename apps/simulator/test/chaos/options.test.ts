/** The command line of a run. */
import { CommanderError } from 'commander'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseOptions } from '../../src/chaos/options.ts'
import { SCENARIOS } from '../../src/chaos/scenarios.ts'

const test = suite('simulator/chaos/options')

const every = SCENARIOS.map(({ name }) => name)

test('all scenarios unless some are named, and none beside kills', () => {
  assert.equal(parseOptions([]).scenarios, every)
  assert.equal(parseOptions(['--scenarios', 'freeze,kill']).scenarios, ['freeze', 'kill'])
  assert.equal(parseOptions(['--kills', '5']).scenarios, [])
  const both = parseOptions(['--kills', '5', '--scenarios', 'kill'])
  assert.equal([both.scenarios, both.minutes], [['kill'], 2])
})

test('a seed that is given is taken, and another one is drawn each time', () => {
  assert.is(parseOptions(['--seed', '7']).seed, 7)
  assert.is.not(parseOptions([]).seed, parseOptions([]).seed)
})

test('every scenario has a name of its own', () => {
  assert.is(new Set(every).size, every.length)
})

const refused: readonly (readonly string[])[] = [
  ['--nodes', '1'],
  ['--clients', '0'],
  ['--nodes', '17'],
  ['--minutes', '0'],
  ['--minutes', 'x'],
  ['--scenarios', 'kill,unheard-of'],
  ['--kills', '1.5'],
  ['--seed', '-1'],
  ['stray']
]
for (const args of refused) {
  test(`refused: ${args.join(' ')}`, () => {
    assert.throws(
      () => parseOptions(args),
      (error: unknown) => error instanceof CommanderError && error.exitCode === 1
    )
  })
}

test.run()
