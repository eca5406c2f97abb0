/**
 * Drives the consensus engine of one chain. The engine decides; this loop gives it messages, time and verdicts, and obeys
 * its outputs in their order: what it wants remembered is durable in the journal before what it wants said is sent.
 */
import { assert, type ChainId, type Digest, type Epoch, type Leaf, type MemberId, type View } from '@wardline/codec'
import {
  type BuildRequest,
  type Certificate,
  type Certified,
  certificateChecks,
  certificatesIn,
  createEngine,
  createJournalBook,
  type EngineBuffers,
  type EngineConfig,
  type EngineStatus,
  type Evidence,
  encodeJournalRecord,
  engineBuffers,
  engineStatus,
  entryEpoch,
  type Header,
  headerDigest,
  type Input,
  isRecovery,
  type JournalEntry,
  type JournalScan,
  type Message,
  noteAppend,
  type Output,
  type Proposal,
  parseMessage,
  planPrune,
  type Recovered,
  scanJournal,
  screen,
  setHash,
  step
} from '@wardline/consensus'
import type { Verifier } from '@wardline/crypto'
import type { Clock, GossipVerdict, Journal, PeerName, Timer } from '@wardline/ports'
import { createAllowance } from './allowance.ts'
import { allHold } from './signatures.ts'

export type Refusal = Extract<Output, { kind: 'refused' }>

/** What the engine asks of the rest of the node. Each may take its time; the loop goes on meanwhile. */
export type Application = {
  /** How long to let the block fill before `build`; 0: not at all. */
  fillMs(request: BuildRequest): number
  /** Makes a block whose body is durable, or says why not. */
  build(
    request: BuildRequest,
    timeMs: number
  ): Promise<{ header: Header; leaves: readonly Leaf[] } | 'nothing' | 'failed'>
  /** Fetches what is missing of a proposal, executes it and makes its body durable. `fetched` are ancestors it had to fetch. */
  check(proposal: Proposal): Promise<{ verdict: 'valid' | 'invalid' | 'unavailable'; fetched: readonly Header[] }>
  /** Gets the payloads of a proposal that is valid; whether all are durable here, which a vote for it needs. */
  hold(proposal: Proposal): Promise<boolean>
  /** Commits these and whatever lies between the head and the first of them. @param passed see the engine's output */
  commit(blocks: readonly Header[], certificate: Certificate, passed: readonly Certificate[]): Promise<void>
  /** A block by digest, its body durable here; undefined if nobody asked has it. */
  fetchBlock(digest: Digest, from: readonly MemberId[]): Promise<Header | undefined>
  /** Catches up from members that are ahead, and says what it came to by `synced`. */
  catchUp(from: readonly MemberId[]): Promise<void>
  /** Whether this is the digest of the head. */
  isFinal(digest: Digest): boolean
  /** Asks peers what is pending with them. */
  exchangePending(): void
  /** A peer is in a later epoch: it has the block that ends this one. */
  ahead(from: PeerName): void
  /**
   * The epoch that the disk has reached, and the last block of it that is there with its own finalization; everything that a
   * vote in it asks for is done.
   */
  epoch(): Promise<{ readonly config: EngineConfig; readonly final: Certified | null }>
  /** A peer gives a view up: it may wait for a block with transactions that never came here. */
  impatient(from: PeerName): void
  /** What a certificate, if it is genuine, contradicts of what is final on the disk; see `Forks`. */
  judgeFork(certificate: Certificate): 'fork' | 'old-fork' | undefined
  /**
   * A genuine certificate contradicts what is final: keeps the proof. @param held other certificates that may tell of signers
   * @returns the error to stop with
   */
  forked(certificate: Certificate, held: readonly Certificate[]): Promise<unknown>
  /** A genuine certificate is an `old-fork`: keeps it. */
  oldFork(certificate: Certificate): Promise<void>
  /** The disk holds less than this daemon signed; it asks the others what it may have signed. */
  journalLost(): void
  /** What was signed below `view` is not known, and nothing is signed there. */
  silentUntil(view: View): void
  /** A member was caught at signing two votes that exclude each other. */
  evidence(evidence: Evidence): Promise<void>
  /** A leader's header cannot be voted for here. */
  refused(what: Refusal): void
  publish(message: Message): void
  tell(member: MemberId, message: Message): void
}

