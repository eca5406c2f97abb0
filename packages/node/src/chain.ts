/**
 * One chain of this daemon: opens its folder, wires the parts, and closes them. The parts know each other only through the
 * functions handed over here.
 */
import {
  type ChainId,
  type Epoch,
  limits,
  type MemberId,
  type SignKey,
  type TransactionId,
  unreachable,
  type View,
  type WardlineError
} from '@wardline/codec'
import {
  type Certificate,
  type Certified,
  conflictOf,
  DEFAULT_TIMING,
  type EngineConfig,
  type Evidence,
  encodeMessage,
  genesisDigest,
  headerDigest,
  type Message,
  type ValidatorSet,
  type Voting
} from '@wardline/consensus'
import type { Verifier, VoteSigner } from '@wardline/crypto'
import {
  type CommittedBlock,
  chainIdOf,
  type Fold,
  type Genesis,
  memberIdOf,
  type ParsedTransaction,
  type Pin,
  readMode,
  readParameters,
  type StateView,
  withLastBlock
} from '@wardline/ledger'
import type {
  Clock,
  Journal,
  KeyValueStore,
  Log,
  Network,
  PeerName,
  RecordKeys,
  Timer,
  VoteMarks
} from '@wardline/ports'
import { createAdmission } from './admission.ts'
import { type Agreement, createAgreement } from './agree.ts'
import { createAhead } from './ahead.ts'
import { createAllowance } from './allowance.ts'
import { type Blocks, createBlocks } from './blocks.ts'
import { createCommitter } from './commit.ts'
import { type DirectoryEntry, openDirectory } from './directory.ts'
import { openEpochs, voteKeyIn } from './epochs.ts'
import { openEvidence } from './evidence.ts'
import { createExecutor } from './executor.ts'
import { createFinalState } from './final-state.ts'
import { openForks } from './fork.ts'
import type { Head } from './head.ts'
import { keys } from './layout.ts'
import { createMempool } from './mempool.ts'
import { openJournal, openStore, storedHeader } from './open.ts'
import { createOutbox } from './outbox.ts'
import { createOutcomes, type Outcome } from './outcomes.ts'
import { fillMs } from './pace.ts'
import { createPayloads, type Payloads } from './payloads.ts'
import { requirePinned } from './pin.ts'
import { createQuery, type Query } from './query.ts'
import { createReceiver } from './receive.ts'
import { createRecentTransactions } from './recent.ts'
import { createSubmitter, type Submission } from './submit.ts'
import { createSyncClient, serveSync } from './sync.ts'

/** One consensus message to one peer, for who has fallen behind; answered by nothing. */
const TELL_PROTOCOL = '/wardline/consensus/1'
/** While awake, peers compare what is pending this often. */
const PENDING_EXCHANGE_MS = 30_000
/** An impatient peer is asked what is pending there at most this often. */
const IMPATIENT_PEER_MS = 2_000
/** Pending transactions asked of a peer by one request. */
const PENDING_ASKED_AT_ONCE = 1_000
/** Transactions accepted here that a daemon without a vote says again with each exchange. */
const PENDING_SAID_AT_ONCE = 1_000
/** A chain that stops at a fork takes this long at most to tell the others. */
const FORK_TOLD_MS = 2_000
/** The refused blocks of one validator are logged at most this often. */
const REFUSAL_LOGGED_MS = 60_000
/** Pending transactions looked at to find one that a block could take now. */
const WORK_LOOKS_MAX = 64

export type ChainParts = {
  readonly genesis: Genesis
  /** This hospital on this chain. */
  readonly self: MemberId
  /**
   * Every vote key that it has at the moment of the call, which an epoch asks for as it begins: it votes where the epoch's
   * validators have it with one of them.
   */
  readonly voteSigners: () => Promise<readonly VoteSigner[]>
  /** Kept apart from the chain's folder; null where nothing is. */
  readonly voteMarks: VoteMarks | null
  /** The folder was put back from a backup: what it says of past votes is not to be relied on. */
  readonly isRestored?: boolean
  readonly store: KeyValueStore
  /** The keys of the payloads that every member holds; kept apart from the store. */
  readonly recordKeys: RecordKeys
  readonly journal: Journal
  readonly network: Network
  /** A block that people know to be final: a chain without it is refused. */
  readonly pin?: Pin | null
  readonly clock: Clock
  readonly verifier: Verifier
  readonly log: Log
  readonly folds: readonly Fold[]
  /** The transport's name for a member's libp2p key. */
  readonly peerNameOf: (host: SignKey) => PeerName
  /** The chain cannot go on: a disk failed, or a rule of our own was broken. It has stopped voting and sending. */
  readonly onFailure: (error: unknown) => void
}

