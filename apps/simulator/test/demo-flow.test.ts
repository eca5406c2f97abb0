/** The demo as a user runs it: four real daemons on three chains, founded, replayed, lied to, stopped and verified. */
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { verifyReceiptFile } from '@wardline/client'
import { homePaths, socketPaths } from '@wardline/config'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DemoResult } from '../src/demo/run.ts'
import { assertNoDoubleVote, journalOf } from './e2e-network.ts'

const test = suite('simulator/demo-flow')

const PROGRAM = fileURLToPath(new URL('../src/demo-command.ts', import.meta.url))

/** Of seed 1 with three patients. */
const VISITS = 25

const scratch = await mkdtemp(join(tmpdir(), 'wl-flow-'))
const folder = join(scratch, 'demo')
test.after(() => rm(scratch, { recursive: true, force: true }))

type Run = { readonly exit: number | null; readonly output: string; readonly talk: string }

async function demo(args: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let talk = ''
  child.stdout.on('data', (part) => {
    output += part
  })
  child.stderr.on('data', (part) => {
    talk += part
  })
  const exit = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { exit, output, talk }
}

let run: Run
let result: DemoResult
let homes: readonly string[]

test.before(async () => {
  run = await demo(['--ci', '--json', '--patients', '3', '--data', folder])
  result = JSON.parse(run.output.trimEnd().split('\n').at(-1) ?? '') as DemoResult
  const entries = await readdir(folder, { withFileTypes: true })
  homes = entries
    .filter((entry) => entry.isDirectory() && entry.name !== 'ceremony')
    .map(({ name }) => join(folder, name))
})

test('it ends well, and says so in one JSON object with these fields', () => {
  assert.is(run.exit, 0, run.talk.split('\n').slice(-12).join('\n'))
  assert.is(result.ok, true)
  assert.is(run.output.trimEnd().split('\n').length, 1)
  assert.equal(Object.keys(result), [
    'ok',
    'hospitals',
    'seconds',
    'chains',
    'records',
    'anchors',
    'organisationChanges',
    'transmissions',
    'acknowledged',
    'forged',
    'access',
    'graph',
    'sample'
  ])
})

test('every visit is shared and anchored, and every planned hand-off happened and was acknowledged', () => {
  assert.is(result.hospitals, 4)
  // What `planJourneys` makes of seed 1 with three patients.
  assert.is(result.records, VISITS)
  assert.is(result.anchors, VISITS)
  assert.is(result.organisationChanges, 13)
  assert.is(result.transmissions, 30)
  assert.is(result.acknowledged, 30)
  assert.ok(result.graph.edges >= 3)
  assert.is(result.graph.holders, 4)
})

test('four hospitals are at one head of each chain', () => {
  assert.equal(
    result.chains.map(({ label, mode }) => [label, mode]),
    [
      ['alliance', 'dss'],
      ['transfers', 'stt'],
      ['permissions', 'spv']
    ]
  )
  assert.is(new Set(result.chains.map(({ chainId }) => chainId)).size, 3)
  for (const { heads } of result.chains) {
    assert.is(heads.length, 4)
    assert.is(new Set(heads).size, 1)
  }
  const [alliance = 0, transfers = 0, permissions = 0] = result.chains.map(({ transactions }) => transactions)
  // Beside the records: doctors and three patients. Beside the anchors: aliases, a grant, two entries about requests.
  assert.ok(alliance > VISITS + 3)
  // Each transmission, and acknowledgements, several of which one transaction may hold.
  assert.ok(transfers > result.transmissions)
  assert.ok(permissions >= VISITS + 3 + 3)
})

test('who has no grant is refused and gets no byte; who has one is let in', () => {
  assert.equal(result.access, { permitted: 1, denied: 2, deniedBytes: 0 })
})

test('both forgeries were refused by the rule of holdership', () => {
  assert.equal(result.forged, { attempted: 2, refused: 2, code: 'not-a-holder' })
})

test('the receipt proves its transmission to who has nothing but the genesis', async () => {
  const { receipt, genesis } = result.sample
  assert.is((await verifyReceiptFile(receipt, genesis)).kind, 'verified')
})

test('the hospital whose keys were misused never signed two blocks in a view', async () => {
  const refusals = await Promise.all(homes.map(refusedViews))
  const culprit = homes[refusals.findIndex((views) => views.length === 0)]
  assert.is(refusals.filter((views) => views.length > 0).length, 3)
  const entries = await journalOf(culprit as string)
  const proposed = entries.flatMap((entry) => (entry.kind === 'proposed' ? [Number(entry.proposal.header.view)] : []))
  const refused = new Set(refusals.flat())
  // Its journal, which the daemon went on with, knows of the block that the others refused.
  assert.ok([...refused].every((view) => proposed.includes(view)))
  for (const home of homes) assertNoDoubleVote(await journalOf(home))
})

test('nothing runs any more, and no home is open to others', async () => {
  for (const home of homes) {
    for (const socket of Object.values(socketPaths(homePaths(home).run))) {
      assert.is(
        await stat(socket).then(
          () => 'there',
          ({ code }: NodeJS.ErrnoException) => code
        ),
        'ENOENT'
      )
    }
    assert.is((await stat(home)).mode & 0o077, 0)
  }
})

test('logs hold no record', async () => {
  for (const home of homes) {
    assert.not.match(await readFile(join(home, 'daemon.log'), 'utf8'), /resourceType|Encounter|Patient/)
  }
})

test('a folder in use is refused in one sentence', async () => {
  const again = await demo(['--ci', '--data', folder])
  assert.is(again.exit, 2)
  assert.match(again.talk, /^demo: The folder .* is not empty[^\n]*\n$/)
})

async function refusedViews(home: string): Promise<number[]> {
  const lines = (await readFile(join(home, 'daemon.log'), 'utf8')).split('\n').filter((line) => line.startsWith('{'))
  return lines
    .map((line) => JSON.parse(line) as { message: string; view: number; code?: string })
    .filter(({ message, code }) => message === 'a proposal breaks a rule' && code === 'not-a-holder')
    .map(({ view }) => view)
}

test.run()