export type Agreement = {
  start(): void
  /** A consensus message from a peer, by gossip or by stream. */
  receive(data: Uint8Array, from: PeerName): Promise<GossipVerdict>
  /** The mempool has grown, or has become empty. */
  work(hasWork: boolean): void
  /** A member's daemon has been connected. */
  connected(member: MemberId): void
  /** Whether it signs nothing for now. */
  pause(isPaused: boolean): void
  /** A block that ends the epoch is on disk: its engine makes room for that of the next one. */
  epochEnded(): void
  /** Catch-up, whoever asked for it, has committed up to here. */
  synced(header: Header, certificate: Certificate): void
  status(): EngineStatus
  /** With the messages of the next epoch that wait for it. */
  buffers(): EngineBuffers & { readonly earlyMessages: number }
  stop(): void
}

export type AgreementParts = {
  readonly chain: ChainId
  readonly config: EngineConfig
  readonly recovered: Recovered
  readonly scan: Extract<JournalScan, { kind: 'ok' }>
  readonly journal: Journal
  readonly clock: Clock
  readonly verifier: Verifier
  readonly application: Application
  /** The loop has failed: an assertion, or the journal's disk. The chain must stop; nothing more is sent. */
  readonly onFailure: (error: unknown) => void
}

/** Of a journal that holds nothing. */
const EMPTY_SCAN = { kind: 'ok', entries: [], nextSeq: 1, segments: [] } as const

/** Messages of one peer whose signatures are being verified; more are dropped. */
const VERIFYING_PER_PEER_MAX = 64
/** Certificates of one peer that contradict what is final and are verified; more are dropped. */
const FORK_CHECKS_PER_SECOND = 10
/** Messages of the next epoch that are kept until it begins here; more are dropped, and said again by who sent them. */
const EARLY_MAX = 32
const EARLY_PER_PEER_MAX = 4

