/**
 * Gets blocks from "named" to "final": collects a proposal's transactions, executes a block after its ancestors, commits what
 * was finalized, and catches up from peers after an absence. Everything that moves the head goes through one lock.
 */
import { type ChainId, type Digest, type Epoch, type Leaf, type MemberId, WardlineError } from '@wardline/codec'
import {
  type BuildRequest,
  type Certificate,
  type Certified,
  certificateChecks,
  encodeHeader,
  type Header,
  headerDigest,
  leavesRoot,
  type Proposal,
  parseHeader
} from '@wardline/consensus'
import type { Verifier } from '@wardline/crypto'
import { decodeBlockBody, encodeBlockBody, leafOf, type ParsedTransaction, type Pin } from '@wardline/ledger'
import type { Clock, KeyValueStore, Log, Network, PeerName, StoreWrite } from '@wardline/ports'
import type { Admission } from './admission.ts'
import type { Committer } from './commit.ts'
import type { Directory } from './directory.ts'
import type { Epochs } from './epochs.ts'
import type { ExecutedBlock, Executor, Roots, Selection } from './executor.ts'
import type { Forks } from './fork.ts'
import type { Head } from './head.ts'
import { keys } from './layout.ts'
import type { Mempool } from './mempool.ts'
import { storedHeader, storedHeight } from './open.ts'
import type { PayloadKeeper } from './payloads.ts'
import { missesPin } from './pin.ts'
import { allHold, allTrue } from './signatures.ts'
import type { ChainPart, SyncClient } from './sync.ts'

export type Blocks = {
  build(
    request: BuildRequest,
    timeMs: number
  ): Promise<{ header: Header; leaves: readonly Leaf[] } | 'nothing' | 'failed'>
  check(proposal: Proposal): Promise<Checked>
  /**
   * Gets the payloads of a proposal that was found valid; whether all are durable here, without which this daemon does not
   * vote. That is no rule of the chain: it follows all the same if the others finalize the block.
   */
  hold(proposal: Proposal): Promise<boolean>
  /** Retries until the blocks are here and final, or `stop` was called. */
  commit(blocks: readonly Header[], certificate: Certificate, passed: readonly Certificate[]): Promise<void>
  fetchBlock(digest: Digest, from: readonly MemberId[]): Promise<Header | undefined>
  /**
   * Takes final blocks from these peers and all others, a part at a time and from each in its turn, until nobody has more. Who
   * calls while that is under way waits for it, and the peers named are asked once more.
   * @returns whether there was anything
   */
  catchUp(peers: readonly PeerName[]): Promise<boolean>
  stop(): void
  /** Resolves when nothing is being committed any more. */
  idle(): Promise<void>
}

export type Checked = {
  readonly verdict: 'valid' | 'invalid' | 'unavailable'
  /** Ancestors that had to be fetched. */
  readonly fetched: readonly Header[]
}

export type BlocksParts = {
  readonly chain: ChainId
  readonly epochs: Epochs
  /** A block that people know to be final. */
  readonly pin: Pin | null
  readonly forks: Pick<Forks, 'judge'>
  /** A quorum finalized what contradicts the final chain: keeps the proof, and gives the error to stop with. */
  readonly forked: (certificate: Certificate, held: readonly Certificate[]) => Promise<unknown>
  /** The same of an epoch that ended long ago: keeps the proof. */
  readonly oldFork: (certificate: Certificate) => Promise<void>
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly log: Log
  readonly network: Network
  readonly verifier: Verifier
  readonly admission: Admission
  readonly mempool: Mempool
  readonly executor: Executor
  readonly committer: Committer
  readonly directory: Directory
  readonly sync: SyncClient
  readonly payloads: Pick<PayloadKeeper, 'isReady' | 'hold'>
  /** Resolves when a gossiped transaction that is being verified has been taken in. */
  readonly arrival: (leaf: Leaf) => Promise<unknown> | undefined
  /** Catch-up has come to the end of what one peer has; this is the last block that it committed. */
  readonly onLevel: (last: Certified) => void
  /** Catch-up that nobody waits for has failed. */
  readonly onFailure: (error: unknown) => void
  /** Told of a pending transaction that could not be in a block made here. */
  readonly onRefused: (transaction: ParsedTransaction) => void
}

