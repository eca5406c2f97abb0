/** A network that is kept in a folder: every command is a program of its own, and they agree about what runs. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { CommanderError } from 'commander'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { stateFacts } from '../src/kept-network/acts.ts'
import { parseLine, parseOptions } from '../src/kept-network/options.ts'
import { startChild, stopChildren } from '../src/local-network/children.ts'

const test = suite('simulator/network-command')

const PROGRAM = new URL('../src/network-command.ts', import.meta.url).pathname
const scratch = await mkdtemp(join(tmpdir(), 'wl-kept-'))
const data = join(scratch, 'kept')

type Ended = { readonly code: number | null; readonly said: string; readonly complaint: string }

async function run(...args: readonly string[]): Promise<Ended> {
  const said: string[] = []
  const complaint: string[] = []
  const child = await startChild(PROGRAM, args, {
    onOutput: (line) => said.push(line),
    onTalk: (line) => complaint.push(line)
  })
  const { code } = await child.ended
  return { code, said: said.join('\n'), complaint: complaint.join('\n') }
}

test.after(async () => {
  await run('stop', '--data', data)
  await stopChildren(5_000)
  await rm(scratch, { recursive: true, force: true })
})

/** The state of each hospital, by name. */
async function states(): Promise<Readonly<Record<string, string>>> {
  const { said } = await run('status', '--json', '--data', data)
  const { hospitals } = JSON.parse(said) as { hospitals: readonly ReturnType<typeof stateFacts>[] }
  return Object.fromEntries(hospitals.map(({ name, state }) => [name, state]))
}

/** Waits until the hospitals have these states: a daemon may be slow to answer. */
async function untilStates(expected: Readonly<Record<string, string>>): Promise<void> {
  const endMs = performance.now() + 60_000
  let found = await states()
  while (!isDeepStrictEqual(found, expected) && performance.now() < endMs) found = await states()
  assert.equal(found, expected)
}

test('start founds a network and leaves its daemons running, each socket printed', async () => {
  const { code, said, complaint } = await run('start', '--hospitals', '2', '--data', data)
  assert.is(code, 0, complaint)
  for (const place of ['alpha', 'beta']) assert.ok(said.includes(join(data, place, 'run/admin.sock')), said)
  await untilStates({ Alpha: 'running', Beta: 'running' })
})

test('add admits a hospital, which follows without a vote', async () => {
  const { code, complaint } = await run('add', 'Saint Anne', '--data', data)
  assert.is(code, 0, complaint)
  const { said } = await run('status', 'saint-anne', '--json', '--data', data)
  const [added] = (JSON.parse(said) as { hospitals: readonly ReturnType<typeof stateFacts>[] }).hospitals
  assert.equal(
    added?.chains.map(({ label, validator }) => [label, validator]),
    [['transfers', false]]
  )
})

test('a killed daemon is absent, a started one runs, and those that run already are left alone', async () => {
  assert.is((await run('kill', 'Beta', '--data', data)).code, 0)
  const again = await run('kill', 'Beta', '--data', data)
  assert.equal([again.code, again.said], [3, 'Beta does not run'])
  const started = await run('start', '--data', data)
  assert.is(started.code, 0)
  assert.match(started.said, /^Alpha runs already \(process \d+\)$/m)
  await untilStates({ Alpha: 'running', Beta: 'running', 'Saint Anne': 'running' })
})

test('follow tells how each hospital is, and when one goes and comes back, until it is told to end', async () => {
  const lines: string[] = []
  const child = await startChild(PROGRAM, ['follow', '--data', data], { onOutput: (line) => lines.push(line) })
  const told = async (pattern: RegExp, from = 0): Promise<number> => {
    const endMs = performance.now() + 60_000
    const find = () => lines.findIndex((line, at) => at >= from && pattern.test(line))
    while (find() < 0 && performance.now() < endMs) await new Promise((go) => setTimeout(go, 50))
    assert.ok(find() >= 0, `${pattern} in ${lines.join('\n')}`)
    return find()
  }
  for (const name of ['Alpha', 'Beta', 'Saint Anne']) await told(new RegExp(`${name} runs as process \\d+$`))
  await told(/Alpha transfers/)
  assert.is((await run('kill', 'Beta', '--data', data)).code, 0)
  const gone = await told(/Beta does not answer$/)
  assert.is((await run('start', '--data', data)).code, 0)
  await told(/Beta runs as process \d+$/, gone)
  assert.is((await child.stop(20_000)).code, 0)
})

test('a daemon that is held by a signal is silent, and can be killed', async () => {
  const { said } = await run('status', 'Beta', '--json', '--data', data)
  const pid = (JSON.parse(said) as { hospitals: readonly { readonly pid: number }[] }).hospitals[0]?.pid as number
  process.kill(pid, 'SIGSTOP')
  assert.is((await states())['Beta'], 'silent')
  assert.is((await run('kill', 'beta', '--data', data)).code, 0)
  assert.is((await states())['Beta'], 'absent')
})

test('stop stops all, and status then says that none runs', async () => {
  assert.is((await run('stop', '--data', data)).code, 0)
  assert.is((await run('status', '--data', data)).code, 3)
})

test('without an act and without a terminal it keeps the network until it is told to stop', async () => {
  const said: string[] = []
  const { promise: isUp, resolve } = Promise.withResolvers<void>()
  const child = await startChild(PROGRAM, ['--data', data], {
    onOutput: (line) => {
      said.push(line)
      // The last hospital's sockets: nothing more is said until it ends.
      if (line.includes(join(data, 'saint-anne/run/admin.sock'))) resolve()
    }
  })
  await Promise.race([isUp, child.ended])
  const early = await Promise.race([child.ended, new Promise((go) => setTimeout(go, 2_000, 'still there'))])
  assert.is(early, 'still there')
  assert.is((await child.stop(60_000)).code, 0)
  assert.is(said.at(-1), 'All stopped.')
  assert.is((await run('status', '--data', data)).code, 3)
})

const bads: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [['status', '--data', join(scratch, 'none')], /^network: There is no network in .*none\.$/],
  [
    ['stop', 'Nobody', '--data', data],
    /^network: No hospital in .* is called Nobody; there are Alpha, Beta, Saint Anne\.$/
  ],
  [['start', '--data', PROGRAM], /^network: The folder .* cannot be used/],
  [['dance', '--data', data], /too many arguments|unknown command/]
]
for (const [args, says] of bads) {
  test(`exit code 2 and one sentence: ${args[0]} ${args.length}`, async () => {
    const { code, complaint } = await run(...args)
    assert.is(code, 2, complaint)
    assert.match(complaint, says)
    assert.not.match(complaint, /\n\s+at /)
  })
}

test('what is typed is what the command line takes', () => {
  const given = (...args: readonly string[]) => parseOptions(args)
  assert.equal(given('--data', '/x').act, undefined)
  assert.equal(given('--data', '/x', '--modes', 'spv,stt,spv').modes, ['spv', 'stt'])
  assert.equal(given('kill', 'a', 'b', '--data', '/x').act, parseLine('  kill a b '))
  assert.equal(given('follow', '--logs', '--data', '/x').act, { kind: 'follow', hospitals: [], logs: true })
  assert.is(parseLine('   '), undefined)
})

const refused: readonly (readonly string[])[] = [
  ['status'],
  ['--data', '/x', '--hospitals', '25'],
  ['--data', '/x', '--hospitals', '0'],
  ['--data', '/x', '--modes', 'dss,xyz'],
  ['--data', '/x', '--modes', ''],
  ['add', 'a', 'b', '--data', '/x']
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
