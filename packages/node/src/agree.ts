/**
 * Drives the consensus engine of one chain. The engine decides; this loop gives it messages, time and verdicts, and obeys
 * its outputs in their order: what it wants remembered is durable in the journal before what it wants said is sent.
 */
import { assert, type ChainId, type Digest, type Leaf, type MemberId } from '@wardline/codec'
import {
  type BuildRequest,
  type Certificate,
  createEngine,
  createJournalBook,
  type EngineConfig,
  type EngineStatus,
  encodeJournalRecord,
  engineStatus,
  type Header,
  headerDigest,
  type Input,
  type JournalEntry,
  type JournalScan,
  type Message,
  noteAppend,
  type Output,
  type Proposal,
  parseMessage,
  planPrune,
  type Recovered,
  screen,
  step
} from '@wardline/consensus'
import type { Verifier } from '@wardline/crypto'
import type { Clock, GossipVerdict, Journal, PeerName, Timer } from '@wardline/ports'
import { allHold } from './signatures.ts'

/** What the engine asks of the rest of the node. Each may take its time; the loop goes on meanwhile. */
export type Application = {
  /** Makes a block whose body is durable, or says why not. */
  build(
    request: BuildRequest,
    timeMs: number
  ): Promise<{ header: Header; leaves: readonly Leaf[] } | 'nothing' | 'failed'>
  /** Fetches what is missing of a proposal, executes it and makes its body durable. `fetched` are ancestors it had to fetch. */
  check(proposal: Proposal): Promise<{ verdict: 'valid' | 'invalid' | 'unavailable'; fetched: readonly Header[] }>
  /** Commits these and whatever lies between the head and the first of them. */
  commit(blocks: readonly Header[], certificate: Certificate): Promise<void>
  /** A block by digest, its body durable here; undefined if nobody asked has it. */
  fetchBlock(digest: Digest, from: readonly MemberId[]): Promise<Header | undefined>
  /** Catches up from members that are ahead; the last block committed, or undefined if nothing was. */
  catchUp(from: readonly MemberId[]): Promise<{ header: Header; certificate: Certificate } | undefined>
  /** Whether this is the digest of the head. */
  isFinal(digest: Digest): boolean
  /** Asks peers what is pending with them. */
  exchangePending(): void
  publish(message: Message): void
  tell(member: MemberId, message: Message): void
}

