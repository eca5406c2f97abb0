/**
 * What goes into the machine and what comes out. The driver (`node/agree`) feeds inputs one at a time, performs outputs in
 * their order, and makes every `journal` output durable before it performs any later `send`, `commit` or `build`.
 */
import type { Brand, ChainId, Digest, Epoch, Height, Leaf, MemberId, View } from '@wardline/codec'
import type { VoteSigner } from '@wardline/crypto'
import type { Certificate, SignatureCheck } from '../certificate.ts'
import type { Evidence } from '../evidence.ts'
import type { Header } from '../header.ts'
import type { JournalEntry } from '../journal.ts'
import type { Message } from '../messages.ts'
import type { Proposal } from '../proposal.ts'
import type { ValidatorSet } from '../validators.ts'
import type { HeaderFault } from './justification.ts'

/** The machine of one chain. Changed by `step` (and the rate limits of `screen`) only. */
export type Engine = Brand<object, 'Engine'>

export type EngineConfig = {
  readonly chain: ChainId
  /** The validators of the epoch. */
  readonly set: ValidatorSet
  /** The final block that closed the epoch before, with its finalization; null in epoch 0, which starts on the genesis. */
  readonly start: Certified | null
  /** The validators of an earlier epoch, for who is still in it and behind. */
  readonly earlier: (epoch: Epoch) => ValidatorSet | undefined
  /** Null for a node that follows the chain without a vote. Otherwise the member is in `set` and the key is its own. */
  readonly self: { readonly member: MemberId; readonly signer: VoteSigner } | null
  /** Block time of genesis, which the first heartbeat counts from, milliseconds. */
  readonly genesisTimeMs: number
  readonly timing: Timing
}

/** All in milliseconds. */
export type Timing = {
  /** Δ: the delay that the network is expected to keep. */
  readonly deltaMs: number
  /** Added to 3Δ for the fsyncs. */
  readonly syncMs: number
  readonly viewTimerMaxMs: number
  readonly retryMs: number
  readonly retryMaxMs: number
  /** A block, empty if need be, follows the last one after at most about this long. */
  readonly heartbeatMs: number
  /** How long a leader without transactions leaves an unfinalized block to become final by itself before it adds an empty one. */
  readonly finalityGraceMs: number
}

export const DEFAULT_TIMING: Timing = {
  deltaMs: 500,
  syncMs: 100,
  viewTimerMaxMs: 30_000,
  retryMs: 1_000,
  retryMaxMs: 10_000,
  heartbeatMs: 600_000,
  finalityGraceMs: 100
}

/** A final block with its own finalization. */
export type Certified = { readonly header: Header; readonly certificate: Certificate }

/** What a restarted daemon found on its disk. */
export type Recovered = {
  /** The last block of the epoch whose commit was synced, with the finalization it was committed by; null when none was. */
  readonly final: Certified | null
  /** `entries` of `scanJournal`, all of them or those of this epoch and later ones. */
  readonly journal: readonly JournalEntry[]
  /** What was signed is not known any more; `journal` is empty. */
  readonly isJournalLost?: boolean
  /** An engine of an earlier epoch asked the others in this run already. */
  readonly isAudited?: boolean
  /** As `pause` says, from the start. */
  readonly isPaused?: boolean
}

export type Input =
  /** Once, before everything else. */
  | { readonly kind: 'start'; readonly nowMs: number }
  /** `screen` let it pass and every check it asked for held. `from` is the transport's name of the deliverer. */
  | { readonly kind: 'message'; readonly from: string; readonly message: Message; readonly nowMs: number }
  /** The time of the last `alarm` output has come. */
  | { readonly kind: 'alarm'; readonly nowMs: number }
  /** From now on nothing is signed, until it is said otherwise: following goes on. */
  | { readonly kind: 'pause'; readonly isPaused: boolean; readonly nowMs: number }
  /** This member can be reached, perhaps again. */
  | { readonly kind: 'connected'; readonly member: MemberId; readonly nowMs: number }
  /** Whether the mempool holds transactions that are not in a final block. Say `true` again whenever one arrives. */
  | { readonly kind: 'work'; readonly hasWork: boolean; readonly nowMs: number }
  /**
   * Answer to `build`. The body is durable and executed. `header` null: there is nothing to propose, because of `reason`
   * `nothing` (no includable transaction, and an empty block was not allowed) or `failed` (the parent is not executed here).
   */
  | {
      readonly kind: 'built'
      readonly view: View
      readonly parent: Digest
      readonly header: Header | null
      readonly leaves: readonly Leaf[]
      readonly reason?: 'nothing' | 'failed'
      readonly nowMs: number
    }
  /** Answer to `check`. `valid`: durable and executed. `invalid`: for good. `unavailable`: the body or an ancestor did not arrive. */
  | {
      readonly kind: 'checked'
      readonly view: View
      readonly digest: Digest
      readonly verdict: 'valid' | 'invalid' | 'unavailable'
      readonly nowMs: number
    }
  /** A header that the driver fetched, for `fetch-block` or as an ancestor while checking. Its body is durable. */
  | { readonly kind: 'fetched'; readonly header: Header; readonly nowMs: number }
  /** Catch-up has committed up to `header`, whose finalization is `certificate` (verified). One of another epoch is ignored. */
  | { readonly kind: 'sync-head'; readonly header: Header; readonly certificate: Certificate; readonly nowMs: number }
  /** The synced write of the block `digest`, the last of a `commit`, is done. */
  | { readonly kind: 'committed'; readonly digest: Digest }

