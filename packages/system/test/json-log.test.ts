import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Clock } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createJsonLog } from '../src/index.ts'

const test = suite('system/json-log')

const clock: Clock = {
  nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  elapsedMs: () => 0,
  after: () => ({ cancel: () => {} })
}

test('writes one JSON object per line with its fields', () => {
  const lines: string[] = []
  const log = createJsonLog({ level: 'info', clock, write: (line) => lines.push(line), fields: { chain: 'c1' } })
  log.info('Started.', { height: 3, ok: true, nothing: undefined })
  assert.equal(lines, [
    '{"time":"2026-01-02T03:04:05.006Z","level":"info","message":"Started.","chain":"c1","height":3,"ok":true}\n'
  ])
})

test('leaves out what is below its level', () => {
  for (const [level, expected] of [
    ['debug', 'debug info warn error'],
    ['info', 'info warn error'],
    ['warn', 'warn error'],
    ['error', 'error']
  ] as const) {
    const lines: string[] = []
    const log = createJsonLog({ level, clock, write: (line) => lines.push(JSON.parse(line).level) })
    log.debug('m')
    log.info('m')
    log.warn('m')
    log.error('m')
    assert.is(lines.join(' '), expected)
  }
})

test('a derived log adds fields, nearer ones win, and none replaces time, level or message', () => {
  const lines: string[] = []
  const log = createJsonLog({ level: 'info', clock, write: (line) => lines.push(line), fields: { a: 1, b: 1 } })
  log.with({ b: 2, c: 2 }).info('m', { c: 3, level: 'x', time: 'x', message: 'x' })
  assert.equal(JSON.parse(lines[0] as string), {
    time: '2026-01-02T03:04:05.006Z',
    level: 'info',
    message: 'm',
    a: 1,
    b: 2,
    c: 3
  })
})

test('cuts long fields and keeps newlines inside one line', () => {
  const lines: string[] = []
  createJsonLog({ level: 'info', clock, write: (line) => lines.push(line) }).info('m', {
    long: 'x'.repeat(10_000),
    two: 'a\nb'
  })
  assert.is(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1)
  assert.is(JSON.parse(lines[0] as string).long.length, 513)
})

test('a writer that fails does not stop its caller', () => {
  const log = createJsonLog({
    level: 'debug',
    clock,
    write: () => {
      throw new Error('disk full')
    }
  })
  log.error('m')
})

test('a process whose log nobody reads any more goes on', async () => {
  const entry = resolve(import.meta.dirname, '../src/index.ts')
  const program = `
    const { createJsonLog, createSystemClock } = await import(${JSON.stringify(entry)})
    const log = createJsonLog({ level: 'info', clock: createSystemClock() })
    log.info('First.')
    await new Promise((resolve) => process.stdin.once('data', resolve))
    for (let i = 0; i < 1000; i++) log.info('Nobody reads this.', { i })
    process.stdout.write('alive')
    process.exit(0)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  await once(child.stderr, 'data')
  child.stderr.destroy()
  child.stdin.write('go\n')
  const [code] = await once(child, 'close')
  assert.is(code, 0)
  assert.is(output, 'alive')
})

test.run()