type Execution =
  | { readonly kind: 'executed'; readonly headers: readonly Header[] }
  | { readonly kind: 'missing' }
  | { readonly kind: 'invalid'; readonly header: Header; readonly code: string }

type Collected =
  | { readonly kind: 'collected'; readonly transactions: readonly ParsedTransaction[] }
  | { readonly kind: 'missing' }
  | { readonly kind: 'faulty' }

type Obtained =
  | {
      readonly kind: 'obtained'
      readonly header: Header
      readonly transactions: readonly ParsedTransaction[]
    }
  | { readonly kind: 'missing' }
  /** The block itself, by its digest, holds a transaction with a fault. */
  | { readonly kind: 'faulty'; readonly header: Header }

/** Unfinalised ancestors that are executed for one block; the consensus keeps far fewer. */
const ANCESTORS_MAX = 64
const RETRY_MIN_MS = 250
/** A leader chooses transactions for this long at a time; nothing else is done meanwhile, and the view is running. */
const BUILD_MS = 150
/** How long to wait for what is being verified, a block or its transactions, before it is asked of others. */
const CHECK_WAIT_MS = 250
const RETRY_MAX_MS = 5_000
/** While a peer took longer than this for its part, those that had nothing more may have got new blocks. */
const LONG_PART_MS = 2_000

