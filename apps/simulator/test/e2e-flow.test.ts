/** The flow as four hospitals' people go through it: the ceremony, a record's way, its proof, and the check of every disk. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest, RecordId, TransactionId } from '@wardline/codec'
import { homePaths } from '@wardline/config'
import { verifyAuditLog } from '@wardline/hospital'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { askWardline, runWardline } from '../src/local-network/wardline.ts'
import {
  assertNoDoubleVote,
  journalOf,
  memberOf,
  NAMES,
  type Network,
  startFour,
  untilEqualHeads,
  untilState
} from './e2e-network.ts'

const test = suite('simulator/e2e-flow')

let network: Network
test.before(async () => {
  network = await startFour()
})
test.after(() => network.remove())

const at = (index: number) => network.sites[index] as Network['sites'][number]
const file = (name: string) => join(network.folder, name)

/** `wardline --json …` in the home of a hospital. */
async function ask<T>(index: number, ...args: readonly string[]): Promise<T> {
  return JSON.parse(await runWardline(at(index).home, ['--json', ...args])) as T
}

type Sent = { readonly id: TransactionId; readonly record: RecordId; readonly height: number }

const bytes = Buffer.from([...Array(256).keys(), 0x0d, 0x0a])
let first: Sent
let head: Digest

test('a record goes from the first hospital to the fourth, and is the same bytes everywhere', async () => {
  await writeFile(file('record.bin'), bytes)
  const receipt = file('receipt.json')
  first = await ask<Sent>(0, 'record', 'send', file('record.bin'), '--to', 'Beta', '--receipt', receipt)
  const second = await ask<Sent>(1, 'record', 'send', '--via', first.id, '--to', 'Gamma', '--to', 'Delta')
  for (const index of [2, 3]) await untilState(at(0).daemon, second, memberOf(at(index)), 'opened')
  await untilEqualHeads(network.sites)
  for (const index of [0, 1, 2, 3]) {
    await runWardline(at(index).home, ['record', 'open', first.record, '--out', file(`opened-${index}`)])
    assert.ok((await readFile(file(`opened-${index}`))).equals(bytes))
  }
})

test('its graph is the same at every hospital', async () => {
  await untilEqualHeads(network.sites)
  type Trace = { readonly edges: readonly { from: { name: string }; to: { name: string }; state: string }[] }
  const traces = await Promise.all(NAMES.map((_, index) => ask<Trace>(index, 'record', 'trace', first.record)))
  for (const { edges } of traces) {
    assert.equal(edges.map(({ from, to, state }) => `${from.name} ${to.name} ${state}`).sort(), [
      'Alpha Beta opened',
      'Beta Delta opened',
      'Beta Gamma opened'
    ])
  }
})

test('the receipt verifies offline, by genesis alone and with a pinned head; altered it does not', async () => {
  const nowhere = file('no-home')
  const verify = (receipt: string, ...more: readonly string[]) =>
    askWardline(nowhere, ['verify', receipt, '--genesis', network.genesisFile, ...more])
  assert.is((await verify(file('receipt.json'))).exit, 0)
  const block = await ask<{ digest: string }>(2, 'chain', 'block', String(first.height))
  assert.is((await verify(file('receipt.json'), '--pin', `${first.height}:${block.digest}`)).exit, 0)
  assert.is((await verify(file('receipt.json'), '--pin', `${first.height}:${'ab'.repeat(32)}`)).exit, 4)
  const text = await readFile(file('receipt.json'), 'utf8')
  // Some hex digit of what was signed.
  const place = text.search(/[0-9a-f]{200}/) + 100
  const altered = `${text.slice(0, place)}${text[place] === '0' ? '1' : '0'}${text.slice(place + 1)}`
  await writeFile(file('altered.json'), altered)
  assert.is((await verify(file('altered.json'))).exit, 4)
  await writeFile(file('cut.json'), text.slice(0, -20))
  assert.is((await verify(file('cut.json'))).exit, 4)
})

test('the running daemons verify their chains', async () => {
  head = await untilEqualHeads(network.sites)
  for (const index of [0, 1, 2, 3]) {
    const verified = await ask<{ ok: boolean; head: string; fault: null }>(index, 'chain', 'verify')
    assert.equal([verified.ok, verified.head, verified.fault], [true, head, null])
  }
})

test('the stopped homes verify to the same head; audit logs are whole; nobody voted twice', async () => {
  await network.stop()
  for (const index of [0, 1, 2, 3]) {
    const { home } = at(index)
    const verified = await ask<{ ok: boolean; head: string }>(index, 'chain', 'verify')
    assert.equal([verified.ok, verified.head], [true, head])
    const log = await readFile(homePaths(home).audit, 'utf8')
    const verdict = await verifyAuditLog(log.split('\n').slice(0, -1))
    assert.is(verdict.kind, 'verified')
    assertNoDoubleVote(await journalOf(home))
  }
  const log = await readFile(homePaths(at(0).home).audit, 'utf8')
  assert.ok(log.includes(first.id) && log.includes('"method":"record.send"') && log.includes('"method":"record.open"'))
})

test.run()
