import { execFileSync } from 'node:child_process'
import type { Alias, RecordId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type OutlookFacts, runningOutlook, stoppedOutlook } from '../../src/demo/outlook.ts'

const test = suite('simulator/demo/outlook')

const facts: OutlookFacts = {
  folder: '/tmp/a demo',
  genesis: '/tmp/a demo/genesis.json',
  receipt: '/tmp/a demo/receipt.json',
  home: "/tmp/a demo/o'brien",
  readSocket: "/tmp/a demo/o'brien/run/read.sock",
  otherName: "SHRINERS' HOSPITAL $(touch x) `y`",
  trail: { record: 'ab'.repeat(32) as RecordId, deliveries: [] },
  alias: 'cd'.repeat(32) as Alias,
  permissionAlias: 'ef'.repeat(32) as Alias
}

/** The words that a shell makes of each command, with every program replaced by one that prints its arguments. */
function words(text: string): string[][] {
  const commands = text.replaceAll('\\\n', ' ').split('\n')
  return commands
    .filter((line) => /^ {2}(?:npx|echo|curl)/.test(line))
    .map((line) => {
      const last = line.trim().split(' | ').at(-1) as string
      const shown = `printf '%s\\n' ${last}`
      return execFileSync('sh', ['-c', shown], { encoding: 'utf8' }).trimEnd().split('\n')
    })
}

test('paths and names are single words of the shell, whatever is in them', () => {
  const commands = [...words(runningOutlook(facts)), ...words(stoppedOutlook(facts))]
  assert.is(commands.length, 11)
  for (const command of commands) {
    const asked = ['--home', '--genesis', '--unix-socket', '--to'].filter((option) => command.includes(option))
    assert.ok(asked.length > 0)
    for (const option of asked) {
      const value = command[command.indexOf(option) + 1] as string
      assert.ok([facts.home, facts.genesis, facts.readSocket, facts.otherName].includes(value), value)
    }
  }
})

test('the call for curl is JSON that names the record', () => {
  const curl = words(runningOutlook(facts)).find(([program]) => program === 'curl')
  const call = JSON.parse(curl?.[curl.indexOf('-d') + 1] ?? '') as {
    method: string
    params: { chain: string; record: string }
  }
  assert.is(call.method, 'record.holders')
  assert.equal(call.params, { chain: 'transfers', record: facts.trail.record })
})

test('who looked is asked for by the alias on the chain of permissions', () => {
  const audit = words(runningOutlook(facts)).find((command) => command.includes('audit'))
  assert.equal(audit?.slice(-6), ['audit', 'patient', '--alias', facts.permissionAlias, '--chain', 'permissions'])
})

test('every command that asks for something of a chain names the chain', () => {
  for (const command of [...words(runningOutlook(facts)), ...words(stoppedOutlook(facts))]) {
    if (command.some((word) => /^(?:record|patient)$/.test(word))) assert.ok(command.includes('--chain'))
  }
})

test.run()
