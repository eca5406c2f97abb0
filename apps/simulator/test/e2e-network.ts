/** A local network of real daemons for one end-to-end test, and what can be asked of its disks once they have stopped. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ChainId,
  type Digest,
  type MemberId,
  type RecordId,
  type TransactionId,
  WardlineError
} from '@wardline/codec'
import { homePaths } from '@wardline/config'
import { headerDigest, type JournalEntry, scanJournal } from '@wardline/consensus'
import { chainIdOf, type Genesis, parseGenesis } from '@wardline/ledger'
import { openFileJournal } from '@wardline/store-level'
import * as assert from 'uvu/assert'
import { foundNetwork } from '../src/local-network/ceremony.ts'
import { stopChildren } from '../src/local-network/children.ts'
import type { Daemon } from '../src/local-network/daemon.ts'
import { memberOn, type Site, startNetwork, stopSites } from '../src/local-network/network.ts'

export const LABEL = 'transfers'
export const NAMES = ['Alpha', 'Beta', 'Gamma', 'Delta'] as const

export type Network = {
  readonly folder: string
  /** The file with the genesis. */
  readonly genesisFile: string
  readonly genesis: Genesis
  readonly chain: ChainId
  readonly sites: readonly Site[]
  stop(): Promise<void>
  /** Stops what still runs and removes all files. */
  remove(): Promise<void>
}

/** Four daemons, founded by the ceremony, all connected. */
export async function startFour(): Promise<Network> {
  const folder = await mkdtemp(join(tmpdir(), 'wl-e2e-'))
  const remove = async () => {
    await stopChildren(5_000)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const founders = NAMES.map((name) => ({ name, place: name.toLowerCase() }))
    const founded = await foundNetwork({ folder, chains: [{ label: LABEL, mode: 'stt' }], founders })
    const genesisFile = founded.chains[0]?.genesis ?? ''
    const parsed = parseGenesis(await readFile(genesisFile, 'utf8'))
    if (parsed.kind === 'failed') throw new TypeError('the ceremony gives a genesis')
    const { genesis } = parsed
    const sites = await startNetwork(founded, NAMES)
    const stop = () => stopSites(sites)
    return { folder, genesisFile, genesis, chain: chainIdOf(genesis), sites, stop, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** How long a test waits for what must come: what takes a second alone takes many on a machine that others use as well. */
const WAIT_MS_MAX = 120_000

export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + WAIT_MS_MAX
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`waited ${WAIT_MS_MAX} ms in vain until ${what}`)
    await pause(25)
  }
}

/** What a hospital is on the network's one chain. */
export function memberOf(site: Site): MemberId {
  return memberOn(site, LABEL)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** The stable code with which a call fails; `none` if it does not. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
    throw error
  }
  return 'none'
}

/** Waits until all are at one head and nothing is pending anywhere. */
export async function untilEqualHeads(sites: readonly Site[]): Promise<Digest> {
  let head: Digest | undefined
  await until('the heads are equal', async () => {
    const statuses = await Promise.all(sites.map(({ daemon }) => daemon.admin.call('status', {})))
    const chains = statuses.flatMap((status) => status.chains)
    head = chains[0]?.head
    return chains.every(
      (chain) => chain.head === head && chain.mempool.transactions === 0 && chain.duties.pending === 0
    )
  })
  return head as Digest
}

/** Waits until every daemon finds nothing to complain of. */
export async function untilWell(sites: readonly Site[]): Promise<void> {
  await until('all are well', async () => {
    const statuses = await Promise.all(sites.map(({ daemon }) => daemon.admin.call('status', {})))
    return statuses.every(({ health }) => health === 'ok')
  })
}

/** Waits until the hand-off has this state for `member`, as `daemon` sees it. */
export async function untilState(
  { admin }: Daemon,
  sent: { readonly record: RecordId; readonly id: TransactionId },
  member: MemberId,
  state: string
): Promise<void> {
  await until(`a hand-off is ${state}`, async () => {
    const traced = await admin.call('record.trace', { record: sent.record }).catch((error: { code: string }) => {
      if (error.code !== 'not-found') throw error
    })
    return (
      traced?.edges.some(
        (edge) => edge.transmission === sent.id && edge.to.member === member && edge.state === state
      ) ?? false
    )
  })
}

/** What a stopped daemon's vote journal says it signed. */
export async function journalOf(home: string): Promise<readonly JournalEntry[]> {
  const journal = await openFileJournal(homePaths(home).chain(LABEL).votes)
  const scan = scanJournal(await journal.read())
  await journal.close()
  if (scan.kind === 'lost') throw new WardlineError('journal-lost', scan.reason)
  return scan.entries
}

/** In no view of an epoch two blocks, nor a nullification and a finalization. */
export function assertNoDoubleVote(entries: readonly JournalEntry[]): void {
  const digests = new Map<string, Set<string>>()
  const nullified = new Set<string>()
  const finalized = new Set<string>()
  const sign = (view: string, digest: string) => digests.set(view, (digests.get(view) ?? new Set()).add(digest))
  for (const entry of entries) {
    if (entry.kind === 'proposed') {
      const { header, view } = entry.proposal
      sign(`${header.epoch}/${view}`, headerDigest(header))
    }
    if (entry.kind !== 'voted') continue
    const { kind, digest } = entry.vote
    const view = `${entry.vote.epoch}/${entry.vote.view}`
    if (kind === 'nullify') nullified.add(view)
    else sign(view, digest)
    if (kind === 'finalize') finalized.add(view)
  }
  assert.ok(digests.size > 0)
  for (const [view, signed] of digests) assert.is(signed.size, 1, `two blocks in view ${view}`)
  for (const view of finalized) assert.not(nullified.has(view), `view ${view} nullified and finalized`)
}
