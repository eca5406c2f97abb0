/** A real daemon whose chains come, go and fail to come, as its operator does it. */
import { rm, truncate } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { connectSocket, type SocketClient } from '@wardline/client'
import { homePaths, loadConfig, portOf, socketPaths } from '@wardline/config'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { command, daemon, failure, foundAlone, LABEL, makeHomes, outcome, type Running } from './homes.ts'

const test = suite('wardlined/chains')

const homes = await makeHomes()
test.after(() => homes.remove())

const SECOND = 'alliance'
const THIRD = 'visits'

const home = await homes.copy('several')
await command('genesis', 'install', await foundAlone(homes.folder, home, SECOND, 'dss'), '--home', home)
const third = await foundAlone(homes.folder, home, THIRD, 'spv')

/** Runs `use` while a daemon runs on the home, which then stops as it should. */
async function whileRunning(use: (client: SocketClient, running: Running) => Promise<void>): Promise<void> {
  const running = daemon(home)
  await running.ready()
  const client = connectSocket(socketPaths(homePaths(home).run).admin)
  try {
    await use(client, running)
  } finally {
    client.close()
    running.signal('SIGTERM')
    assert.is((await running.ended).code, 0)
  }
}

async function labelsOf(client: SocketClient): Promise<string[]> {
  return (await client.call('chain.list', {})).chains.map(({ label }) => label)
}

function settings() {
  const loaded = loadConfig({ home }, {})
  if (loaded.kind === 'problems') throw new Error(loaded.problems.join('\n'))
  return loaded.settings.config.chains
}

/** What `chain verify` finds of each chain. */
async function verified(): Promise<Readonly<Record<string, boolean>>> {
  const { exit, output } = await outcome('chain', 'verify', '--json', '--home', home)
  const { ok, chains } = JSON.parse(output) as { ok: boolean; chains: readonly { label: string; ok: boolean }[] }
  assert.equal([ok, exit === 0], Array(2).fill(chains.every((chain) => chain.ok)))
  return Object.fromEntries(chains.map((chain) => [chain.label, chain.ok]))
}

/** What a command says that fails. */
async function complaint(...args: readonly string[]): Promise<string> {
  return command(...args, '--home', home).then(
    () => 'nothing',
    (error: Error) => error.message
  )
}

test('a chain that has no genesis yet keeps the others from nothing, and is said to lack one', () =>
  whileRunning(async (client) => {
    assert.equal(await labelsOf(client), [SECOND, LABEL])
    const { health, problems } = await client.call('status', {})
    assert.is(health, 'fail')
    assert.equal(
      problems.map(({ chain, code }) => [chain, code]),
      [[THIRD, 'file-unreadable']]
    )
    assert.match(problems[0]?.remedy ?? '', /wardline chain add visits/)
    assert.equal(await verified(), { [SECOND]: true, [LABEL]: true, [THIRD]: false }, 'what does not run is not well')
    assert.match(await complaint('chain', 'add', THIRD), /no genesis of visits yet/)
    assert.match(await complaint('chain', 'add', LABEL), /takes part in the chain solo already/)
    assert.match(await complaint('chain', 'add', 'elsewhere'), /no chain elsewhere: run/)
    assert.match(await complaint('chain', 'add', THIRD, '--genesis', join(homes.folder, `${THIRD}.draft`)), /sign/i)
  }))

test('a third is added to two and one is removed, while the daemon runs; what was removed is taken up again', () =>
  whileRunning(async (client) => {
    await command('chain', 'add', THIRD, '--genesis', third, '--home', home)
    assert.equal(await labelsOf(client), [SECOND, LABEL, THIRD])
    assert.is((await client.call('status', {})).health, 'ok')
    const listen = settings()[SECOND]?.listen as string
    const told = JSON.parse(await command('chain', 'remove', SECOND, '--home', home, '--json')) as { folder: string }
    assert.is(told.folder, homePaths(home).chain(SECOND).folder)
    assert.equal(await labelsOf(client), [LABEL, THIRD])
    assert.equal(Object.keys(settings()), [LABEL, THIRD])
    assert.match(await complaint('chain', 'remove', SECOND), /no chain alliance/)
    assert.match(await complaint('chain', 'add', SECOND), /no chain alliance: run/)
    // Its port is free again, and somebody else takes it.
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(portOf(listen), '127.0.0.1', resolve))
    assert.match(await complaint('chain', 'add', SECOND, '--listen', listen), /in use/)
    await new Promise((resolve) => server.close(resolve))
    assert.equal(Object.keys(settings()), [LABEL, THIRD])
    assert.equal(await labelsOf(client), [LABEL, THIRD])
    await command('chain', 'add', SECOND, '--listen', listen, '--home', home)
    assert.equal(await labelsOf(client), [SECOND, LABEL, THIRD])
    assert.is((await client.call('status', {})).health, 'ok')
  }))

test('without a daemon the settings change, and the next start follows them', async () => {
  await command('chain', 'remove', THIRD, '--home', home)
  await whileRunning(async (client) => {
    assert.equal(await labelsOf(client), [SECOND, LABEL])
    assert.equal(await verified(), { [SECOND]: true, [LABEL]: true })
  })
  assert.equal(await verified(), { [SECOND]: true, [LABEL]: true }, 'and on the disk of the stopped home')
})

test('a chain that has lost its vote journal is read and not written, and the other goes on', async () => {
  await rm(homePaths(home).chain(SECOND).votes, { recursive: true })
  await whileRunning(async (client) => {
    assert.equal(await labelsOf(client), [SECOND, LABEL])
    const { problems, chains } = await client.call('status', {})
    assert.equal(
      problems.map(({ chain, code, severity }) => [chain, code, severity]),
      [[SECOND, 'journal-lost', 'fail']]
    )
    assert.equal(
      chains.map(({ voting }) => voting.state),
      ['waiting', 'voting']
    )
  })
})

test('where none can be opened the daemon does not start', async () => {
  for (const label of [SECOND, LABEL]) await truncate(join(homePaths(home).chain(label).store, 'CURRENT'), 0)
  const { code, said } = await failure(home)
  assert.is(code, 1)
  assert.match(said, /^wardlined: .* \(store-corrupt\)$/)
})

test.run()
