/**
 * One chain of this daemon: opens its folder, wires the parts, and closes them. The parts know each other only through the
 * functions handed over here.
 */
import { type ChainId, limits, type MemberId, type SignKey, type TransactionId } from '@wardline/codec'
import {
  type Certificate,
  DEFAULT_TIMING,
  encodeMessage,
  type Header,
  indexOfMember,
  type Message
} from '@wardline/consensus'
import type { Verifier, VoteSigner } from '@wardline/crypto'
import {
  type CommittedBlock,
  chainIdOf,
  type Fold,
  type Genesis,
  type ParsedTransaction,
  readParameters,
  type StateView,
  validatorsOf
} from '@wardline/ledger'
import type { Clock, Journal, KeyValueStore, Log, Network, PeerName, Timer, VoteMarks } from '@wardline/ports'
import { createAdmission } from './admission.ts'
import { type Agreement, createAgreement } from './agree.ts'
import { createAllowance } from './allowance.ts'
import { type Blocks, createBlocks } from './blocks.ts'
import { createCommitter } from './commit.ts'
import { type DirectoryEntry, openDirectory } from './directory.ts'
import { createExecutor } from './executor.ts'
import { createFinalState } from './final-state.ts'
import type { Head } from './head.ts'
import { keys } from './layout.ts'
import { createMempool } from './mempool.ts'
import { openJournal, openStore, type VoteMark } from './open.ts'
import { createOutbox } from './outbox.ts'
import { createOutcomes, type Outcome } from './outcomes.ts'
import { createPayloads, type Payloads } from './payloads.ts'
import { createQuery, type Query } from './query.ts'
import { createReceiver } from './receive.ts'
import { createSubmitter, type Submission } from './submit.ts'
import { createSyncClient, serveSync } from './sync.ts'

/** One consensus message to one peer, for who has fallen behind; answered by nothing. */
const TELL_PROTOCOL = '/wardline/consensus/1'
/** While awake, peers compare what is pending this often. */
const PENDING_EXCHANGE_MS = 30_000
/** Pending transactions asked of a peer by one request. */
const PENDING_ASKED_AT_ONCE = 1_000
/** Pending transactions looked at to find one that a block could take now. */
const WORK_LOOKS_MAX = 64

export type ChainParts = {
  readonly genesis: Genesis
  /** This hospital on this chain, and the key it votes with; without one it follows. */
  readonly self: MemberId
  readonly voteSigner: VoteSigner | null
  /** Kept apart from the chain's folder; null where nothing is. */
  readonly voteMarks: VoteMarks | null
  readonly store: KeyValueStore
  readonly journal: Journal
  readonly network: Network
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
  readonly mempool: { readonly transactions: number; readonly bytes: number }
}

export type Chain = {
  readonly id: ChainId
  readonly genesis: Genesis
  readonly self: MemberId
  /** The final state. */
  readonly state: StateView
  /** The chain's rows, for queries of derived views. */
  readonly store: KeyValueStore
  readonly query: Query
  readonly payloads: Payloads
  head(): Head
  submit(bytes: Uint8Array, payload?: Uint8Array): Promise<Submission>
  /** How a transaction ended, waiting up to `timeoutMs` (0: not at all); undefined while it is pending or unknown. */
  outcome(id: TransactionId, timeoutMs: number, signal?: AbortSignal): Promise<Outcome | undefined>
  /** A transaction that is not final yet, and what holds it back on the final state. */
  pending(id: TransactionId): { readonly transaction: ParsedTransaction; readonly code: string | null } | undefined
  /** Everything pending, in order of arrival. */
  mempool(): Iterable<ParsedTransaction>
  /** Told of every block after it is on disk. Returns a function that ends this. */
  onCommit(run: (block: CommittedBlock) => void): () => void
  /** The other members with a daemon, and whether each is connected. */
  peers(): readonly (DirectoryEntry & { readonly connected: boolean; readonly sinceMs: number | null })[]
  status(): ChainStatus
  /** Stops voting, sending and writing, and closes network, journal and store. */
  stop(): Promise<void>
}

