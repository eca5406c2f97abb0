import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ALL_FAULTS } from '../src/world/fault-kinds.ts'

const test = suite('simulator/world-command')

const command = resolve(import.meta.dirname, '../src/sim-command.ts')

function sim(...args: readonly string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' })
  return { code: status, out: stdout, err: stderr }
}

test('one seed is replayed event by event, the same each time', () => {
  const [once, again] = [sim('--seed', '7', '--nodes', '2'), sim('--seed', '7', '--nodes', '2')]
  assert.is(once.code, 0)
  assert.match(once.out, /gossip/)
  const events = (out: string): string => out.slice(0, out.indexOf('seeds:'))
  assert.is(events(once.out), events(again.out))
  assert.match(once.out, /^trace [0-9a-f]{16}$/m)
})

test('many seeds are added up', () => {
  const { code, out } = sim('--seeds', '3', '--from', '20', '--json')
  assert.is(code, 0)
  const totals = JSON.parse(out.trim().split('\n').at(-1) as string)
  assert.is(totals.seeds, 3)
  assert.is(totals.violations, 0)
  assert.ok(totals.simulatedHours > 1 && totals.views > 0 && totals.committed > 0)
})

test('only the chosen kinds of faults happen, and only the chosen mishaps', () => {
  const faultsOf = (...args: readonly string[]): readonly string[] => {
    const { code, out } = sim('--seed', '11', '--nodes', '4', '--quiet', '--json', ...args)
    assert.is(code, 0, out)
    return Object.keys(JSON.parse(out.trim().split('\n').at(-1) as string).faults)
  }
  assert.equal(faultsOf('--faults', 'none'), [])
  const some = ['drop', 'duplicate', 'power-cut', 'replayer']
  assert.ok(faultsOf('--faults', some.join()).every((kind) => some.includes(kind)))
  assert.equal(faultsOf('--faults', 'kill,power-cut,restart', '--mishaps', 'none'), [])
})

test('the help lists every kind of fault', () => {
  const { code, out } = sim('--help')
  assert.is(code, 0)
  for (const kind of ALL_FAULTS) assert.match(out, kind)
})

test('a wrong call says how to call it', () => {
  const wrong = [
    [],
    ['--seed', 'x'],
    ['--seeds', '0'],
    ['--nodes', '3'],
    ['--what'],
    ['--seed', '1', '--faults', 'drop,rain'],
    ['--seed', '1', '--mishaps', '1,x']
  ]
  for (const args of wrong) {
    const { code, err } = sim(...args)
    assert.is(code, 2, args.join(' '))
    assert.match(err, /usage: pnpm sim/)
  }
})

test.run()