export type Output =
  | { readonly kind: 'journal'; readonly entry: JournalEntry }
  /** By gossip to `all`, or by stream to one member. */
  | { readonly kind: 'send'; readonly to: 'all' | MemberId; readonly message: Message }
  /** It is this node's turn: select, execute, persist the body, answer `built`. A later `build` replaces an earlier one. */
  | BuildRequest
  /** Fetch what is missing, execute, persist, answer `checked`. */
  | {
      readonly kind: 'check'
      readonly proposal: Proposal
      readonly digest: Digest
      readonly from: string
      readonly nowMs: number
    }
  /**
   * Final blocks in ascending order; `certificate` finalizes the last. Bodies may have to be fetched by digest. `passed`: how the
   * views between the last finalization and this one ended, as far as this node knows: if some other block of such a view is
   * final elsewhere, they name who signed both.
   */
  | {
      readonly kind: 'commit'
      readonly blocks: readonly Header[]
      readonly certificate: Certificate
      readonly passed: readonly Certificate[]
    }
  /** The one timer: replaces the earlier time. Null: no timer. */
  | { readonly kind: 'alarm'; readonly atMs: number | null }
  /** A notarized or final block that was never seen: fetch its header and body from one of `from`, answer `fetched`. */
  | { readonly kind: 'fetch-block'; readonly digest: Digest; readonly from: readonly MemberId[] }
  /** Others are at `view`, too far ahead to follow by messages: catch up from one of `from`, answer `sync-head`. */
  | { readonly kind: 'behind'; readonly view: View; readonly from: readonly MemberId[] }
  /**
   * The disk holds less than what this node signed. Set the journal aside, durably, before any `journal` output that follows:
   * a start in between must find it lost.
   */
  | { readonly kind: 'journal-lost' }
  /** A member signed two votes that exclude each other; both are genuine. Keep it, and have a block record it. */
  | { readonly kind: 'evidence'; readonly evidence: Evidence }
  /** A leader's header cannot be voted for here; its time is `aheadMs` ahead of this node's clock, negative for behind. */
  | {
      readonly kind: 'refused'
      readonly member: MemberId
      readonly view: View
      readonly code: HeaderFault
      readonly aheadMs: number
    }
  /** A view took too long: exchange lists of pending transactions. */
  | { readonly kind: 'retry' }

export type BuildRequest = {
  readonly kind: 'build'
  readonly epoch: Epoch
  readonly view: View
  /** True: the parent closes the epoch, and is what is to be proposed: answer with its own header and leaves. */
  readonly again: boolean
  readonly height: Height
  readonly proposer: MemberId
  /** `header` null when the parent is genesis. */
  readonly parent: { readonly digest: Digest; readonly header: Header | null }
  /** The block's time is the larger of this and the clock. */
  readonly timeMinMs: number
  /** False: too many blocks await finality, add only an empty one. */
  readonly allowTransactions: boolean
  /** False: answer `nothing` rather than build an empty block. */
  readonly allowEmpty: boolean
}

export type Screening =
  /** Drop it and count it against the deliverer. */
  | { readonly kind: 'reject'; readonly code: string }
  /** Drop it. */
  | { readonly kind: 'ignore'; readonly code: string }
  /** Drop this copy only: the deliverer has used up its share, and another peer's may be looked at. */
  | { readonly kind: 'busy'; readonly code: string }
  /**
   * Run the checks in order (perhaps none) and stop at the first that fails. If one fails reject, else feed the message as input. `forward` is whether gossip should
   * carry it on (accept) or not (ignore). `instead`: feed this rather than the message, of which no more is worth knowing.
   */
  | {
      readonly kind: 'verify'
      readonly checks: readonly SignatureCheck[]
      readonly forward: boolean
      readonly instead?: Message
    }

/** A glance at the machine, for `status` and tests. */
export type EngineStatus = {
  readonly epoch: Epoch
  readonly view: View
  readonly awake: boolean
  readonly leader: MemberId
  readonly voting: Voting
  readonly floor: { readonly view: View; readonly height: Height; readonly digest: Digest }
  /** Notarized blocks above the floor that are known here. */
  readonly unfinalized: number
  /** Validators whose clock was off from this node's when they last proposed; `aheadMs` is negative for behind. */
  readonly clocksOff: readonly { readonly member: MemberId; readonly aheadMs: number }[]
  /** A finalization that contradicts what is final, because of which `step` threw. */
  readonly conflict: Certificate | null
}

/** How much an engine keeps of what others said: each is bounded whatever they say. */
export type EngineBuffers = {
  /** Views of which votes are counted. */
  readonly countedViews: number
  readonly proposals: number
  /** Blocks above the floor that are known and not final. */
  readonly headers: number
  /** Votes beyond the next view. */
  readonly futureVotes: number
}

/** Whether this node signs votes. */
export type Voting =
  /** It has no vote in this epoch. */
  | { readonly kind: 'follower' }
  | { readonly kind: 'voting' }
  /** It asks the others what they have of it; `isLost`: because its own journal does not tell. */
  | { readonly kind: 'asking'; readonly isLost: boolean; readonly answers: number; readonly needed: number }
  /** It was told to sign nothing for now. */
  | { readonly kind: 'paused' }
  /** Its journal was lost, and it may have signed below this view. */
  | { readonly kind: 'waiting'; readonly fromView: View }