export type Phase = 'catching-up' | 'running' | 'stopped'

export type ChainStatus = {
  readonly phase: Phase
  readonly epoch: number
  readonly view: number
  /** Whether this daemon votes, and if not, why. */
  readonly voting: Voting
  readonly mempool: { readonly transactions: number; readonly bytes: number }
  /** How long something that a block could take has been pending without a new final block; 0 while nothing is. */
  readonly stalledMs: number
  /** Validators whose clock was off from this daemon's when they last proposed; `aheadMs` is negative for behind. */
  readonly clocksOff: readonly { readonly member: MemberId; readonly aheadMs: number }[]
}

/** How much a chain keeps in memory of what others sent: each is bounded whatever they send. */
export type Buffers = ReturnType<Agreement['buffers']> & {
  readonly mempoolBytes: number
  /** Transactions on their way to the neighbours. */
  readonly outboxBytes: number
  /** Gossiped transactions that wait for a block that would permit them, of the peer that has most of them here. */
  readonly parkedBytes: number
}

export type Chain = {
  readonly id: ChainId
  readonly genesis: Genesis
  readonly self: MemberId
  /** The final state. */
  readonly state: StateView
  /** The chain's rows, for queries of derived views. */
  readonly store: KeyValueStore
  /**
   * Runs this at a moment at which store, state and head are at the same block. In between, the store may show rows of a
   * block that is being written, which the state does not have yet: who concludes from both that something is not so, does
   * it here.
   */
  atRest<T>(run: () => T): Promise<Awaited<T>>
  readonly query: Query
  readonly payloads: Payloads
  head(): Head
  /** The validators of an epoch that has begun. */
  setOf(epoch: Epoch): ValidatorSet | undefined
  submit(bytes: Uint8Array, payload?: Uint8Array): Promise<Submission>
  /** How a transaction ended, waiting up to `timeoutMs` (0: not at all); undefined while it is pending or unknown. */
  outcome(id: TransactionId, timeoutMs: number, signal?: AbortSignal): Promise<Outcome | undefined>
  /** A transaction that is not final yet, and what holds it back on the final state. */
  pending(id: TransactionId): { readonly transaction: ParsedTransaction; readonly code: string | null } | undefined
  /** Everything pending, in order of arrival. */
  mempool(): Iterable<ParsedTransaction>
  /** Told of every block after it is on disk. Returns a function that ends this. */
  onCommit(run: (block: CommittedBlock) => void): () => void
  /** Evidence that was found here, in no order; whether a block has recorded it, says the state. */
  evidence(): readonly Evidence[]
  /** Genuine finalizations of epochs that ended long ago which contradict what is final here, at most one of each epoch. */
  oldForks(): readonly Certificate[]
  /** Told whenever evidence was found and is on disk. Returns a function that ends this. */
  onEvidence(run: () => void): () => void
  /** The other members with a daemon, and whether each is connected. */
  peers(): readonly (DirectoryEntry & { readonly connected: boolean; readonly sinceMs: number | null })[]
  status(): ChainStatus
  buffers(): Buffers
  /** Whether this daemon signs no votes for now: it follows, serves, and takes transactions all the same. */
  pauseVoting(isPaused: boolean): void
  /** Stops voting, sending and writing, and closes network, journal, record keys and store. */
  stop(): Promise<void>
}

/**
 * Opens a chain and takes part in it.
 * @throws WardlineError `conflicting-finalization | pin-mismatch | store-corrupt | database-too-new | database-too-old | database-of-another-chain`, and of the vote marks
 */
