/**
 * Real daemons whose validators change while they run, by the operator's command line: four hospitals and a fifth that
 * follows, is added and votes; one that is removed and votes no more; one that is away across two epochs.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TransactionId } from '@wardline/codec'
import { verifyReceipt } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { freePort } from '../../../test/free-port.ts'
import { startDaemon } from '../src/local-network/daemon.ts'
import { restartSite, type Site } from '../src/local-network/network.ts'
import { askWardline, runWardline } from '../src/local-network/wardline.ts'
import {
  assertNoDoubleVote,
  base64,
  journalOf,
  LABEL,
  memberOf,
  type Network,
  startFour,
  until,
  untilEqualHeads
} from './e2e-network.ts'

const test = suite('simulator/e2e-epochs')

let network: Network
/** The four founders, and the fifth behind them. */
let sites: Site[]
const at = (index: number): Site => sites[index] as Site

test.before(async () => {
  network = await startFour()
  sites = [...network.sites, await admit('Epsilon')]
})

test.after(async () => {
  await Promise.all(sites.map(({ daemon }) => daemon.stop()))
  await network.remove()
})

/** A hospital that the registrar, the first founder, registers, and whose daemon follows. */
async function admit(name: string): Promise<Site> {
  const home = join(network.folder, name.toLowerCase())
  const card = join(network.folder, `${name}.card`)
  await runWardline(home, ['init', `--name=${name}`])
  const to = ['--chain-id', network.chain, '--registered-by', memberOf(network.sites[0] as Site)]
  const listen = `/ip4/127.0.0.1/tcp/${await freePort()}`
  await runWardline(home, ['id', 'export', '--chain', LABEL, '--listen', listen, ...to, '--out', card])
  await runWardline((network.sites[0] as Site).home, ['member', 'register', card, '--role', 'hospital'])
  await runWardline(home, ['genesis', 'install', network.genesisFile])
  const daemon = await startDaemon(home)
  const { chains } = await daemon.until(({ chains }) => (chains[0]?.peers.connected.length ?? 0) >= 4, 120_000)
  const member = chains[0]?.member
  if (member === undefined) throw new Error('the fifth hospital takes part')
  return { name, home, members: new Map([[LABEL, member]]), daemon }
}

let changes = 0

/** Drafts at `by`, has `approvers` review and approve, and submits. The files are what hospitals would send each other. */
async function change(by: Site, args: readonly string[], approvers: readonly Site[]): Promise<void> {
  changes += 1
  const draft = join(network.folder, `${changes}.change`)
  await runWardline(by.home, ['validator', 'propose', ...args, '--out', draft])
  await untilEqualHeads(running())
  const approvals = await Promise.all(
    approvers.map(async ({ home, name }) => {
      const out = join(network.folder, `${changes}.${name}.approval`)
      await runWardline(home, ['validator', 'approve', draft, '--out', out])
      return out
    })
  )
  await runWardline(by.home, ['validator', 'submit', draft, ...approvals])
}

const running = (): Site[] => sites.filter(({ daemon }) => daemon.end() === null)

async function untilEpoch(epoch: number): Promise<void> {
  await until(`all that run are in epoch ${epoch}`, async () => {
    const statuses = await Promise.all(running().map(({ daemon }) => daemon.admin.call('status', {})))
    return statuses.every(({ chains }) => chains[0]?.epoch === epoch)
  })
}

async function send(from: Site, to: Site): Promise<TransactionId> {
  const sent = await from.daemon.ehr.call('record.send', { to: [memberOf(to)], content: base64('a record') })
  assert.is(sent.state, 'committed')
  return sent.id
}

/** Who signed the finalization that covers the transaction. */
async function signersOf(site: Site, id: TransactionId): Promise<readonly string[]> {
  await untilEqualHeads(running())
  const { height } = await site.daemon.admin.call('tx.get', { id })
  assert.type(height, 'number')
  const { certificate } = await site.daemon.admin.call('chain.block', height === null ? {} : { height })
  return certificate?.signers.map(({ member }) => member) ?? []
}

test('a follower is added and votes within the epoch: with one of the others away it is needed', async () => {
  await change(at(4), ['add'], sites.slice(0, 3))
  await untilEpoch(1)
  await at(1).daemon.stop()
  const id = await send(at(0), at(4))
  assert.ok((await signersOf(at(0), id)).includes(memberOf(at(4))))
  await restartSite(at(1))
  const listed = await runWardline(at(4).home, ['validator', 'list'])
  assert.match(
    listed,
    /Epoch 1\. Every block needs 4 of 5 validators\. It goes on while one is away, and cannot fork while no more than one lies\./
  )
})

test('a vote key is replaced without a restart, while one daemon is away', async () => {
  await at(1).daemon.stop()
  await change(at(4), ['rotate'], [at(0), at(2), at(3), at(4)])
  await untilEpoch(2)
  const id = await send(at(0), at(4))
  assert.ok((await signersOf(at(0), id)).includes(memberOf(at(4))))
})

test('one is removed, its votes count nowhere, and the chain goes on without it', async () => {
  const [first, away, removed] = sites as [Site, Site, Site]
  assert.is(away.daemon.end() === null, false)
  const refused = await askWardline(first.home, ['member', 'revoke', 'Gamma'])
  assert.match(refused.talk, /removed from the validator set before it is revoked/)
  await change(first, ['remove', '--member', 'Gamma'], [first, removed, at(3), at(4)])
  await untilEpoch(3)
  const id = await send(removed, first)
  assert.not.ok((await signersOf(first, id)).includes(memberOf(removed)))
  await removed.daemon.stop()
  await send(first, at(3))
})

test('a daemon that was away across two epochs catches up, and its receipt verifies with the genesis alone', async () => {
  await restartAlone(at(1))
  await untilEpoch(3)
  const id = await send(at(1), at(0))
  assert.ok((await signersOf(at(1), id)).length >= 3)
  const receipt = join(network.folder, 'late.receipt')
  const { receipt: text } = await at(1).daemon.admin.call('tx.get', { id, receipt: true })
  const verdict = verifyReceipt(text ?? '', network.genesis)
  assert.is(verdict.kind, 'verified')
  await writeFile(receipt, `${text ?? ''}\n`)
  const verified = await askWardline(at(1).home, ['verify', receipt, '--genesis', network.genesisFile])
  assert.is(verified.exit, 0)
  assert.match(text ?? '', /^\{"v":2,/)
  assert.is((await at(1).daemon.admin.call('chain.verify', {})).ok, true)
})

test('nobody signed twice in a view of any epoch', async () => {
  await Promise.all(sites.map(({ daemon }) => daemon.stop()))
  for (const { home } of sites) assertNoDoubleVote(await journalOf(home))
})

/** Not all others run. */
async function restartAlone(site: Site): Promise<void> {
  site.daemon = await startDaemon(site.home)
  await site.daemon.until(({ chains }) => (chains[0]?.peers.connected.length ?? 0) >= 3, 120_000)
}

test.run()
