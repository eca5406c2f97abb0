/** One hospital's daemon across its chains: opens them, works off their duties, answers the method table. */
import type { Api } from '@wardline/api'
import { WardlineError } from '@wardline/codec'
import { crashesTolerated, faultsTolerated, quorum } from '@wardline/consensus'
import { createOpener, createSigner, createVoteSigner, type Verifier } from '@wardline/crypto'
import { custodyFold } from '@wardline/custody'
import { cardMember, type Genesis, memberIdOf } from '@wardline/ledger'
import { type ChainParts, openChain } from '@wardline/node'
import type { Clock, Journal, KeySet, KeyValueStore, LineLog, Log, Network, Random, VoteMarks } from '@wardline/ports'
import { dutiesFold } from '@wardline/views'
import { chainVerify } from './api/chain-verify.ts'
import { chainMethods } from './api/chains.ts'
import { chainIfNamed } from './api/lookup.ts'
import { memberMethods } from './api/members.ts'
import { recordMethods } from './api/records.ts'
import { type Facts, type Failed, type Running, statusMethods } from './api/status.ts'
import { type Audit, auditApi } from './audit.ts'
import { startDuties } from './duties.ts'
import { type Membership, namesOf } from './membership.ts'

/** What one chain needs of the world. The hospital closes them. */
export type ChainSetup = {
  readonly label: string
  readonly genesis: Genesis
  /** `sign`, `vote`, `host` and `seal`, 32 bytes each. */
  readonly keys: KeySet
  /** Kept with the keys, apart from store and journal; null where nothing is. */
  readonly voteMarks: VoteMarks | null
  readonly store: KeyValueStore
  readonly journal: Journal
  readonly network: Network
}

export type HospitalParts = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly verifier: Verifier
  readonly peerNameOf: ChainParts['peerNameOf']
  readonly facts: Facts
  /** The local log of audited calls; closed by who opened it, after `stop`. */
  readonly audit: LineLog
  /** Something that must not go on: a disk failed or a rule of our own was broken. The daemon should end. */
  readonly onFailure: (error: unknown) => void
}

export type Hospital = {
  readonly api: Api
  stop(): Promise<void>
}

/**
 * Opens the chains; if one cannot be, none stays open.
 * @throws WardlineError `keys-incomplete | audit-log-unreadable`, or why a chain cannot be opened (see `openChain`)
 */
export async function openHospital(setups: readonly ChainSetup[], parts: HospitalParts): Promise<Hospital> {
  const running: Running[] = []
  const failed: Failed[] = []
  async function stop(): Promise<void> {
    for (const { duties } of running) duties.stop()
    await Promise.all(running.map(({ member }) => member.chain.stop()))
  }
  try {
    for (const setup of setups) running.push(await join(setup, parts, failed))
    const memberships = running.map(({ member }) => member)
    const api: Api = {
      ...statusMethods(running, () => [...failed, ...auditFailure(audit)], parts.facts),
      ...memberMethods(memberships),
      ...recordMethods(memberships),
      ...chainMethods(memberships),
      ...chainVerify(memberships)
    }
    const audit = auditApi(api, parts.audit, parts.clock, (name) => chainIfNamed(memberships, name)?.chain.id)
    return { api: audit.api, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function auditFailure(audit: Audit): Failed[] {
  const code = audit.failure()
  const problem = 'The audit log cannot be written: no call that belongs into it is answered.'
  const remedy = 'See whether the disk is full, then start the daemon again.'
  return code === undefined ? [] : [{ label: null, code, problem, remedy }]
}

async function join(setup: ChainSetup, parts: HospitalParts, failed: Failed[]): Promise<Running> {
  const { label, genesis, keys } = setup
  const { clock, random, verifier } = parts
  const log = parts.log.with({ chain: label })
  const signer = createSigner(secret(keys, 'sign', label))
  const self = memberIdOf(signer.publicKey)
  const founder = genesis.founders.find((card) => cardMember(card) === self)
  const fail = (error: unknown) => {
    const code = error instanceof WardlineError ? error.code : 'bug'
    const problem =
      error instanceof WardlineError ? error.message : 'The chain stopped because of an error in this program.'
    const remedy = 'Read the log of the daemon; nothing is written to this chain until it is started again.'
    failed.push({ label, code, problem, remedy })
    parts.onFailure(error)
  }
  const chain = await openChain({
    genesis,
    self,
    voteSigner: founder === undefined ? null : createVoteSigner(secret(keys, 'vote', label)),
    store: setup.store,
    voteMarks: setup.voteMarks,
    journal: setup.journal,
    network: setup.network,
    clock,
    verifier,
    log,
    folds: [custodyFold, dutiesFold(self)],
    peerNameOf: parts.peerNameOf,
    onFailure: fail
  })
  const opener = createOpener(secret(keys, 'seal', label))
  // A hospital that was admitted later is in no genesis; its own name it knows from its settings.
  const names = new Map([[self, parts.facts.name], ...namesOf(genesis)])
  log.info('opened a chain', { validators: genesis.founders.length, tolerance: toleranceOf(genesis.founders.length) })
  const member: Membership = { label, chain, signer, opener, verifier, clock, random, log, names }
  return { member, duties: startDuties(member, (run) => setup.network.onPeer(run), fail) }
}

/** What this many validators stand, in the words of the genesis review. */
function toleranceOf(validators: number): string {
  const crashes = crashesTolerated(validators)
  const liars = faultsTolerated(validators)
  return `every block needs ${quorum(validators)} of ${validators}; it goes on while ${crashes} are away, and cannot fork while ${liars} lie`
}

function secret(keys: KeySet, use: string, label: string): Uint8Array {
  const key = keys[use]
  if (key === undefined)
    throw new WardlineError(
      'keys-incomplete',
      `the keys of chain ${label} have no ${use} key; run "wardline id export"`
    )
  return key
}