export async function openChain(parts: ChainParts): Promise<Chain> {
  const { genesis, self, store, journal, network, clock, verifier, log, pin = null } = parts
  const id = chainIdOf(genesis)
  const isNew = store.get(keys.schema) === undefined
  const { scan, loss } = await openJournal(journal, {
    isNewChain: isNew,
    isRestored: parts.isRestored ?? false,
    hasVoted: () => hasVoted(parts, id)
  })
  if (loss !== null) log.warn(`the vote journal is lost, the others are asked what it held: ${loss}`)
  const opened = await openStore(store, id, genesis)
  const epochs = openEpochs(store, genesis)
  const evidence = await openEvidence(store)
  const forks = await openForks({
    chain: id,
    store,
    epochs,
    evidence,
    verifier,
    clock,
    head: () => head().header,
    ask: askViewEnds
  })
  if (pin !== null) requirePinned(store, opened.head, pin, genesisDigest(id))

  const state = createFinalState(store)
  const mempool = createMempool()
  const outcomes = createOutcomes(clock)
  const listeners = new Set<(block: CommittedBlock) => void>()
  const witnesses = new Set<() => void>()
  const directory = await openDirectory(store, state, genesis, self, opened.head.time, parts.peerNameOf)
  const since = new Map<PeerName, number>()
  const asking = new Set<PeerName>()
  const ahead = createAhead(clock)
  /** When each impatient peer was last asked; only members are peers. */
  const askedMs = new Map<PeerName, number>()
  const served = createAllowance({
    clock,
    burst: limits.requestsPerPeerBurst,
    perSecond: limits.requestsPerPeerPerSecond
  })
  let phase: Phase = 'catching-up'
  let exchange: Timer | undefined
  /** Whether this hospital votes in the present epoch. */
  let isVoting = false
  /** Since when something that a block could take has been pending without a new final block. */
  let waitingSinceMs: number | null = null
  const founderNames = new Map(genesis.founders.map(({ sign, name }) => [memberIdOf(sign), name]))
  /** When a refused proposal of each validator was last logged. */
  const loggedMs = new Map<MemberId, number>()
  /** In the newest final block, as far as this run knows. */
  let lastBlockTransactions = 0

  const recent = createRecentTransactions()
  const committer = createCommitter({
    store,
    state,
    head: opened.head,
    certified: opened.final,
    epochs,
    mempool,
    pin,
    folds: parts.folds,
    isOnDisk: (leaf) => submitter.isMine(leaf),
    executor: () => executor,
    payloadWrites: (transactions) => payloads.commitWrites(transactions),
    expiredPayloads: (timeMs) => payloads.expiredWrites(timeMs),
    onCommit: (block, endsEpoch) => {
      if (endsEpoch) {
        ahead.begun()
        agreement.epochEnded()
      }
      lastBlockTransactions = block.transactions.length
      recent.add(block.transactions)
      // Who has no vote does not see the views end.
      if (!isVoting) outbox.release()
      for (const transaction of block.transactions) {
        admission.settle(transaction.leaf)
        outcomes.settle(transaction.id, { kind: 'committed', height: block.header.height })
      }
      submitter.committed(block)
      payloads.committed(block.transactions)
      void guarded(() => receiver.retryParked())
      if (directory.update(block.changes, block.header.time)) void guarded(setPeers)
      // What could not be included before this block may be includable now.
      waitingSinceMs = null
      reportWork(hasWork())
      for (const run of listeners) run(block)
    }
  })
  const head = () => committer.head()
  const executor = createExecutor(state, head)
  const judged = readMode(state) === 'SPV' ? withLastBlock(state, head) : state
  const admission = createAdmission({
    chain: id,
    verifier,
    clock,
    mempool,
    state: judged,
    head,
    sponsors: () => directory.othersCount() + 1
  })
  const query = createQuery(store, id, head, epochs, recent)
  const payloads = createPayloads({
    store,
    recordKeys: parts.recordKeys,
    state,
    network,
    clock,
    log,
    self,
    transaction: (wanted) => query.transaction(wanted) ?? mempool.withId(wanted),
    isPending: (wanted) => mempool.withId(wanted) !== undefined,
    memberOf: (peer) => directory.memberOf(peer),
    peerOf: (member) => directory.peerOf(member),
    // Apart from what sync may ask: who fetches payloads after an absence must still learn of new blocks.
    allowance: createAllowance({
      clock,
      burst: limits.requestsPerPeerBurst,
      perSecond: limits.requestsPerPeerPerSecond
    }),
    onKept: (transaction) => {
      if (mempool.withId(transaction.id) !== undefined) reportWork(true)
    },
    onFaulty: (faulty, code) => submitter.faulty(faulty, code),
    background: (run) => void guarded(run)
  })

  const topic = (name: 'tx' | 'proposal' | 'vote') => `/wardline/${id}/${name}/1`
  const outbox = createOutbox(clock, (batch) => guarded(() => network.gossip.publish(topic('tx'), batch)))
  const onAdmitted = (transactions: readonly ParsedTransaction[]) => {
    for (const transaction of transactions) payloads.want(transaction)
    if (transactions.some((transaction) => payloads.isReady(transaction))) reportWork(true)
  }
  const receiver = createReceiver({
    admission,
    clock,
    log,
    report: (peer, code) => network.report(peer, code),
    passOn: (transactions) => outbox.add(transactions),
    onAdmitted
  })
  const submitter = createSubmitter({
    chain: id,
    store,
    state: judged,
    head,
    admission,
    mempool,
    payloads,
    outcomes,
    committed,
    background: (run) => void guarded(run),
    onAccepted: (transaction) => {
      outbox.add([transaction])
      onAdmitted([transaction])
    }
  })
  const sync = createSyncClient(network)
  const blocks: Blocks = createBlocks({
    chain: id,
    epochs,
    pin,
    forks,
    forked,
    oldFork,
    store,
    clock,
    log,
    network,
    verifier,
    admission,
    mempool,
    executor,
    committer,
    directory,
    sync,
    payloads,
    arrival: (leaf) => receiver.arrival(leaf),
    onLevel: ({ header, certificate }) => agreement.synced(header, certificate),
    onFailure: fail,
    onRefused: (transaction) => submitter.refused(transaction)
  })
  const { heartbeatMs, deltaMs } = readParameters(state)
  const { config, final } = await epoch()
  const agreement: Agreement = createAgreement({
    chain: id,
    config,
    recovered: { final, journal: scan.entries, isJournalLost: loss !== null },
    scan,
    journal,
    clock,
    verifier,
    onFailure: fail,
    application: {
      isFinal: (digest) => digest === head().digest,
      fillMs: ({ parent }) => fillMs(executor.get(parent.digest)?.transactions.length ?? lastBlockTransactions),
      build: (request, timeMs) => {
        // What this daemon knows reaches the others with or before the proposal that names it.
        outbox.release()
        return blocks.build(request, timeMs)
      },
      check: (proposal) => blocks.check(proposal),
      hold: (proposal) => blocks.hold(proposal),
      commit: (headers, certificate, passed) => blocks.commit(headers, certificate, passed),
      fetchBlock: (digest, from) => blocks.fetchBlock(digest, from),
      catchUp: async (from) => {
        await blocks.catchUp(from.flatMap((member) => directory.peerOf(member) ?? []))
      },
      exchangePending: () => {
        if (!hasWork()) reportWork(false)
        for (const peer of network.connected()) void guarded(() => askPending(peer))
      },
      epoch,
      ahead: (peer) => {
        if (!ahead.takes(peer)) return
        void guarded(async () => {
          if (await blocks.catchUp([peer])) ahead.bore(peer)
        })
      },
      impatient: (peer) => {
        const nowMs = clock.elapsedMs()
        if (hasWork() || nowMs - (askedMs.get(peer) ?? Number.NEGATIVE_INFINITY) < IMPATIENT_PEER_MS) return
        askedMs.set(peer, nowMs)
        void guarded(() => askPending(peer))
      },
      refused: ({ member, view, code, aheadMs }) => {
        const nowMs = clock.elapsedMs()
        if (nowMs - (loggedMs.get(member) ?? Number.NEGATIVE_INFINITY) < REFUSAL_LOGGED_MS) return
        loggedMs.set(member, nowMs)
        const time = code === 'wrong-time' ? { aheadS: Math.round(aheadMs / 1000) } : {}
        log.warn(
          code === 'wrong-time'
            ? 'a block is refused, its time is too far from the clock here: check the clocks'
            : 'a block is refused',
          { member, name: founderNames.get(member), view, code, ...time }
        )
      },
      publish: (message) => {
        // Such a vote ends a view: the next leader builds.
        if (message.kind === 'vote' && message.vote.kind !== 'notarize') outbox.release()
        void guarded(() => publish(message))
      },
      judgeFork: (certificate) => forks.judge(certificate),
      forked,
      oldFork,
      journalLost: () =>
        log.warn(
          'the others hold newer votes of this daemon than its journal: the disk was set back, its journal is lost'
        ),
      silentUntil: (view) => log.warn('this daemon does not vote until a later view', { view }),
      evidence: async (found) => {
        if (!(await evidence.add(found))) return
        const { signer, epoch, view, votes } = found
        log.warn('a validator signed two votes that exclude each other', {
          ...{ member: signer, epoch, view, conflict: conflictOf(...votes) }
        })
        for (const run of witnesses) run()
      },
      tell: (member, message) => void guarded(() => tell(member, message))
    }
  })

  serveSync({
    store,
    network,
    mempool,
    clock,
    headHeight: () => head().height,
    memberOf: (peer) => directory.memberOf(peer),
    allowance: served
  })
  network.gossip.subscribe(topic('tx'), (data, from) => receiver.batch(data, from))
  network.gossip.subscribe(topic('proposal'), (data, from) => agreement.receive(data, from))
  network.gossip.subscribe(topic('vote'), (data, from) => agreement.receive(data, from))
  network.serve(TELL_PROTOCOL, hearTold, { requestBytesMax: limits.gossipMessageBytesMax })
  const forgetPeers = network.onPeer((peer, event) => {
    since.set(peer, clock.nowMs())
    log.info(`peer ${event}`, { member: directory.memberOf(peer), peer })
    if (event !== 'connected') return
    const member = directory.memberOf(peer)
    if (member !== undefined) agreement.connected(member)
    payloads.connected(peer)
    void guarded(() => welcome(peer))
  })

  outbox.add(await submitter.restore())
  await setPeers()
  agreement.start()
  if (mempool.size > 0) reportWork(true)
  void guarded(async () => {
    await blocks.catchUp([])
    if (phase === 'catching-up') phase = 'running'
  })
  scheduleExchange()
  if (genesis.mode === 'DSS') payloads.start()

  async function* hearTold(message: Uint8Array, from: PeerName): AsyncIterable<Uint8Array> {
    if ((await agreement.receive(message, from)) === 'reject') network.report(from, 'bad-message')
    // The answer is the end of the stream.
    yield* []
  }

  /** What the engine of the present epoch begins with. A key is marked before its first vote. */
  async function epoch(): Promise<{ config: EngineConfig; final: Certified | null }> {
    for (;;) {
      const set = epochs.present()
      const key = voteKeyIn(set, self)
      const signers = key === undefined ? [] : await parts.voteSigners()
      const signer = signers.find(({ publicKey }) => publicKey === key) ?? null
      if (signer !== null) await parts.voteMarks?.markVoted(id, signer.publicKey)
      // Catch-up may have gone on meanwhile.
      if (epochs.present() !== set) continue
      isVoting = signer !== null
      if (signer === null && key !== undefined) {
        log.error('this hospital is a validator, and the key that it should vote with is not here', {
          epoch: set.epoch
        })
      }
      const config: EngineConfig = {
        chain: id,
        set,
        start: epochs.start(),
        earlier: (wanted) => epochs.setOf(wanted),
        self: signer && { member: self, signer },
        genesisTimeMs: genesis.created,
        timing: { ...DEFAULT_TIMING, heartbeatMs, deltaMs }
      }
      const certified = committer.certified()
      return { config, final: certified?.certificate.epoch === set.epoch ? certified : null }
    }
  }

  function committed(wanted: TransactionId): Outcome | undefined {
    const place = query.place(wanted)
    // A block that is being written may be read already, and is no outcome before it is known to be on disk.
    if (place === undefined || place.height > head().height) return undefined
    return { kind: 'committed', height: place.height }
  }

  /** Whether a block could take a pending transaction now. What must wait for another block, its payload or its end, keeps nobody awake. */
  function hasWork(): boolean {
    let looks = 0
    for (const transaction of mempool.all()) {
      if (!payloads.isReady(transaction)) continue
      if (looks === WORK_LOOKS_MAX || admission.judge(transaction).kind === 'accept') return true
      looks += 1
    }
    return false
  }

  function reportWork(has: boolean): void {
    waitingSinceMs = has ? (waitingSinceMs ?? clock.elapsedMs()) : null
    agreement.work(has)
  }

  function stalledMs(): number {
    // The store of a chain that has stopped may be closed.
    if (phase === 'stopped' || waitingSinceMs === null || !hasWork()) return 0
    return clock.elapsedMs() - waitingSinceMs
  }

  /** Stops voting, keeps the proof, and lets who is connected know the finalizations that are final here. */
  async function forked(certificate: Certificate, held: readonly Certificate[]): Promise<WardlineError> {
    agreement.stop()
    const { error, own } = await forks.record(certificate, held)
    const telling = own.flatMap((one) => {
      const message = encodeMessage({ kind: 'certificate', certificate: one, attempt: 0 })
      return network.connected().map((peer) => sync.tell(peer, TELL_PROTOCOL, message))
    })
    await Promise.race([Promise.all(telling), new Promise<void>((resolve) => clock.after(FORK_TOLD_MS, resolve))])
    return error
  }

  /** How a view ended, as far as those know who are connected. */
  async function* askViewEnds(epoch: Epoch, view: View): AsyncIterable<Certificate> {
    for (const peer of network.connected()) yield* await sync.viewEnds(peer, epoch, view)
  }

  async function oldFork(certificate: Certificate): Promise<void> {
    if (!(await forks.recordOld(certificate))) return
    const { epoch, view, digest } = certificate
    log.error('a quorum of an epoch that ended long ago signed another block than the final one', {
      epoch,
      view,
      digest
    })
    for (const run of witnesses) run()
  }

  function fail(error: unknown): void {
    if (phase === 'stopped') return
    halt()
    parts.onFailure(error)
  }

  function halt(): void {
    phase = 'stopped'
    agreement.stop()
    blocks.stop()
    outbox.stop()
    payloads.stop()
    exchange?.cancel()
    forgetPeers()
  }

  /** Runs work that nobody awaits. What fails in it is a failing world or our own bug, and stops the chain. */
  async function guarded(run: () => Promise<void>): Promise<void> {
    try {
      if (phase !== 'stopped') await run()
    } catch (error) {
      fail(error)
    }
  }

  /** Runs work that a caller awaits. Peers' and clients' faults are answers: what it throws stops the chain. */
  async function orFail<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      fail(error)
      throw error
    }
  }

  async function setPeers(): Promise<void> {
    await network.setPeers(directory.others().map(({ peer }) => peer))
  }

  async function publish(message: Message): Promise<void> {
    if (isOvertaken(message)) return
    await network.gossip.publish(topic(message.kind === 'proposal' ? 'proposal' : 'vote'), encodeMessage(message))
  }

  /** Whether it speaks for a block of this daemon that has lost, and whose body went with it, while the vote was being written. */
  function isOvertaken(message: Message): boolean {
    switch (message.kind) {
      case 'vote': {
        const { signer, kind, digest } = message.vote
        return signer === self && kind === 'notarize' && storedHeader(store, digest) === undefined
      }
      case 'proposal':
        return storedHeader(store, headerDigest(message.proposal.header)) === undefined
      case 'certificate':
      case 'status-ask':
      case 'status':
        return false
      default:
        return unreachable(message)
    }
  }

  async function tell(member: MemberId, message: Message): Promise<void> {
    if (isOvertaken(message)) return
    const peer = directory.peerOf(member)
    if (peer === undefined || !network.connected().includes(peer)) return
    await sync.tell(peer, TELL_PROTOCOL, encodeMessage(message))
  }

  /** A peer that has just connected may have final blocks and transactions that were missed. */
  async function welcome(peer: PeerName): Promise<void> {
    await blocks.catchUp([peer])
    await askPending(peer)
  }

  /** Takes over what is pending with the peer and not here, in parts that fit into memory; once at a time per peer. */
  async function askPending(peer: PeerName): Promise<void> {
    if (asking.has(peer)) return
    asking.add(peer)
    try {
      const leaves = (await sync.pending(peer)).filter((leaf) => !receiver.knows(leaf, peer))
      for (let from = 0; from < leaves.length; from += PENDING_ASKED_AT_ONCE) {
        const wanted = leaves.slice(from, from + PENDING_ASKED_AT_ONCE).filter((leaf) => !receiver.knows(leaf, peer))
        const found = wanted.length === 0 ? [] : (await sync.transactions(peer, head().digest, wanted)).values()
        if (!(await receiver.fetched(found, peer))) return
      }
    } finally {
      asking.delete(peer)
    }
  }

  function scheduleExchange(): void {
    exchange = clock.after(PENDING_EXCHANGE_MS, () => {
      if (mempool.size > 0) for (const peer of network.connected()) void guarded(() => askPending(peer))
      // Whose votes nobody hears wakes nobody: the others come for what it has at no view's end.
      if (agreement.status().voting.kind !== 'voting') outbox.add(submitter.waiting(PENDING_SAID_AT_ONCE))
      scheduleExchange()
    })
  }

  return {
    id,
    genesis,
    self,
    state,
    store,
    atRest: (run) => committer.atRest(run),
    query,
    payloads: { ...payloads, fetch: (transaction) => orFail(() => payloads.fetch(transaction)) },
    head,
    setOf: (epoch) => epochs.setOf(epoch),
    submit: (bytes, payload) => orFail(() => submitter.submit(bytes, payload)),
    async outcome(wanted, timeoutMs, signal) {
      const known = committed(wanted) ?? outcomes.failed(wanted)
      return known !== undefined || timeoutMs === 0 ? known : outcomes.wait(wanted, timeoutMs, signal)
    },
    pending(wanted) {
      const transaction = mempool.withId(wanted)
      if (transaction === undefined) return undefined
      const verdict = admission.judge(transaction)
      return { transaction, code: verdict.kind === 'refuse' ? verdict.code : null }
    },
    mempool: () => mempool.all(),
    onCommit(run) {
      listeners.add(run)
      return () => listeners.delete(run)
    },
    evidence: () => evidence.all(),
    oldForks: () => forks.old(),
    onEvidence(run) {
      witnesses.add(run)
      return () => witnesses.delete(run)
    },
    peers() {
      const connected = new Set(network.connected())
      return directory.others().map((entry) => ({
        ...entry,
        connected: connected.has(entry.peer.name),
        sinceMs: since.get(entry.peer.name) ?? null
      }))
    },
    status() {
      const { epoch, view, voting, clocksOff } = agreement.status()
      const pending = { transactions: mempool.size, bytes: mempool.sizeBytes }
      return { phase, epoch, view, voting, mempool: pending, stalledMs: stalledMs(), clocksOff }
    },
    pauseVoting: (isPaused) => agreement.pause(isPaused),
    buffers: () => ({
      ...agreement.buffers(),
      mempoolBytes: mempool.sizeBytes,
      outboxBytes: outbox.waitingBytes(),
      parkedBytes: receiver.parkedBytes()
    }),
    async stop() {
      if (phase !== 'stopped') halt()
      await network.close()
      await blocks.idle()
      await parts.recordKeys.close()
      await journal.close()
      await store.close()
    }
  }
}

/** Whether a key of this hospital is known to have voted on the chain. */
async function hasVoted({ voteMarks, voteSigners }: ChainParts, chain: ChainId): Promise<boolean> {
  if (voteMarks === null) return false
  for (const { publicKey } of await voteSigners()) if (await voteMarks.hasVoted(chain, publicKey)) return true
  return false
}