/**
 * Opens a chain and takes part in it.
 * @throws WardlineError `journal-lost | store-corrupt | database-too-new | database-of-another-chain`, and of the vote marks
 */
export async function openChain(parts: ChainParts): Promise<Chain> {
  const { genesis, self, store, journal, network, clock, verifier, log } = parts
  const id = chainIdOf(genesis)
  const isNew = store.get(keys.schema) === undefined
  const set = validatorsOf(genesis)
  const voteSigner = indexOfMember(set, self) === -1 ? null : parts.voteSigner
  const scan = await openJournal(journal, isNew, voteMark(parts.voteMarks, id, voteSigner))
  const opened = await openStore(store, id, genesis)

  const state = createFinalState(store)
  const mempool = createMempool()
  const outcomes = createOutcomes(clock)
  const listeners = new Set<(block: CommittedBlock) => void>()
  const directory = await openDirectory(store, state, genesis, self, opened.head.time, parts.peerNameOf)
  const since = new Map<PeerName, number>()
  const asking = new Set<PeerName>()
  const served = createAllowance({
    clock,
    burst: limits.requestsPerPeerBurst,
    perSecond: limits.requestsPerPeerPerSecond
  })
  let phase: Phase = 'catching-up'
  let exchange: Timer | undefined

  const committer = createCommitter({
    store,
    state,
    head: opened.head,
    mempool,
    folds: parts.folds,
    isOnDisk: (leaf) => submitter.isMine(leaf),
    executor: () => executor,
    onCommit: (block) => {
      for (const transaction of block.transactions) {
        admission.settle(transaction.leaf)
        outcomes.settle(transaction.id, { kind: 'committed', height: block.header.height })
      }
      submitter.committed(block)
      void guarded(() => receiver.retryParked())
      if (directory.update(block.changes, block.header.time)) void guarded(setPeers)
      // What could not be included before this block may be includable now.
      agreement.work(hasWork())
      for (const run of listeners) run(block)
    }
  })
  const head = () => committer.head()
  const executor = createExecutor(state, head)
  const admission = createAdmission({
    chain: id,
    verifier,
    clock,
    mempool,
    state,
    head,
    sponsors: () => directory.others().length + 1
  })
  const query = createQuery(store, id, head)
  const payloads = createPayloads({
    store,
    network,
    self,
    transaction: (wanted) => query.transaction(wanted) ?? mempool.withId(wanted),
    memberOf: (peer) => directory.memberOf(peer),
    peerOf: (member) => directory.peerOf(member),
    allowance: served
  })

  const topic = (name: 'tx' | 'proposal' | 'vote') => `/wardline/${id}/${name}/1`
  const outbox = createOutbox((batch) => guarded(() => network.gossip.publish(topic('tx'), batch)))
  const onAdmitted = () => agreement.work(true)
  const receiver = createReceiver({
    admission,
    clock,
    log,
    report: (peer, code) => network.report(peer, code),
    passOn: outbox,
    onAdmitted
  })
  const submitter = createSubmitter({
    chain: id,
    store,
    state,
    head,
    admission,
    mempool,
    payloads,
    outcomes,
    committed,
    background: (run) => void guarded(run),
    onAccepted: (transaction) => {
      outbox([transaction])
      onAdmitted()
    }
  })
  const sync = createSyncClient(network)
  const blocks: Blocks = createBlocks({
    chain: id,
    set,
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
    onRefused: (transaction) => submitter.refused(transaction)
  })
  const { heartbeatMs, deltaMs } = readParameters(state)
  const agreement: Agreement = createAgreement({
    chain: id,
    config: {
      chain: id,
      set,
      self: voteSigner && { member: self, signer: voteSigner },
      genesisTimeMs: genesis.created,
      timing: { ...DEFAULT_TIMING, heartbeatMs, deltaMs }
    },
    recovered: { final: opened.final, journal: scan.entries },
    scan,
    journal,
    clock,
    verifier,
    onFailure: fail,
    application: {
      isFinal: (digest) => digest === head().digest,
      build: (request, timeMs) => blocks.build(request, timeMs),
      check: (proposal) => blocks.check(proposal),
      commit: (headers, certificate) => blocks.commit(headers, certificate),
      fetchBlock: (digest, from) => blocks.fetchBlock(digest, from),
      catchUp: (from) => blocks.catchUp(from.flatMap((member) => directory.peerOf(member) ?? [])),
      exchangePending: () => {
        if (!hasWork()) agreement.work(false)
        for (const peer of network.connected()) void guarded(() => askPending(peer))
      },
      publish: (message) => void guarded(() => publish(message)),
      tell: (member, message) => void guarded(() => tell(member, message))
    }
  })

  serveSync({
    store,
    network,
    mempool,
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
    if (event === 'connected') void guarded(() => welcome(peer))
  })

  outbox(await submitter.restore())
  await setPeers()
  agreement.start()
  if (mempool.size > 0) agreement.work(true)
  void guarded(async () => {
    await catchUp([])
    if (phase === 'catching-up') phase = 'running'
  })
  scheduleExchange()

  async function* hearTold(message: Uint8Array, from: PeerName): AsyncIterable<Uint8Array> {
    if ((await agreement.receive(message, from)) === 'reject') network.report(from, 'bad-message')
    // The answer is the end of the stream.
    yield* []
  }

  function committed(wanted: TransactionId): Outcome | undefined {
    const place = query.place(wanted)
    return place && { kind: 'committed', height: place.height }
  }

  /** Whether a block could take a pending transaction now. What must wait for another block, or for its end, keeps nobody awake. */
  function hasWork(): boolean {
    let looks = 0
    for (const transaction of mempool.all()) {
      if (looks === WORK_LOOKS_MAX || admission.judge(transaction).kind === 'accept') return true
      looks += 1
    }
    return false
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
    await network.gossip.publish(topic(message.kind === 'proposal' ? 'proposal' : 'vote'), encodeMessage(message))
  }

  async function tell(member: MemberId, message: Message): Promise<void> {
    const peer = directory.peerOf(member)
    if (peer === undefined || !network.connected().includes(peer)) return
    await sync.tell(peer, TELL_PROTOCOL, encodeMessage(message))
  }

  async function catchUp(peers: readonly PeerName[]): Promise<void> {
    const last: { header: Header; certificate: Certificate } | undefined = await blocks.catchUp(peers)
    if (last !== undefined) agreement.synced(last.header, last.certificate)
  }

  /** A peer that has just connected may have final blocks and transactions that were missed. */
  async function welcome(peer: PeerName): Promise<void> {
    await catchUp([peer])
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
      scheduleExchange()
    })
  }

  return {
    id,
    genesis,
    self,
    state,
    store,
    query,
    payloads: { ...payloads, fetch: (transaction) => orFail(() => payloads.fetch(transaction)) },
    head,
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
    peers() {
      const connected = new Set(network.connected())
      return directory.others().map((entry) => ({
        ...entry,
        connected: connected.has(entry.peer.name),
        sinceMs: since.get(entry.peer.name) ?? null
      }))
    },
    status() {
      const { epoch, view } = agreement.status()
      return { phase, epoch, view, mempool: { transactions: mempool.size, bytes: mempool.sizeBytes } }
    },
    async stop() {
      if (phase !== 'stopped') halt()
      await network.close()
      await blocks.idle()
      await journal.close()
      await store.close()
    }
  }
}

function voteMark(marks: VoteMarks | null, chain: ChainId, signer: VoteSigner | null): VoteMark | null {
  if (marks === null || signer === null) return null
  const { publicKey } = signer
  return { isSet: () => marks.hasVoted(chain, publicKey), set: () => marks.markVoted(chain, publicKey) }
}
