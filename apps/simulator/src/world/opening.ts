/**
 * What a process opens on its chain: in the modes that only exchange transactions and payloads the chain alone, where its
 * clients write what hospitals would; on an SPV chain all that a hospital does on it, for the exchange of records is its.
 */
import { type MemberId, unreachable } from '@wardline/codec'
import { type Envelopes, envelopes, type Verifier } from '@wardline/crypto'
import { createCustodyFold } from '@wardline/custody'
import {
  type AuditBook,
  type ChainSetup,
  type Deadline,
  deadlineIn,
  type Exchange,
  startChain
} from '@wardline/hospital'
import type { Fold, Mode } from '@wardline/ledger'
import type { NodeProcess, World } from '@wardline/network-memory'
import { type Chain, openChain } from '@wardline/node'
import type { Journal, KeyValueStore, Log, Network, RecordKeys, Vault } from '@wardline/ports'
import type { MemoryDisk } from '@wardline/store-memory'
import { dutiesFold, timelineFold } from '@wardline/views'
import { type Cast, type Hospital, LABEL } from './cast.ts'
import type { VoteKey } from './vote-keys.ts'

export type Opened = {
  readonly chain: Chain
  /** On SPV chains. */
  readonly releases: Releases | null
  stop(): Promise<void>
}

/** The exchange of records, and how long one waits in it. */
export type Releases = Exchange & { deadline(timeoutMs: number): Deadline }

export type OpeningParts = {
  readonly world: World<MemoryDisk>
  readonly cast: Cast
  readonly self: Hospital
  /** Those that its hospital has at the moment of the call. */
  readonly voteKeys: () => readonly VoteKey[]
  readonly verifier: Verifier
  readonly process: NodeProcess<MemoryDisk>
  readonly store: KeyValueStore
  readonly journal: Journal
  readonly network: Network
  readonly recordKeys: RecordKeys
  readonly vault: Vault
  readonly log: Log
  readonly onFailure: (error: unknown) => void
}

export function openPart(parts: OpeningParts): Promise<Opened> {
  const { mode } = parts.cast.genesis
  return mode === 'SPV' ? openHospitalChain(parts) : openChainAlone(parts, mode)
}

async function openChainAlone(parts: OpeningParts, mode: Exclude<Mode, 'SPV'>): Promise<Opened> {
  const { cast, self, voteKeys, verifier, process, store, journal, network, recordKeys, log, onFailure } = parts
  const chain = await openChain({
    genesis: cast.genesis,
    self: self.member,
    voteSigners: async () => voteKeys().map(({ signer }) => signer),
    voteMarks: null,
    store,
    recordKeys,
    journal,
    network,
    clock: process.clock,
    verifier,
    log,
    folds: foldsOf(mode, self.member),
    peerNameOf: peerNames(cast),
    onFailure
  })
  return { chain, releases: null, stop: () => chain.stop() }
}

async function openHospitalChain(parts: OpeningParts): Promise<Opened> {
  const { world, cast, self, verifier, process, store, journal, network, recordKeys, vault, log, onFailure } = parts
  const { genesis } = cast
  const keyLine = (all: () => readonly Uint8Array[]): ChainSetup['voteKeys'] => ({
    all: async () => all(),
    make: () => Promise.reject(new Error('no key is made in this world'))
  })
  const lines = {
    voteKeys: keyLine(() => parts.voteKeys().map(({ secret }) => secret)),
    sealKeys: keyLine(() => (self.keys['seal'] === undefined ? [] : [self.keys['seal']]))
  }
  const running = await startChain(
    { label: LABEL, genesis, keys: self.keys, ...lines, voteMarks: null, store, journal, network, vault, recordKeys },
    {
      clock: process.clock,
      random: process.random,
      log,
      verifier,
      envelopes: trackedEnvelopes(world),
      peerNameOf: peerNames(cast),
      name: self.name,
      book: NO_BOOK,
      onFailure
    }
  )
  const { member, exchange } = running
  const deadline = (timeoutMs: number): Deadline => deadlineIn(member, timeoutMs, undefined)
  return { chain: member.chain, releases: exchange && { ...exchange, deadline }, stop: () => running.stop() }
}

/** Nobody reads what a hospital of this world has released. */
const NO_BOOK: AuditBook = { write: async () => {}, failure: () => undefined }

/** Sealing and opening are done by other threads, which the world waits for. */
function trackedEnvelopes(world: World<MemoryDisk>): Envelopes {
  return {
    seal: (...args) => world.track(envelopes.seal(...args)),
    openerOf(secret) {
      const opener = envelopes.openerOf(secret)
      return {
        publicKey: opener.publicKey,
        open: (...args) => world.track(opener.open(...args)),
        contentKey: (...args) => world.track(opener.contentKey(...args))
      }
    }
  }
}

function peerNames(cast: Cast): (host: string) => string {
  const names = new Map<string, string>(cast.hospitals.map((one) => [one.host, one.name]))
  return (host) => names.get(host) ?? `stranger ${host.slice(0, 8)}`
}

/** An SPV chain's is the hospital's to choose. */
function foldsOf(mode: Exclude<Mode, 'SPV'>, self: MemberId): readonly Fold[] {
  switch (mode) {
    case 'STT':
      return [createCustodyFold(), dutiesFold(self)]
    case 'DSS':
      return [timelineFold]
    default:
      return unreachable(mode)
  }
}
