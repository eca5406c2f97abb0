import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import type { OpenFeed } from '@wardline/api'
import { ApiError } from '@wardline/api'
import { type ChainId, type Digest, height, type MemberId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from '../fixture.ts'

const test = suite('wardline/commands/follow')

const { folder, run, remove } = createRunner()
test.after(remove)

const chain = 'cc'.repeat(32) as ChainId
const block = {
  digest: 'dd'.repeat(32) as Digest,
  parent: 'ee'.repeat(32) as Digest,
  epoch: 1,
  view: 2,
  timeMs: 1_700_000_000_000,
  proposer: { member: 'aa'.repeat(32) as MemberId, name: 'Alder' },
  transactions: 3
}

/** Blocks up to height `last`, then silence. */
function blocksTo(last: number): OpenFeed {
  return async ({ topic, from = height(0) }, { signal }) => {
    if (topic !== 'blocks') throw new ApiError('wrong-mode', 'this needs another chain')
    async function* notices() {
      for (let at = from + 1; at <= last; at++) yield { height: height(at), events: [block] }
      await new Promise<void>((done) => signal?.addEventListener('abort', () => done()))
    }
    return { chain, height: from, notices: notices() }
  }
}

/** Runs it until it has written as many lines as `lines` says, one number after the other, with `between` after each but the last. */
async function followed(args: readonly string[], lines: readonly number[], between = async () => {}) {
  const main = resolve(import.meta.dirname, '../../src/main.ts')
  const child = spawn(process.execPath, [main, 'follow', ...args], {
    env: { PATH: process.env['PATH'], HOME: folder, WARDLINE_RUN_FOLDER: folder },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let out = ''
  let err = ''
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  const ended = new Promise<number | null>((done) => child.on('close', done))
  for (const [index, count] of lines.entries()) {
    if (index > 0) await between()
    while (out.split('\n').length <= count && child.exitCode === null) await new Promise((done) => setTimeout(done, 20))
  }
  child.kill('SIGINT')
  return { exit: await ended, lines: out.split('\n').slice(0, -1), err }
}

test('one line for each event, data on standard output only, and an interrupt is no error', async () => {
  const server = await serveFake(folder, {}, blocksTo(3))
  const { exit, lines, err } = await followed(['blocks', '--from', '1'], [2])
  await server.close()
  assert.is(exit, 0)
  assert.equal(lines, [
    '       2  2023-11-14T22:13:20Z  dddddddddddd  3 transactions  by Alder',
    '       3  2023-11-14T22:13:20Z  dddddddddddd  3 transactions  by Alder'
  ])
  assert.match(err, /^Following blocks above height 1\.\n$/)
})

test('with --json a line is a height; after a restart of the daemon it goes on above the last', async () => {
  let server = await serveFake(folder, {}, blocksTo(2))
  const { exit, lines, err } = await followed(['blocks', '--from', '0', '--json'], [2, 4], async () => {
    await server.close()
    server = await serveFake(folder, {}, blocksTo(4))
  })
  await server.close()
  assert.is(exit, 0)
  assert.equal(
    lines.map((line) => JSON.parse(line)),
    [1, 2, 3, 4].map((at) => ({ height: at, events: [block] }))
  )
  assert.match(err, /trying again\.\nFollowing blocks above height 2\.\n$/)
})

test('what cannot be followed, and why', async () => {
  assert.is((await run(['follow', 'patients'])).exit, 2)
  assert.is((await run(['follow', 'blocks', '--from', 'x'])).exit, 2)
  const env = { WARDLINE_RUN_FOLDER: folder }
  assert.is((await run(['follow', 'blocks'], { env })).exit, 3)
  const server = await serveFake(folder, {}, blocksTo(0))
  const { exit, out, err } = await run(['--json', 'follow', 'handoffs'], { env })
  await server.close()
  assert.is(exit, 1)
  assert.is(out, '')
  assert.is(JSON.parse(err).error.code, 'wrong-mode')
})

test.run()