export type Agreement = {
  start(): void
  /** A consensus message from a peer, by gossip or by stream. */
  receive(data: Uint8Array, from: PeerName): Promise<GossipVerdict>
  /** The mempool has grown, or has become empty. */
  work(hasWork: boolean): void
  /** Catch-up that nobody asked for has committed up to here. */
  synced(header: Header, certificate: Certificate): void
  status(): EngineStatus
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

/** Messages of one peer whose signatures are being verified; more are dropped. */
const VERIFYING_PER_PEER_MAX = 64

export function createAgreement(parts: AgreementParts): Agreement {
  const { journal, clock, verifier, application, onFailure } = parts
  const engine = createEngine(parts.config, parts.recovered)
  const book = createJournalBook(parts.scan)
  const queue: Input[] = []
  const verifying = new Map<PeerName, number>()
  let running = false
  let stopped = false
  let alarm: Timer | undefined
  /** How often the mempool was said to have grown. */
  let arrivals = 0
  let commits: Promise<void> = Promise.resolve()
  let appends: Promise<void> = Promise.resolve()

  function feed(input: Input): void {
    if (stopped) return
    queue.push(input)
    if (!running) void run()
  }

  async function run(): Promise<void> {
    running = true
    try {
      while (queue.length > 0 && !stopped) {
        const outputs = queue.splice(0).flatMap((input) => step(engine, input))
        await obey(outputs)
      }
    } catch (error) {
      fail(error)
    }
    running = false
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
    const entries = outputs.flatMap((output) => (output.kind === 'journal' ? [output.entry] : []))
    if (entries.length > 0) await append(entries)
    if (stopped) return
    for (const output of outputs) perform(output)
  }

  /** One at a time: a record's number is taken when the one before it is on the disk. */
  function append(entries: readonly JournalEntry[]): Promise<void> {
    appends = appends.then(async () => {
      const segment = await journal.append(encodeJournalRecord(book.nextSeq, entries))
      noteAppend(book, segment, entries)
    })
    return appends
  }

  function perform(output: Output): void {
    switch (output.kind) {
      case 'journal':
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
        commits = commits.then(() => task(() => commit(output.blocks, output.certificate)))
        return
      case 'alarm':
        alarm?.cancel()
        alarm =
          output.atMs === null
            ? undefined
            : clock.after(Math.max(0, output.atMs - clock.nowMs()), () => feed({ kind: 'alarm', nowMs: clock.nowMs() }))
        return
      case 'fetch-block':
        void task(async () => {
          const header = await application.fetchBlock(output.digest, output.from)
          if (header !== undefined) feed({ kind: 'fetched', header, nowMs: clock.nowMs() })
        })
        return
      case 'behind':
        void task(async () => {
          const head = await application.catchUp(output.from)
          if (head !== undefined) feed({ kind: 'sync-head', ...head, nowMs: clock.nowMs() })
        })
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

  async function build(request: BuildRequest): Promise<void> {
    const arrivedBefore = arrivals
    const built = await application.build(request, Math.max(request.timeMinMs, clock.nowMs()))
    const answer = { kind: 'built', view: request.view, parent: request.parent.digest, nowMs: clock.nowMs() } as const
    if (typeof built === 'string') {
      feed({ ...answer, header: null, leaves: [], reason: built })
      if (built !== 'nothing') return
      // What arrived while the block was being filled may not have been looked at: without a word the engine would wait
      // for the next arrival. Otherwise nothing that is pending can follow on the final state, and it is no work until
      // another block or transaction comes.
      if (arrivals !== arrivedBefore) feed({ kind: 'work', hasWork: true, nowMs: clock.nowMs() })
      else if (application.isFinal(request.parent.digest)) feed({ kind: 'work', hasWork: false, nowMs: clock.nowMs() })
    } else feed({ ...answer, header: built.header, leaves: built.leaves })
  }

  async function check(proposal: Proposal, digest: Digest): Promise<void> {
    const { verdict, fetched } = await application.check(proposal)
    for (const header of fetched) feed({ kind: 'fetched', header, nowMs: clock.nowMs() })
    feed({ kind: 'checked', digest, verdict, nowMs: clock.nowMs() })
  }

  async function commit(blocks: readonly Header[], certificate: Certificate): Promise<void> {
    const last = blocks.at(-1)
    assert(last !== undefined, 'a commit names blocks')
    await application.commit(blocks, certificate)
    if (stopped) return
    feed({ kind: 'committed', digest: headerDigest(last) })
    const prune = planPrune(book, last.epoch, certificate.view)
    if (prune === undefined) return
    await append([prune.entry])
    await journal.dropBelow(prune.dropBelow)
  }

  return {
    start: () => feed({ kind: 'start', nowMs: clock.nowMs() }),

    async receive(data, from) {
      const message = parseMessage(data)
      if (message === undefined) return 'reject'
      const nowMs = clock.nowMs()
      const screening = screen(engine, message, from, nowMs)
      if (screening.kind !== 'verify') return screening.kind
      const busy = verifying.get(from) ?? 0
      if (busy >= VERIFYING_PER_PEER_MAX) return 'busy'
      verifying.set(from, busy + 1)
      try {
        if (!(await allHold(verifier, screening.checks, 'urgent'))) return 'reject'
      } finally {
        const left = (verifying.get(from) ?? 1) - 1
        if (left > 0) verifying.set(from, left)
        else verifying.delete(from)
      }
      feed({ kind: 'message', from, message, nowMs: clock.nowMs() })
      return screening.forward ? 'accept' : 'ignore'
    },

    work(hasWork) {
      if (hasWork) arrivals += 1
      feed({ kind: 'work', hasWork, nowMs: clock.nowMs() })
    },
    synced: (header, certificate) => feed({ kind: 'sync-head', header, certificate, nowMs: clock.nowMs() }),
    status: () => engineStatus(engine),
    stop
  }
}