export function createAgreement(parts: AgreementParts): Agreement {
  const { journal, clock, verifier, application, onFailure } = parts
  let { config } = parts
  let book = createJournalBook(parts.scan)
  /** Nothing says what this daemon signed, until the machine has journaled what the others told. */
  let isJournalLost = parts.recovered.isJournalLost ?? false
  /** Epochs in which it came back from that, and the highest view in which it may have signed before. */
  const recoveredIn = new Map(
    parts.recovered.journal.flatMap((entry) => (isRecovery(entry) ? [[entry.epoch, entry.view] as const] : []))
  )
  /** What an end between the last block of an epoch and the first entry of the next has left to be written. */
  const owed = carriedInto(config)
  let engine = createEngine(config, { ...parts.recovered, journal: [...parts.recovered.journal, ...owed] })
  /** What the journal says of later epochs than the one it is read in: the store had lost a write. */
  const later = parts.recovered.journal.filter((entry) => entryEpoch(entry) > config.set.epoch)
  const queue: (Input | 'epoch-ended')[] = []
  /** Messages of the next epoch from who is in it already. */
  const early: { readonly data: Uint8Array; readonly from: PeerName }[] = []
  const verifying = new Map<PeerName, number>()
  const forkChecks = createAllowance({ clock, burst: FORK_CHECKS_PER_SECOND, perSecond: FORK_CHECKS_PER_SECOND })
  let isPaused = false
  let running = false
  let stopped = false
  let alarm: Timer | undefined
  /** How often the mempool was said to have grown. */
  let arrivals = 0
  let commits: Promise<void> = Promise.resolve()
  let appends: Promise<void> = Promise.resolve()

  function feed(input: Input | 'epoch-ended'): void {
    if (stopped) return
    queue.push(input)
    if (!running) void run()
  }

  /** A function that feeds what was asked for, or checked, by the present engine, and nothing once another is in its place. */
  function feeder(): (input: Input) => void {
    const asker = engine
    return (input) => {
      if (engine === asker) feed(input)
    }
  }

  async function run(): Promise<void> {
    running = true
    try {
      while (queue.length > 0 && !stopped) {
        const next = queue.indexOf('epoch-ended')
        const inputs = queue.splice(0, next === -1 ? queue.length : next)
        const outputs = inputs.flatMap((input) => (input === 'epoch-ended' ? [] : step(engine, input)))
        await obey(outputs)
        if (queue[0] !== 'epoch-ended' || stopped) continue
        queue.shift()
        await enterEpoch()
      }
    } catch (error) {
      const { conflict } = engineStatus(engine)
      if (conflict === null) fail(error)
      else await failForked(conflict)
    }
    running = false
  }

  /** Stops with a fork once the proof is kept, or with why that could not be done. */
  async function failForked(certificate: Certificate): Promise<void> {
    if (stopped) return
    stop()
    try {
      const scan = scanJournal(await journal.read())
      onFailure(await application.forked(certificate, scan.kind === 'ok' ? certificatesIn(scan.entries) : []))
    } catch (error) {
      onFailure(error)
    }
  }

  /**
   * The engine of an epoch that is over has said everything; what it waits for does not reach the next one. Who asked the
   * others in this run need not ask again.
   */
  async function enterEpoch(): Promise<void> {
    const { config: next, final } = await application.epoch()
    const { epoch, voting } = engineStatus(engine)
    if (stopped || next.set.epoch === epoch) return
    alarm?.cancel()
    const carried = carriedInto(next)
    if (carried.length > 0) await append(carried)
    const isAudited = voting.kind !== 'follower' && voting.kind !== 'asking'
    config = next
    engine = createEngine(config, { final, journal: [...later, ...carried], isJournalLost, isAudited, isPaused })
    await obey(step(engine, { kind: 'start', nowMs: clock.nowMs() }))
    for (const { data, from } of early.splice(0)) {
      void task(async () => {
        await receive(data, from)
      })
    }
  }

  /**
   * A journal that was lost in an epoch may have signed in the first view of the next: nobody who was asked need have been
   * there. In no later one, for then a quorum had entered it. And not if the epoch was closed in a later view than those
   * who were asked had reached: they had entered the view after every block that was final then.
   * @returns what the journal must hold of that before anything is signed in the epoch of `next`, and does not
   */
  function carriedInto({ set: { epoch }, start }: EngineConfig): readonly JournalEntry[] {
    const lostUpTo = recoveredIn.get((epoch - 1) as Epoch)
    if (lostUpTo === undefined || start === null || start.header.view > lostUpTo || recoveredIn.has(epoch)) return []
    return [{ kind: 'pruned', epoch, view: 2 as View, firstSeq: 1 }]
  }

  function fail(error: unknown): void {
    if (stopped) return
    stop()
    onFailure(error)
  }

  function stop(): void {
    stopped = true
    alarm?.cancel()
  }

  /** All entries of a round go to the disk in one append, before anything of the round is said. */
  async function obey(outputs: readonly Output[]): Promise<void> {
    const lostAt = outputs.findIndex(({ kind }) => kind === 'journal-lost')
    if (lostAt === -1) return obeyRound(outputs)
    await obeyRound(outputs.slice(0, lostAt))
    isJournalLost = true
    application.journalLost()
    await setAside()
    await obey(outputs.slice(lostAt + 1))
  }

  async function obeyRound(outputs: readonly Output[]): Promise<void> {
    const entries = outputs.flatMap((output) => (output.kind === 'journal' ? [output.entry] : []))
    if (entries.length > 0) await append(entries)
    if (stopped) return
    for (const entry of entries) {
      if (!isRecovery(entry)) continue
      isJournalLost = false
      recoveredIn.set(entry.epoch, entry.view)
      application.silentUntil((entry.view + 1) as View)
    }
    for (const output of outputs) perform(output)
  }

  /** One at a time: a record's number is taken when the one before it is on the disk. */
  function append(entries: readonly JournalEntry[]): Promise<void> {
    appends = appends.then(() => appendNow(entries))
    return appends
  }

  async function appendNow(entries: readonly JournalEntry[]): Promise<void> {
    const segment = await journal.append(encodeJournalRecord(book.nextSeq, entries))
    noteAppend(book, segment, entries)
  }

  /** What the journal holds is older than what was signed: it begins anew, and is lost until its first record says more. */
  function setAside(): Promise<void> {
    appends = appends.then(async () => {
      await journal.setAside()
      book = createJournalBook(EMPTY_SCAN)
    })
    return appends
  }

  /** Planned when its turn comes: the journal may have been set aside by then. */
  function prune(certificate: Certificate): Promise<void> {
    appends = appends.then(async () => {
      const plan = planPrune(book, certificate)
      if (plan === undefined) return
      await appendNow([plan.entry])
      await journal.dropBelow(plan.dropBelow)
    })
    return appends
  }

  function perform(output: Output): void {
    switch (output.kind) {
      case 'journal':
      case 'journal-lost':
        return
      case 'send':
        if (output.to === 'all') application.publish(output.message)
        else application.tell(output.to, output.message)
        return
      case 'build':
        void task(() => build(output))
        return
      case 'check':
        void task(() => check(output.proposal, output.digest))
        return
      case 'commit':
        commits = commits.then(() => task(() => commit(output)))
        return
      case 'alarm':
        alarm?.cancel()
        alarm =
          output.atMs === null
            ? undefined
            : clock.after(Math.max(0, output.atMs - clock.nowMs()), () => feed({ kind: 'alarm', nowMs: clock.nowMs() }))
        return
      case 'fetch-block':
        void task(() => fetchBlock(output.digest, output.from))
        return
      case 'behind':
        void task(() => application.catchUp(output.from))
        return
      case 'evidence':
        void task(() => application.evidence(output.evidence))
        return
      case 'refused':
        application.refused(output)
        return
      case 'retry':
        application.exchangePending()
        return
    }
  }

  /** Runs beside the loop; what fails in it stops the chain. */
  async function task(run: () => Promise<void>): Promise<void> {
    try {
      if (!stopped) await run()
    } catch (error) {
      fail(error)
    }
  }

  async function fetchBlock(digest: Digest, from: readonly MemberId[]): Promise<void> {
    const answer = feeder()
    const header = await application.fetchBlock(digest, from)
    if (header !== undefined) answer({ kind: 'fetched', header, nowMs: clock.nowMs() })
  }

  async function build(request: BuildRequest): Promise<void> {
    const tell = feeder()
    const waitMs = application.fillMs(request)
    if (waitMs > 0) {
      await new Promise<void>((resolve) => clock.after(waitMs, resolve))
      const { epoch, view } = engineStatus(engine)
      if (stopped || epoch !== request.epoch || view !== request.view) return
    }
    const arrivedBefore = arrivals
    const built = await application.build(request, Math.max(request.timeMinMs, clock.nowMs()))
    const answer = { kind: 'built', view: request.view, parent: request.parent.digest, nowMs: clock.nowMs() } as const
    if (typeof built === 'string') {
      tell({ ...answer, header: null, leaves: [], reason: built })
      if (built !== 'nothing') return
      // What arrived while the block was being filled may not have been looked at: without a word the engine would wait
      // for the next arrival. Otherwise nothing that is pending can follow on the final state, and it is no work until
      // another block or transaction comes.
      if (arrivals !== arrivedBefore) tell({ kind: 'work', hasWork: true, nowMs: clock.nowMs() })
      else if (application.isFinal(request.parent.digest)) tell({ kind: 'work', hasWork: false, nowMs: clock.nowMs() })
    } else tell({ ...answer, header: built.header, leaves: built.leaves })
  }

  async function check(proposal: Proposal, digest: Digest): Promise<void> {
    const answer = feeder()
    const { verdict, fetched } = await application.check(proposal)
    for (const header of fetched) answer({ kind: 'fetched', header, nowMs: clock.nowMs() })
    const isHeld = verdict !== 'valid' || (await application.hold(proposal))
    const { view } = proposal
    answer({ kind: 'checked', view, digest, verdict: isHeld ? verdict : 'unavailable', nowMs: clock.nowMs() })
  }

  async function commit({ blocks, certificate, passed }: Extract<Output, { kind: 'commit' }>): Promise<void> {
    const last = blocks.at(-1)
    assert(last !== undefined, 'a commit names blocks')
    const answer = feeder()
    const isClosing = last.nextSetHash !== setHash(config.set.validators)
    await application.commit(blocks, certificate, passed)
    if (stopped) return
    answer({ kind: 'committed', digest: headerDigest(last) })
    // What the journal tells of an epoch that has ended is needed until the next one is entered.
    if (!isClosing) await prune(certificate)
  }

  /** A certificate that contradicts what is final: somebody's forgery, or the end of this chain, or of old keys. */
  async function judgeFork(certificate: Certificate): Promise<GossipVerdict> {
    const { epoch } = certificate
    const set = epoch === config.set.epoch ? config.set : config.earlier(epoch)
    if (set === undefined) return 'ignore'
    const checks = certificateChecks(set, parts.chain, certificate)
    if (checks === undefined || !(await allHold(verifier, checks, 'urgent'))) return 'reject'
    // Epochs may have ended meanwhile.
    if (application.judgeFork(certificate) === 'fork') await failForked(certificate)
    else await task(() => application.oldFork(certificate))
    return 'ignore'
  }

  async function receive(data: Uint8Array, from: PeerName): Promise<GossipVerdict> {
    const message = parseMessage(data)
    if (message === undefined) return 'reject'
    const answer = feeder()
    const nowMs = clock.nowMs()
    const screening = screen(engine, message, from, nowMs)
    if (screening.kind === 'reject') return 'reject'
    if (message.kind === 'certificate' && application.judgeFork(message.certificate) !== undefined) {
      const { certificate } = message
      return forkChecks.take(from, 1) ? limited(from, () => judgeFork(certificate)) : 'busy'
    }
    if (message.kind === 'vote' && message.vote.kind === 'nullify') application.impatient(from)
    if (screening.kind === 'ignore' && screening.code === 'later-epoch') hearEarly(data, from)
    if (screening.kind !== 'verify') return screening.kind
    return limited(from, async () => {
      if (!(await allHold(verifier, screening.checks, 'urgent'))) return 'reject'
      answer({ kind: 'message', from, message: screening.instead ?? message, nowMs: clock.nowMs() })
      return screening.forward ? 'accept' : 'ignore'
    })
  }

  /** Verifies one message of a peer, unless many of it are being verified. */
  async function limited(from: PeerName, verify: () => Promise<GossipVerdict>): Promise<GossipVerdict> {
    const busy = verifying.get(from) ?? 0
    if (busy >= VERIFYING_PER_PEER_MAX) return 'busy'
    verifying.set(from, busy + 1)
    try {
      return await verify()
    } finally {
      const left = (verifying.get(from) ?? 1) - 1
      if (left > 0) verifying.set(from, left)
      else verifying.delete(from)
    }
  }

  /** Others write the last block of an epoch faster than this daemon: what they say next would be lost. */
  function hearEarly(data: Uint8Array, from: PeerName): void {
    application.ahead(from)
    const ofPeer = early.filter((one) => one.from === from)
    if (early.length < EARLY_MAX && ofPeer.length < EARLY_PER_PEER_MAX) early.push({ data, from })
  }

  return {
    start() {
      // Before the first entry of the engine, which waits for its turn behind it.
      if (owed.length > 0) void task(() => append(owed))
      feed({ kind: 'start', nowMs: clock.nowMs() })
    },

    receive,

    work(hasWork) {
      if (hasWork) arrivals += 1
      feed({ kind: 'work', hasWork, nowMs: clock.nowMs() })
    },
    pause(paused) {
      if (paused === isPaused) return
      isPaused = paused
      feed({ kind: 'pause', isPaused, nowMs: clock.nowMs() })
    },
    epochEnded: () => feed('epoch-ended'),
    synced: (header, certificate) => feed({ kind: 'sync-head', header, certificate, nowMs: clock.nowMs() }),
    connected: (member) => feed({ kind: 'connected', member, nowMs: clock.nowMs() }),
    status: () => engineStatus(engine),
    buffers: () => ({ ...engineBuffers(engine), earlyMessages: early.length }),
    stop
  }
}
