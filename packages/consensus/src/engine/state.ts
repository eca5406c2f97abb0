/** Everything one engine knows. Plain data; the other files of this folder change it, and only inside `step`. */
import { assert, type Digest, type Epoch, type Hash, type Height, type MemberId, type View } from '@wardline/codec'
import type { Certificate } from '../certificate.ts'
import type { Header } from '../header.ts'
import type { JournalEntry } from '../journal.ts'
import type { SigningBounds } from '../may-sign.ts'
import type { Message } from '../messages.ts'
import { EMPTY_ROOT, type Proposal } from '../proposal.ts'
import { faultsTolerated, quorum } from '../quorum.ts'
import { setHash } from '../validators.ts'
import type { Vote } from '../vote.ts'
import { firstUnsigned, isClosed, isClosing, startOf } from './epoch.ts'
import type { Engine, EngineConfig, Output, Recovered } from './interface.ts'
import { newestJournaled } from './signed-before.ts'
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
  noVoteBelow: View
  /** Until it is over nothing is signed; null once it is, and for a node without a vote. */
  audit: Audit | null
  /** Nothing is signed for now. */
  isPaused: boolean
  /** The highest view in which the journal, as it was found, knows this node to have signed. */
  readonly newestJournaled: View
  /** By signer index: the newest run of a member that asked, and when it was last answered. */
  readonly asked: Map<number, { readonly nonce: number; readonly atMs: number }>

  /** Null once started. */
  startup: { readonly isJournalLost: boolean; readonly isAudited: boolean; readonly isEntryJournaled: boolean } | null
  nowMs: number
  outputs: Output[]
  floor: Floor
  current: Current

  /** Certificates above the floor, one per view; S1 says that a second notarization can not exist. */
  readonly notarizations: Map<View, Certificate>
  readonly nullifications: Map<View, Certificate>
  /** The newest finalization whose blocks are not all known yet. */
  pendingFinalization: Certificate | null
  /** A finalization that contradicts what is final: the machine has stopped. */
  conflict: Certificate | null
  /** Views whose notarization the journal holds. */
  readonly journaledNotarizations: Set<View>
  /** Views whose nullification the journal holds. */
  readonly journaledNullifications: Set<View>

  /** Headers above the floor that are known. */
  readonly blocks: Map<Digest, Header>
  /** Blocks that certificates name and that are unknown, with who should have them. */
  readonly wanted: Map<Digest, { readonly view: View; readonly from: readonly MemberId[] }>
  /** Notarized views above the floor whose block must become final: it is not empty, or not known to be, or closes the epoch. */
  readonly fullViews: Set<View>
  /** The first proposal of each view. */
  readonly proposals: Map<View, ProposalSlot>
  /** This node's own proposal of the newest view in which it made one. */
  ownProposal: Proposal | null

  readonly tallies: Map<View, ViewTally>
  /** By signer index: its genuine vote of the highest view. */
  readonly newestVotes: (Vote | undefined)[]
  /** By signer index: the names of the evidence against it that this run has told of. */
  readonly accusations: readonly Set<string>[]
  /** This node went through every view from here to the current one. */
  watchedFrom: View
  /** By signer index: leaders whose clock was off from this node's when they last proposed. */
  readonly clocksOff: Map<number, { readonly aheadMs: number; readonly seenAtMs: number }>
  /** By signer index: what it claims beyond the next view. */
  readonly future: Map<number, Claim>

  hasTransactions: boolean
  /** Committed blocks whose synced write is not done, with their count. */
  readonly commitsPending: Map<Digest, number>

  /** When a member was last told what it misses. */
  readonly answeredAtMs: Map<MemberId, number>
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

/** The last finalized block; the start of the epoch at first, with view 0. */
export type Floor = {
  readonly view: View
  readonly height: Height
  readonly digest: Digest
  readonly timeMs: number
  readonly header: Header | null
  readonly certificate: Certificate | null
}

/** What a validator waits for before it signs; see `audit.ts`. */
export type Audit = {
  /** Its journal is lost, or what is on the disk is older than what it signed. */
  isLost: boolean
  readonly nonce: number
  /** Indexes of those whose answers count. */
  readonly answered: Set<number>
  askAtMs: number
  askDelayMs: number
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
  /** No block of its leader can be voted for, and the timer is to end it. */
  isGivenUp: boolean
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
  const { final } = recovered
  const floor = final === null ? startOf(config) : floorAt(final.header, final.certificate)
  return {
    config,
    voter: self === null ? null : createVoter(chain, set.epoch, self.member, self.signer),
    quorum: quorum(set.validators.length),
    faults: faultsTolerated(set.validators.length),
    setHash: setHash(set.validators),
    selfIndex,
    indexes,
    noVoteBelow: firstUnsigned(set.epoch, recovered),
    audit: null,
    isPaused: recovered.isPaused ?? false,
    newestJournaled: newestJournaled(recovered.journal, set.epoch),
    asked: new Map(),
    startup: {
      isJournalLost: recovered.isJournalLost ?? false,
      isAudited: recovered.isAudited ?? false,
      isEntryJournaled: false
    },
    nowMs: 0,
    outputs: [],
    floor,
    current: newCurrent((floor.view + 1) as View, floor.certificate, 0, 0, config.timing.retryMs),
    notarizations: new Map(),
    nullifications: new Map(),
    pendingFinalization: null,
    conflict: null,
    journaledNotarizations: new Set(),
    journaledNullifications: new Set(),
    blocks: new Map(),
    wanted: new Map(),
    fullViews: new Set(),
    proposals: new Map(),
    ownProposal: null,
    tallies: new Map(),
    newestVotes: new Array<Vote | undefined>(set.validators.length),
    accusations: set.validators.map(() => new Set()),
    watchedFrom: 0 as View,
    clocksOff: new Map(),
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
    isGivenUp: false,
    resends: 0,
    build: { kind: 'none' }
  }
}

/** The first view in which this node may sign, as things are. */
export function firstVotableView(state: State): View {
  // No view is the last possible one.
  return state.audit === null && !state.isPaused ? state.noVoteBelow : (Number.MAX_SAFE_INTEGER as View)
}

export function signingBounds(state: State): SigningBounds {
  const { epoch } = state.config.set
  // The floor is then that of the next epoch, which this engine does not sign in.
  const signable = isClosed(state) ? ((epoch + 1) as Epoch) : epoch
  return { epoch: signable, floorView: state.floor.view, noVoteBelow: firstVotableView(state) }
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

/** Whether nobody waits for the block of this header to become final. */
export function isIdleBlock(state: State, header: Header): boolean {
  return isEmptyBlock(header) && !isClosing(state, header)
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
