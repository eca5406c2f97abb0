/** Everything one engine knows. Plain data; the other files of this folder change it, and only inside `step`. */
import type { Digest, Hash, Height, MemberId, View } from '@wardline/codec'
import { assert } from '@wardline/codec'
import type { Certificate } from '../certificate.ts'
import { genesisDigest, type Header } from '../header.ts'
import type { JournalEntry } from '../journal.ts'
import type { SigningBounds } from '../may-sign.ts'
import type { Message } from '../messages.ts'
import { EMPTY_ROOT, type Proposal } from '../proposal.ts'
import { faultsTolerated, quorum } from '../quorum.ts'
import { setHash } from '../validators.ts'
import type { Vote } from '../vote.ts'
import type { Engine, EngineConfig, Output, Recovered } from './interface.ts'
import { createVoter, type Voter } from './voter.ts'

export type State = {
  readonly config: EngineConfig
  /** Null for a node without a vote. */
  readonly voter: Voter | null
  readonly quorum: number
  readonly faults: number
  readonly setHash: Hash
  readonly selfIndex: number
  readonly indexes: ReadonlyMap<MemberId, number>
  /** Nothing is signed in views below; see `maySign`. */
  readonly noVoteBelow: View

  /** Null once started. */
  startup: { isEntryJournaled: boolean } | null
  nowMs: number
  outputs: Output[]
  floor: Floor
  current: Current

  /** Certificates above the floor, one per view; S1 says that a second notarization can not exist. */
  readonly notarizations: Map<View, Certificate>
  readonly nullifications: Map<View, Certificate>
  /** The newest finalization whose blocks are not all known yet. */
  pendingFinalization: Certificate | null
  /** Views whose notarization the journal holds. */
  readonly journaledNotarizations: Set<View>

  /** Headers above the floor that are known. */
  readonly blocks: Map<Digest, Header>
  /** Blocks that certificates name and that are unknown, with who should have them. */
  readonly wanted: Map<Digest, { readonly view: View; readonly from: readonly MemberId[] }>
  /** Notarized views above the floor whose block is not empty, or not known to be. */
  readonly fullViews: Set<View>
  /** The first proposal of each view. */
  readonly proposals: Map<View, ProposalSlot>
  /** This node's own proposal of the newest view in which it made one. */
  ownProposal: Proposal | null

  readonly tallies: Map<View, ViewTally>
  /** By signer index: what it claims beyond the next view. */
  readonly future: Map<number, Claim>

  hasTransactions: boolean
  /** Committed blocks whose synced write is not done, with their count. */
  readonly commitsPending: Map<Digest, number>

  /** By signer index: when it was last told what it misses. */
  readonly answeredAtMs: Map<number, number>
  /** By peer: the checks that it may still ask for. */
  readonly allowances: Map<string, Allowance>
  /** When to ask for catch-up because of `isFinalityFar`. */
  behindAtMs: number | null
  /** The newest finalization is too far from the known blocks to fetch what lies between one by one. */
  isFinalityFar: boolean
  fetchAtMs: number | null
  fetchDelayMs: number
  lastAttempt: number
  alarmMs: number | null
}

/** The last finalized block; genesis at first. */
export type Floor = {
  readonly view: View
  readonly height: Height
  readonly digest: Digest
  readonly timeMs: number
  readonly header: Header | null
  readonly certificate: Certificate | null
}

/** What is forgotten when the view changes. */
export type Current = {
  readonly view: View
  readonly certificate: Certificate | null
  enteredAtMs: number
  /** Nullified views directly before this one, as far as they matter for the timer. */
  readonly skippedBefore: number
  timerAtMs: number | null
  timerFired: boolean
  retryAtMs: number | null
  retryDelayMs: number
  hasProposal: boolean
  /** How often a member was sent this node's own proposal of this view again. */
  resends: number
  build: Build
}

export type Build =
  | { readonly kind: 'none' }
  | { readonly kind: 'asked'; readonly tip: Tip }
  /** There is no transaction to include, until more work arrives. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'done' }

/** The block that a proposal of the current view stands on, with its justification. */
export type Tip = {
  readonly digest: Digest
  readonly view: View
  readonly certificate: Certificate | null
  readonly skips: readonly Certificate[]
}

export type ProposalSlot = { readonly digest: Digest; state: 'checking' | 'valid' | 'invalid' | 'open' }

/** `attempt` is that of the copy last carried on, at `carriedAtMs`; -1 if the vote is known only from a certificate or a proposal. */
export type Heard = { readonly vote: Vote; attempt: number; carriedAtMs: number }

