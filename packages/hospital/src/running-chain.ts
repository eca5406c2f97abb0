/** Opens one chain of this hospital and everything that works on it; ends it again without touching another chain. */
import { type MemberId, unreachable, WardlineError } from '@wardline/codec'
import { crashesTolerated, faultsTolerated, quorum } from '@wardline/consensus'
import { createSigner, createVoteSigner, type Envelopes, envelopes, type Verifier } from '@wardline/crypto'
import { createCustodyFold } from '@wardline/custody'
import { type Fold, type Mode, memberIdOf, namesOf, readValidators } from '@wardline/ledger'
import { type Chain, type ChainParts, openChain } from '@wardline/node'
import type { Clock, KeySet, Log, LogFields, Random } from '@wardline/ports'
import { accessFold, dutiesFold, timelineFold } from '@wardline/views'
import type { AuditBook } from './audit.ts'
import { type ChainSetup, closeSetup } from './chain-setup.ts'
import { openConsents } from './consents.ts'
import { openQuarantine } from './dss/quarantine.ts'
import { type Duties, startDuties } from './duties.ts'
import { type Erasures, startErasures } from './erasures.ts'
import { type Exchange, startExchange } from './exchange/exchange.ts'
import type { Membership } from './membership.ts'
import { openOwnSeals } from './own-seals.ts'
import { createPatients } from './patients.ts'
import { openPersons } from './persons.ts'
import { createVaultIndex } from './vault-index.ts'
import { startWitness } from './witness.ts'

export type RunningChain = {
  readonly member: Membership
  readonly duties: Duties
  /** Of an STT chain; null on others. */
  readonly erasures: Erasures | null
  /** Of an SPV chain; null on others. */
  readonly exchange: Exchange | null
  /** Ends calls that wait, then duties, then the chain; closes what it was opened with. */
  stop(): Promise<void>
}

export type RunningChainParts = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly verifier: Verifier
  /** Those of `crypto` unless given. */
  readonly envelopes?: Envelopes
  readonly peerNameOf: ChainParts['peerNameOf']
  /** This hospital's own display name. */
  readonly name: string
  /** Where releases of records are written down. */
  readonly book: AuditBook
  /** The chain cannot go on: a disk failed or a rule of our own was broken. */
  readonly onFailure: (error: unknown) => void
}

/** @throws WardlineError `keys-incomplete`, or why the chain cannot be opened (see `openChain`); the setup is closed then */
export async function startChain(setup: ChainSetup, parts: RunningChainParts): Promise<RunningChain> {
  let chain: Chain | undefined
  try {
    chain = await open(setup, parts)
    return await takePart(chain, setup, parts)
  } catch (error) {
    await chain?.stop()
    await closeSetup(setup)
    throw error
  }
}

function open(setup: ChainSetup, parts: RunningChainParts): Promise<Chain> {
  const { label, genesis, keys, voteKeys, store, voteMarks, journal, network, recordKeys } = setup
  const { isRestored = false, pin = null } = setup
  const { clock, verifier, peerNameOf, onFailure } = parts
  const self = memberIdOf(createSigner(secret(keys, 'sign', label)).publicKey)
  return openChain({
    genesis,
    self,
    voteSigners: async () => (await voteKeys.all()).map(createVoteSigner),
    store,
    voteMarks,
    recordKeys,
    journal,
    isRestored,
    pin,
    network,
    clock,
    verifier,
    log: parts.log.with({ chain: label }),
    folds: foldsOf(genesis.mode, self),
    peerNameOf,
    onFailure
  })
}

/** What this hospital does on a chain that is open. */
async function takePart(chain: Chain, setup: ChainSetup, parts: RunningChainParts): Promise<RunningChain> {
  const { label, genesis, keys, voteKeys, sealKeys, network, vault } = setup
  const { clock, random, verifier } = parts
  const { openerOf, seal } = parts.envelopes ?? envelopes
  const { self } = chain
  const log = parts.log.with({ chain: label })
  // A hospital that was admitted later is in no genesis; its own name it knows from its settings.
  const publicNames = new Map([[self, parts.name], ...namesOf(genesis)])
  const names = new Map(publicNames)
  const index = createVaultIndex(vault, random)
  const persons = await openPersons({ vault, index, random, log, names })
  const scope = genesis.mode === 'DSS' ? 'alliance' : self
  const ownSeals = await openOwnSeals(sealKeys, { label, openerOf })
  const leaving = new AbortController()
  const quarantine = await openQuarantine({ chain, clock, log, fail: parts.onFailure })
  const member: Membership = {
    label,
    chain,
    signer: createSigner(secret(keys, 'sign', label)),
    voteKeys,
    ownSeals,
    seal,
    verifier,
    clock,
    random,
    log,
    names,
    publicNames,
    quarantine,
    patients: createPatients({ vault, index, random, chain: chain.id, scope }),
    persons,
    consents: await openConsents({ vault, log }),
    left: leaving.signal
  }
  const duties = startDuties({
    member,
    acknowledge: setup.acknowledge ?? 'auto',
    onPeer: (run) => network.onPeer(run),
    onFailure: parts.onFailure
  })
  const erasures = genesis.mode === 'STT' ? startErasures(member, parts.onFailure) : null
  const witness = startWitness(member, parts.onFailure)
  const exchange =
    genesis.mode === 'SPV'
      ? startExchange({ member, network, vault, book: parts.book, onFailure: parts.onFailure })
      : null
  log.info('opened a chain', validatorFacts(chain))
  const unwatch = tellOfEpochs(chain, log)
  return {
    member,
    duties,
    erasures,
    exchange,
    async stop() {
      leaving.abort()
      unwatch()
      duties.stop()
      erasures?.stop()
      witness.stop()
      quarantine.stop()
      await exchange?.toldOfAll()
      await chain.stop()
      await closeSetup(setup)
    }
  }
}

/** What is derived from the blocks of a chain, beside its state. */
function foldsOf(mode: Mode, self: MemberId): readonly Fold[] {
  switch (mode) {
    case 'STT':
      return [createCustodyFold(), dutiesFold(self)]
    case 'DSS':
      return [timelineFold]
    case 'SPV':
      return [accessFold]
    default:
      return unreachable(mode)
  }
}

/** Says what the chain stands whenever its validators have changed. */
function tellOfEpochs(chain: Chain, log: Log): () => void {
  let { epoch } = readValidators(chain.state)
  return chain.onCommit(() => {
    const { epoch: now } = readValidators(chain.state)
    if (now === epoch) return
    epoch = now
    log.info('the validators have changed', validatorFacts(chain))
  })
}

function validatorFacts({ state, self }: Chain): LogFields {
  const { epoch, members } = readValidators(state)
  return { epoch, validators: members.length, votes: members.includes(self), tolerance: toleranceOf(members.length) }
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