export function createBlocks(parts: BlocksParts): Blocks {
  const {
    chain,
    epochs,
    forks,
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
    sync
  } = parts
  let stopped = false
  /** Blocks whose check is under way: who needs one waits for that rather than fetch it once more. */
  const checking = new Map<Digest, Promise<Checked>>()
  let advancing: Promise<unknown> = Promise.resolve()
  let catchingUp: Promise<boolean> | undefined
  /** Whom catch-up has yet to ask. */
  const waiting = new Set<PeerName>()

  /** Runs what moves the head, one at a time. */
  function exclusively<T>(run: () => Promise<T>): Promise<T> {
    const next = advancing.then(run, run)
    advancing = next
    return next
  }

  function peersOf(members: readonly MemberId[]): PeerName[] {
    const connected = new Set(network.connected())
    return members.flatMap((member) => {
      const peer = directory.peerOf(member)
      return peer !== undefined && connected.has(peer) ? [peer] : []
    })
  }

  /** `first`, then every other connected peer. */
  function orElseAll(first: readonly PeerName[]): PeerName[] {
    return [...new Set([...first, ...network.connected()])]
  }

  async function keep(header: Header, digest: Digest, transactions: readonly Uint8Array[]): Promise<void> {
    const writes: StoreWrite[] = [
      { key: keys.body(digest), value: encodeBlockBody(transactions) },
      { key: keys.pending(digest), value: encodeHeader(header) }
    ]
    await store.write(writes, { sync: true })
  }

  /**
   * The transactions with these leaves, from the mempool or the peers. A leaf is the hash of signed bytes, so bytes that have
   * it and are faulty make the block that names it invalid, whoever is asked.
   */
  async function collect(digest: Digest, leaves: readonly Leaf[], peers: readonly PeerName[]): Promise<Collected> {
    const found = new Map<Leaf, ParsedTransaction>()
    const missing = () => leaves.filter((leaf) => !found.has(leaf))
    await arrivals(leaves.filter((leaf) => !mempool.has(leaf)))
    for (const leaf of leaves) {
      const pending = mempool.get(leaf)
      if (pending !== undefined) found.set(leaf, pending)
    }
    for (const peer of peers) {
      const wanted = missing()
      if (wanted.length === 0) break
      const received = await sync.transactions(peer, digest, wanted)
      const opened = await openAll([...received.values()])
      if (opened === undefined) return { kind: 'faulty' }
      for (const transaction of opened) found.set(transaction.leaf, transaction)
    }
    const all = leaves.flatMap((leaf) => found.get(leaf) ?? [])
    return all.length === leaves.length ? { kind: 'collected', transactions: all } : { kind: 'missing' }
  }

  /** Waits, for a while, for those of these leaves that a neighbour has brought and whose signatures are being verified. */
  async function arrivals(leaves: readonly Leaf[]): Promise<void> {
    const arriving = leaves.flatMap((leaf) => parts.arrival(leaf) ?? [])
    if (arriving.length > 0) await within(Promise.all(arriving), CHECK_WAIT_MS)
  }

  function within(run: Promise<unknown>, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = clock.after(timeoutMs, () => resolve(undefined))
      run.finally(() => timer.cancel()).then(resolve, reject)
    })
  }

  /** Parses and verifies transactions; undefined as soon as one has a fault. */
  async function openAll(body: readonly Uint8Array[]): Promise<ParsedTransaction[] | undefined> {
    const opened: ParsedTransaction[] = []
    const isGood = await allTrue([...body.entries()], async ([index, bytes]) => {
      const transaction = await admission.openForBlock(bytes)
      if (transaction !== undefined) opened[index] = transaction
      return transaction !== undefined
    })
    return isGood ? opened : undefined
  }

  /** A block that was kept here, or that a peer has; its body is durable and its transactions verified. */
  async function obtain(digest: Digest, peers: readonly PeerName[]): Promise<Obtained> {
    const headerBytes = storedHeader(store, digest)
    const bodyBytes = store.get(keys.body(digest))
    const kept = headerBytes && parseHeader(headerBytes)
    const body = bodyBytes && decodeBlockBody(bodyBytes)
    if (kept !== undefined && body !== undefined) {
      const transactions = await openAll(body)
      if (transactions !== undefined) return { kind: 'obtained', header: kept, transactions }
    }
    for (const peer of peers) {
      const received = await sync.block(peer, digest)
      if (received === undefined) continue
      const { header } = received
      if (leavesRoot(received.body.map(leafOf)) !== header.txRoot) {
        network.report(peer, 'bad-sync-answer')
        continue
      }
      const transactions = await openAll(received.body)
      if (transactions === undefined) return { kind: 'faulty', header }
      await keep(header, digest, received.body)
      return { kind: 'obtained', header, transactions }
    }
    return { kind: 'missing' }
  }

  /** Executes the unfinalised block `digest` after its ancestors. `headers` are those that had to be obtained. */
  async function ensureExecuted(digest: Digest, peers: readonly PeerName[]): Promise<Execution> {
    // While blocks are awaited or fetched, this one may be executed, and even become the head, by another way.
    const known = (): Execution => (executor.knows(digest) ? { kind: 'executed', headers: [] } : { kind: 'missing' })
    const chainDown: Extract<Obtained, { kind: 'obtained' }>[] = []
    for (let at = digest; !executor.knows(at); ) {
      if (chainDown.length === ANCESTORS_MAX) return known()
      await checked(at)
      if (executor.knows(at)) break
      const block = await obtain(at, peers)
      if (block.kind === 'missing' || block.header.height <= committer.head().height) return known()
      if (block.kind === 'faulty') return { kind: 'invalid', header: block.header, code: 'faulty-transaction' }
      chainDown.push(block)
      at = block.header.parent
    }
    for (const { header, transactions } of chainDown.reverse()) {
      // The head may have moved past this branch.
      if (!executor.knows(header.parent)) return known()
      const executed = executor.execute(header, transactions)
      if (executed.kind === 'invalid') return { kind: 'invalid', header, code: executed.code }
    }
    return { kind: 'executed', headers: chainDown.map(({ header }) => header) }
  }

  /** Waits for a check of this block that is under way, but not for a leader that holds its transactions back. */
  function checked(digest: Digest): Promise<unknown> | undefined {
    const running = checking.get(digest)
    if (running === undefined) return undefined
    return within(running, CHECK_WAIT_MS)
  }

  async function checkProposal({ header, leaves }: Proposal, digest: Digest): Promise<Checked> {
    const peers = orElseAll(peersOf([header.proposer]))
    const ancestors = await ensureExecuted(header.parent, peers)
    const fetched = ancestors.kind === 'executed' ? ancestors.headers : []
    const collected = await collect(digest, leaves, peers)
    if (collected.kind === 'faulty') {
      log.warn('a proposal names a faulty transaction', { height: header.height, member: header.proposer })
      return { verdict: 'invalid', fetched }
    }
    if (collected.kind === 'missing' || !executor.knows(header.parent)) return { verdict: 'unavailable', fetched }
    const { transactions } = collected
    const executed = executor.execute(header, transactions)
    if (executed.kind === 'invalid') {
      log.warn('a proposal breaks a rule', {
        height: header.height,
        view: header.view,
        member: header.proposer,
        code: executed.code
      })
      return { verdict: 'invalid', fetched }
    }
    await keep(
      header,
      digest,
      transactions.map(({ bytes }) => bytes)
    )
    return { verdict: 'valid', fetched }
  }

  /** The executed blocks from above the head up to `digest`, ascending. */
  function pathTo(digest: Digest): ExecutedBlock[] {
    const path: ExecutedBlock[] = []
    for (let at = digest; at !== committer.head().digest; ) {
      const block = executor.get(at)
      if (block === undefined) return []
      path.unshift(block)
      at = block.header.parent
    }
    return path
  }

  /**
   * Whether the headers follow on `start` without a gap, all of its epoch, and a quorum finalized the last of them. One that
   * ends the epoch must be the last: it has its own finalization, and what follows is for other validators.
   * @throws WardlineError `conflicting-finalization` for those that a quorum finalized in place of final ones
   */
  async function verifyPart(start: Head, part: ChainPart): Promise<boolean> {
    const [first] = part.headers
    const last = part.headers.at(-1)
    const { certificate } = part
    if (first === undefined || last === undefined || certificate === undefined) return false
    const set = epochs.present()
    let parent: Digest = first.parent
    let number: number = start.height
    for (const header of part.headers) {
      number += 1
      if (header.chain !== chain || header.parent !== parent || header.height !== number) return false
      if (header.epoch !== first.epoch) return false
      if (header.epoch === set.epoch && epochs.isClosing(header) && header !== last) return false
      parent = headerDigest(header)
      if (missesPin(parts.pin, header.height, parent)) {
        log.warn('a chain without the pinned block was refused', { height: number })
        return false
      }
    }
    if (certificate.kind !== 'finalize' || certificate.digest !== parent || certificate.epoch !== first.epoch)
      return false
    if (first.epoch < set.epoch) await noteFork(certificate, last)
    if (first.epoch !== set.epoch || !(await isGenuine(certificate))) return false
    if (first.parent !== start.digest) throw await parts.forked(certificate, [])
    return true
  }

  async function isGenuine(certificate: Certificate): Promise<boolean> {
    const set = epochs.setOf(certificate.epoch)
    const checks = set && certificateChecks(set, chain, certificate)
    return checks !== undefined && (await allHold(verifier, checks, 'urgent'))
  }

  /** @throws WardlineError `conflicting-finalization` if the block of this header is final elsewhere, in place of final ones here */
  async function noteFork(certificate: Certificate, header: Header): Promise<void> {
    if (forks.judge(certificate, header) === undefined || !(await isGenuine(certificate))) return
    const kind = forks.judge(certificate, header)
    if (kind === 'fork') throw await parts.forked(certificate, [])
    if (kind === 'old-fork') await parts.oldFork(certificate)
  }

  /**
   * Where a peer's blocks, which are of `epoch`, do not follow on those here: looks for the first epoch that it ended with
   * another block than this chain. The validators of that epoch are known here, those of later ones need not be the same there.
   * @throws WardlineError `conflicting-finalization`
   */
  async function compareClosings(peer: PeerName, epoch: Epoch): Promise<void> {
    const others: Certified[] = []
    let same = -1
    let other = Math.min(epoch, epochs.present().epoch + 1)
    for (let at = other - 1; at > same; at = Math.floor((same + other) / 2)) {
      const closing = await sync.closing(peer, at as Epoch)
      if (closing === undefined) break
      if (storedHeight(store, closing.certificate.digest) !== undefined) same = at
      else {
        other = at
        others.push(closing)
      }
    }
    for (const { certificate, header } of others) await noteFork(certificate, header)
  }

  /**
   * One answer of a peer with final blocks.
   * @returns how many of them were committed, and the last if it has a finalization; all count that came before an answer broke off
   */
  async function takePart(peer: PeerName): Promise<{ committed: number; last: Certified | undefined }> {
    let part: ChainPart | undefined
    let committed = 0
    let last: Certified | undefined
    // The consensus may move the head while the answer is under way, so it is judged by what was asked.
    const start = committer.head()
    await sync.blocks(
      peer,
      start.height + 1,
      async (received) => {
        part = received
        return verifyPart(start, received)
      },
      async (header, body) => {
        if (leavesRoot(body.map(leafOf)) !== header.txRoot) return false
        const transactions = await openAll(body)
        if (transactions === undefined) throw divergence(header, 'faulty-transaction')
        const certificate = header === part?.headers.at(-1) ? part?.certificate : undefined
        await exclusively(async () => {
          // The consensus may have committed it meanwhile.
          if (header.height <= committer.head().height) return
          const executed = executor.execute(header, transactions)
          if (executed.kind === 'invalid') throw divergence(header, executed.code)
          await committer.commit([executed.block], certificate ?? null)
          committed += 1
          if (certificate !== undefined) last = { header, certificate }
        })
        return true
      }
    )
    const [first] = part?.headers ?? []
    if (first !== undefined && first.parent !== start.digest) await compareClosings(peer, first.epoch)
    return { committed, last }
  }

  /**
   * Asks those who wait, one at a time. The next is always the one that has taken the least time so far: a peer that gives
   * little and late comes after all that are quicker, and has no more of the time than each of them, but for its last answer.
   */
  async function askInTurn(): Promise<boolean> {
    const spentMs = new Map<PeerName, number>()
    const spentOn = (peer: PeerName): number => spentMs.get(peer) ?? 0
    let isAny = false
    let last: Certified | undefined
    try {
      while (waiting.size > 0 && !stopped) {
        const peer = [...waiting].reduce((best, other) => (spentOn(other) < spentOn(best) ? other : best))
        waiting.delete(peer)
        const startMs = clock.elapsedMs()
        const part = await takePart(peer)
        const tookMs = clock.elapsedMs() - startMs
        spentMs.set(peer, spentOn(peer) + tookMs)
        last = part.last ?? last
        if (part.committed > 0) {
          isAny = true
          waiting.add(peer)
          if (tookMs > LONG_PART_MS) for (const other of network.connected()) waiting.add(other)
        } else if (last !== undefined) {
          parts.onLevel(last)
          last = undefined
        }
      }
    } finally {
      // At once: who is named from now on is asked by the next run.
      catchingUp = undefined
      waiting.clear()
    }
    return isAny
  }

  async function catchUp(peers: readonly PeerName[]): Promise<boolean> {
    for (const peer of catchingUp === undefined ? orElseAll(peers) : peers) waiting.add(peer)
    if (waiting.size === 0 || stopped) return false
    catchingUp ??= askInTurn()
    return catchingUp
  }

  /** Those whose payload is here, if every member must hold it. The others are looked at again when theirs comes. */
  function* ready(pending: Iterable<ParsedTransaction>): Iterable<ParsedTransaction> {
    for (const transaction of pending) if (parts.payloads.isReady(transaction)) yield transaction
  }

  /** Looks at everything that is pending until something can be in the block, without holding up the loop for long. */
  async function select(request: BuildRequest, timeMs: number): Promise<ExecutedBlock | undefined> {
    let unseen = request.allowTransactions ? mempool.size : 0
    for (;;) {
      const candidates = request.allowTransactions ? ready(mempool.all()) : []
      const untilMs = clock.elapsedMs() + BUILD_MS
      const complete = (roots: Roots, { count, refused, isWhole }: Selection) => {
        const isLast = isWhole || refused.length >= unseen
        if (count === 0 && !(request.allowEmpty && isLast)) return undefined
        return {
          version: 1,
          chain,
          view: request.view,
          height: request.height,
          parent: request.parent.digest,
          time: timeMs,
          proposer: request.proposer,
          ...roots
        } as const
      }
      const isOver = () => clock.elapsedMs() >= untilMs
      const built = executor.build(request.parent.digest, timeMs, candidates, complete, isOver)
      unseen -= built.refused.length
      for (const transaction of built.refused) parts.onRefused(transaction)
      if (built.block !== undefined || built.isWhole || unseen <= 0 || stopped) return built.block
      await new Promise<void>((resolve) => clock.after(0, resolve))
      if (!executor.knows(request.parent.digest)) return undefined
    }
  }

  /** A block whose body is here, as it was proposed. */
  function keptBlock(digest: Digest): { header: Header; leaves: readonly Leaf[] } | 'failed' {
    const headerBytes = storedHeader(store, digest)
    const bodyBytes = store.get(keys.body(digest))
    const header = headerBytes && parseHeader(headerBytes)
    const body = bodyBytes && decodeBlockBody(bodyBytes)
    return header === undefined || body === undefined ? 'failed' : { header, leaves: body.map(leafOf) }
  }

  /** Gets the payloads of a block that was executed; whether all are durable here. */
  async function hold(digest: Digest): Promise<boolean> {
    const block = executor.get(digest)
    // It is final meanwhile, or its branch has lost.
    if (block === undefined) return false
    const { height, view, proposer } = block.header
    if (await parts.payloads.hold(block.transactions, proposer)) return true
    log.warn('a payload of a proposed block cannot be had', { height, view, member: proposer })
    return false
  }

  return {
    async build(request, timeMs) {
      const execution = await ensureExecuted(request.parent.digest, orElseAll([]))
      if (execution.kind !== 'executed') return 'failed'
      // To propose it is a vote for it, and others may have voted while this daemon only followed.
      if (request.again) return (await hold(request.parent.digest)) ? keptBlock(request.parent.digest) : 'failed'
      const block = await select(request, timeMs)
      if (block === undefined) return 'nothing'
      await keep(
        block.header,
        block.digest,
        block.transactions.map(({ bytes }) => bytes)
      )
      // Catch-up may have moved the head past this branch meanwhile, and its bodies go.
      if (!executor.knows(block.digest)) return 'failed'
      return { header: block.header, leaves: block.transactions.map(({ leaf }) => leaf) }
    },

    check(proposal) {
      const digest = headerDigest(proposal.header)
      const running = checkProposal(proposal, digest).finally(() => {
        if (checking.get(digest) === running) checking.delete(digest)
      })
      checking.set(digest, running)
      return running
    },

    hold: ({ header }) => hold(headerDigest(header)),

    async commit(blocks, certificate, passed) {
      const last = blocks.at(-1)
      if (last === undefined) return
      const digest = headerDigest(last)
      for (let delayMs = RETRY_MIN_MS; !stopped; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
        if (last.height <= committer.head().height) return
        // Bodies may have to be fetched, and catch-up must not wait for that.
        const execution = await ensureExecuted(digest, orElseAll([]))
        if (execution.kind === 'invalid') throw divergence(execution.header, execution.code)
        const done = await exclusively(async () => {
          if (last.height <= committer.head().height) return true
          const path = pathTo(digest)
          if (path.length === 0) return false
          await committer.commit(path, certificate, passed)
          return true
        })
        if (done) return
        log.warn('a final block is not here yet', { height: last.height })
        catchUp(network.connected()).catch(parts.onFailure)
        await new Promise<void>((resolve) => clock.after(delayMs, resolve))
      }
    },

    async fetchBlock(digest, from) {
      const block = await obtain(digest, orElseAll(peersOf(from)))
      return block.kind === 'obtained' ? block.header : undefined
    },

    catchUp,

    stop() {
      stopped = true
    },

    async idle() {
      await advancing.catch(() => undefined)
    }
  }
}

function divergence(header: Header, code: string): WardlineError {
  return new WardlineError(
    'divergence',
    `block ${header.height} is final, and this daemon's rules refuse it (${code}); it stops rather than follow or fork`
  )
}
