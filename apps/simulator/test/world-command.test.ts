import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

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

test('a wrong call says how to call it', () => {
  for (const args of [[], ['--seed', 'x'], ['--seeds', '0'], ['--nodes', '3'], ['--what']]) {
    const { code, err } = sim(...args)
    assert.is(code, 2, args.join(' '))
    assert.match(err, /usage: pnpm sim/)
  }
})

test.run()