/** A signer's votes of the highest view that it claims, and when they may next be a reason to catch up. */
export type Claim = { view: View; votes: Vote[]; askAtMs: number; askDelayMs: number }

/** `proposals` are those left while this node is in `view`; the others fill up with time. */
export type Allowance = { atMs: number; certificates: number; futureVotes: number; view: View; proposals: number }

export type KindTally = { readonly bySigner: (Heard | undefined)[]; readonly counts: Map<Digest, number> }

export type ViewTally = { readonly notarize: KindTally; readonly nullify: KindTally; readonly finalize: KindTally }

export function createState(config: EngineConfig, recovered: Recovered): State {
  const { chain, set, self } = config
  const indexes = new Map(set.validators.map((validator, index) => [validator.member, index]))
  const selfIndex = self === null ? -1 : (indexes.get(self.member) ?? -1)
  assert(self === null || selfIndex >= 0, 'a voting member is in the validator set')
  assert(self === null || set.validators[selfIndex]?.key === self.signer.publicKey, 'the signing key is in the set')
  const floor = floorOf(config, recovered)
  return {
    config,
    voter: self === null ? null : createVoter(chain, self.member, self.signer),
    quorum: quorum(set.validators.length),
    faults: faultsTolerated(set.validators.length),
    setHash: setHash(set.validators),
    selfIndex,
    indexes,
    noVoteBelow: recovered.journal.reduce((view, entry) => {
      // Above the store's last block only if the store lost a write; what was signed in between is unknown.
      return entry.kind === 'pruned' && entry.view >= view ? ((entry.view + 1) as View) : view
    }, 0 as View),
    startup: { isEntryJournaled: false },
    nowMs: 0,
    outputs: [],
    floor,
    current: newCurrent((floor.view + 1) as View, floor.certificate, 0, 0, config.timing.retryMs),
    notarizations: new Map(),
    nullifications: new Map(),
    pendingFinalization: null,
    journaledNotarizations: new Set(),
    blocks: new Map(),
    wanted: new Map(),
    fullViews: new Set(),
    proposals: new Map(),
    ownProposal: null,
    tallies: new Map(),
    future: new Map(),
    hasTransactions: false,
    commitsPending: new Map(),
    answeredAtMs: new Map(),
    allowances: new Map(),
    behindAtMs: null,
    isFinalityFar: false,
    fetchAtMs: null,
    fetchDelayMs: config.timing.retryMs,
    lastAttempt: 0,
    alarmMs: null
  }
}

function floorOf(config: EngineConfig, recovered: Recovered): Floor {
  if (recovered.final === null) {
    return {
      view: 0 as View,
      height: 0 as Height,
      digest: genesisDigest(config.chain),
      timeMs: config.genesisTimeMs,
      header: null,
      certificate: null
    }
  }
  return floorAt(recovered.final.header, recovered.final.certificate)
}

export function floorAt(header: Header, certificate: Certificate): Floor {
  const { view, digest } = certificate
  return { view, height: header.height, digest, timeMs: header.time, header, certificate }
}

export function newCurrent(
  view: View,
  certificate: Certificate | null,
  skippedBefore: number,
  enteredAtMs: number,
  retryDelayMs: number
): Current {
  return {
    view,
    certificate,
    enteredAtMs,
    skippedBefore,
    timerAtMs: null,
    timerFired: false,
    retryAtMs: null,
    retryDelayMs,
    hasProposal: false,
    resends: 0,
    build: { kind: 'none' }
  }
}

export function signingBounds(state: State): SigningBounds {
  return { epoch: state.config.set.epoch, floorView: state.floor.view, noVoteBelow: state.noVoteBelow }
}

export function journal(state: State, entry: JournalEntry): void {
  state.outputs.push({ kind: 'journal', entry })
}

export function sendToAll(state: State, message: Message): void {
  state.outputs.push({ kind: 'send', to: 'all', message })
}

export function isEmptyBlock(header: Header): boolean {
  return header.txRoot === EMPTY_ROOT
}

/** The header of `digest` if it is the floor or above it and known. */
export function knownHeader(state: State, digest: Digest): Header | undefined {
  return state.blocks.get(digest) ?? (digest === state.floor.digest ? (state.floor.header ?? undefined) : undefined)
}

/** Members behind the signer indexes of `certificate`, without this node. */
export function otherSigners(state: State, certificate: Certificate): readonly MemberId[] {
  return certificate.signers.flatMap((index) => {
    const validator = state.config.set.validators[index]
    return validator === undefined || index === state.selfIndex ? [] : [validator.member]
  })
}

export const asEngine = (state: State): Engine => state as object as Engine
export const asState = (engine: Engine): State => engine as object as State
