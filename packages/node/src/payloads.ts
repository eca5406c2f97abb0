/**
 * Payloads travel by stream, never by gossip, and only between those who must hold them: of a transmission its author and
 * its receivers, of a record that is shared in the clear every hospital of the chain. A missing payload never stops a chain:
 * no rule reads one. But nobody votes for a block unless every payload that everybody must hold is durable here, so one who
 * withholds it costs a view, and what is final is on enough disks.
 *
 * What lies here belongs to one transaction: another one that names the same commitment, which anybody can read off the
 * chain, gives nobody a right to it.
 */
import {
  arrayOf,
  assert,
  bytes32,
  decodeCbor,
  type MemberId,
  mapOf,
  type TransactionId,
  WardlineError
} from '@wardline/codec'
import {
  isPayloadHolder,
  isRecalled,
  type ParsedTransaction,
  type PayloadFault,
  payloadFault,
  payloadHolders,
  type StateView
} from '@wardline/ledger'
import type { Clock, KeyValueStore, Log, Network, PeerName, RecordKeys, StoreWrite } from '@wardline/ports'
import type { Allowance } from './allowance.ts'
import { keys, readDecimal, under } from './layout.ts'
import { createPayloadBacklog } from './payload-backlog.ts'
import { createPayloadFetcher, type Fetched } from './payload-fetch.ts'
import {
  createPayloadLanes,
  HERE,
  NOT_HERE,
  PAYLOAD_ANSWER_BYTES_MAX,
  PAYLOAD_PROTOCOL,
  PAYLOADS_ASKED_MAX
} from './payload-lanes.ts'
import { createPayloadQueue } from './payload-queue.ts'
import { createPayloadRows, isForEveryone, type StoredPayload, WANTED } from './payload-rows.ts'

/** What the rest of the daemon does with payloads. */
export type Payloads = {
  /** Whether the payload of this transaction is here; reads none of it. */
  has(transaction: Pick<ParsedTransaction, 'id'>): boolean
  /** The payload of this transaction, held against the transaction, or why there is none. */
  read(transaction: ParsedTransaction): StoredPayload
  /** The payload of this transaction, if it is here and undamaged. */
  get(transaction: ParsedTransaction): Uint8Array | undefined
  /** Why these bytes are not the payload of the transaction, or may not be kept; undefined if they are. */
  fault(transaction: ParsedTransaction, payload: Uint8Array): PayloadFault | undefined
  /** Whether these bytes are the payload that the transaction names. */
  matches(transaction: ParsedTransaction, payload: Uint8Array): boolean
  /**
   * Gets the payload from the members who must hold it, the author first, and keeps it durably. What lies here already is
   * not looked at, and replaced: this also heals a damaged one.
   * @returns undefined if nobody who is connected has it
   */
  fetch(transaction: ParsedTransaction): Promise<Uint8Array | undefined>
  /**
   * Destroys the payloads of transmissions whose record has been recalled, as far as they are here: no file of the database
   * holds them any more, and they are not kept again.
   */
  erase(transactions: readonly ParsedTransaction[]): Promise<void>
  /** How many final transactions there are whose payload every member must hold, and which is not here. Goes through their rows. */
  missing(): Promise<number>
}

/** What the parts of the chain do with them besides. */
export type PayloadKeeper = Payloads & {
  /** Makes it durable, together with `more`. The caller has found no fault in it. */
  keep(transaction: ParsedTransaction, payload: Uint8Array, more: readonly StoreWrite[]): Promise<void>
  /** Whether a block with this transaction may be proposed and voted for. */
  isReady(transaction: ParsedTransaction): boolean
  /** Begins to fetch what a transaction that was admitted here needs. */
  want(transaction: ParsedTransaction): void
  /**
   * Gets what a proposed block needs. Bounded in time: an answer that comes after the view is over does no harm.
   * @returns whether everything is durable here
   */
  hold(transactions: readonly ParsedTransaction[], proposer: MemberId): Promise<boolean>
  /** The rows that change when these transactions become final: what is not here must be remembered with the block. */
  commitWrites(transactions: readonly ParsedTransaction[]): StoreWrite[]
  /** It was pending and can never be in a block: what was kept of it goes. Resolves when no file of the database holds it. */
  dropped(transaction: ParsedTransaction): Promise<void>
  /**
   * It was kept for a submission that was then refused, and promised to nobody: it is removed together with `more`. Quick, for
   * its bytes stay in the files of the database until they are compacted.
   */
  withdrawn(transaction: ParsedTransaction, more: readonly StoreWrite[]): Promise<void>
  /** They are final. */
  committed(transactions: readonly ParsedTransaction[]): void
  /** The rows of payloads that were kept for transactions whose time ended without a block. */
  expiredWrites(timeMs: number): Promise<StoreWrite[]>
  connected(peer: PeerName): void
  /** Begins to fetch what is missing. */
  start(): void
  stop(): void
}

export type PayloadParts = {
  readonly store: KeyValueStore
  readonly recordKeys: RecordKeys
  readonly state: StateView
  readonly network: Network
  readonly clock: Clock
  readonly log: Log
  readonly self: MemberId
  /** A transaction that is final or pending here. */
  readonly transaction: (id: TransactionId) => ParsedTransaction | undefined
  /** Whether the transaction is pending here. */
  readonly isPending: (id: TransactionId) => boolean
  readonly memberOf: (peer: PeerName) => MemberId | undefined
  readonly peerOf: (member: MemberId) => PeerName | undefined
  readonly allowance: Allowance
  /** Told when a payload without which nobody would have voted has come. */
  readonly onKept: (transaction: ParsedTransaction) => void
  /** Told of a pending transaction whose payload may be kept by nobody. */
  readonly onFaulty: (id: TransactionId, code: PayloadFault) => void
  /** Runs work that nobody waits for; what fails in it stops the chain. */
  readonly background: (run: () => Promise<void>) => void
}

const readRequest = mapOf({ transactions: arrayOf(bytes32<TransactionId>, 1, PAYLOADS_ASKED_MAX) })
/** Each id is 32 bytes behind a head of two. */
const REQUEST_BYTES_MAX = PAYLOADS_ASKED_MAX * 34 + 64

/** Of a peer's allowance a payload takes one for itself, and one more for each of these. */
const BYTES_PER_TOKEN = 64 * 1024

/** How long a voter looks for the payloads of a block, and how soon again where nobody had one. */
const HOLD_MS = 5_000
const HOLD_RETRY_MS = 250
/** Members other than the author that are asked for the payload of a pending transaction. */
const OTHERS_ASKED = 2
/** Transactions remembered whose payload may not be kept. */
const FAULTY_MAX = 4_096
/** Rows removed at once. */
const EXPIRED_MAX = 10_000
/** Payloads that are purged together. */
const ERASED_AT_ONCE = 100

export function createPayloads(parts: PayloadParts): PayloadKeeper {
  const { store, state, network, clock, log, background } = parts
  const rows = createPayloadRows(store, parts.recordKeys, state)
  const faulty = new Map<TransactionId, PayloadFault>()
  let stopped = false
  /** What is erased next, and when all of it is. */
  let gathered: Set<TransactionId> | undefined
  let erased: Promise<void> = Promise.resolve()
  /** What is to be erased and has not been kept again since, with those that it is erased with. */
  const doomed = new Map<TransactionId, ReadonlySet<TransactionId>>()

  const fault: Payloads['fault'] = (transaction, payload) => payloadFault(state, transaction, payload)

  const fetcher = createPayloadFetcher({
    clock,
    lanes: createPayloadLanes(network),
    fault,
    keep: (transaction, payload) => keep(transaction, payload, []),
    report: (peer, code) => network.report(peer, code)
  })
  const queue = createPayloadQueue({
    clock,
    background,
    fetch(transaction, attempts) {
      const isFinal = isMissing(transaction.id)
      if (!isFinal && !parts.isPending(transaction.id)) return undefined
      const sources = holdersOf(transaction, attempts)
      return obtain(transaction, isFinal ? sources : sources.slice(0, 1 + OTHERS_ASKED), 'patient')
    }
  })
  const backlog = createPayloadBacklog({
    clock,
    store,
    background,
    transaction: parts.transaction,
    isQueued: (id) => queue.has(id),
    fetch: (transaction) => obtain(transaction, holdersOf(transaction, 0), 'patient')
  })

  function isMissing(id: TransactionId): boolean {
    return store.get(keys.payloadMissing(id)) !== undefined
  }

  /** Who is connected and must hold it, the author first. Others follow in an order that differs by payload and attempt. */
  function holdersOf(transaction: ParsedTransaction, attempts: number): PeerName[] {
    const holders = payloadHolders(transaction)
    const connected = network.connected()
    if (holders !== 'everyone') {
      const peers = holders.flatMap((member) => (member === parts.self ? [] : (parts.peerOf(member) ?? [])))
      return peers.filter((peer) => connected.includes(peer))
    }
    const peers = connected.filter((peer) => mayHave(transaction, parts.memberOf(peer)))
    const turn = peers.length === 0 ? 0 : (Number.parseInt(transaction.id.slice(0, 8), 16) + attempts) % peers.length
    return inFront([authorOf(transaction)], [...peers.slice(turn), ...peers.slice(0, turn)])
  }

  /** `peers`, those of `members` before all others. */
  function inFront(members: readonly (MemberId | undefined)[], peers: readonly PeerName[]): PeerName[] {
    const first = members.flatMap((member) => (member && parts.peerOf(member)) ?? [])
    return [...new Set([...first, ...peers])].filter((peer) => peers.includes(peer))
  }

  function mayHave(transaction: ParsedTransaction, member: MemberId | undefined): boolean {
    return member !== undefined && isPayloadHolder(state, transaction, member)
  }

  /** Fetches, and remembers for good what nobody can ever give. */
  async function obtain(
    transaction: ParsedTransaction,
    peers: readonly PeerName[],
    urgency: 'urgent' | 'patient'
  ): Promise<Fetched> {
    const fetched = await fetcher.fetch(transaction, peers, urgency)
    if (fetched.kind === 'faulty') await giveUp(transaction, fetched.code)
    return fetched
  }

  async function giveUp({ id, author }: ParsedTransaction, code: PayloadFault): Promise<void> {
    if (!faulty.has(id)) {
      if (faulty.size >= FAULTY_MAX) faulty.delete(faulty.keys().next().value as TransactionId)
      faulty.set(id, code)
      log.warn('a payload may not be kept', {
        transaction: id,
        member: 'member' in author ? author.member : undefined,
        code
      })
    }
    queue.settle(id)
    parts.onFaulty(id, code)
    if (isMissing(id)) {
      await store.write([{ key: keys.payloadMissing(id), value: new TextEncoder().encode(code) }], { sync: false })
    }
  }

  async function keep(transaction: ParsedTransaction, payload: Uint8Array, more: readonly StoreWrite[]): Promise<void> {
    doomed.delete(transaction.id)
    await rows.keep(transaction, payload, more)
    queue.settle(transaction.id)
    if (!isForEveryone(transaction)) return
    await forgetRow(transaction.id)
    parts.onKept(transaction)
  }

  /** A block that became final while the payload was being written has left a row. */
  async function forgetRow(id: TransactionId): Promise<void> {
    if (rows.has(id) && isMissing(id))
      await store.write([{ key: keys.payloadMissing(id), value: null }], { sync: false })
  }

  function isReady(transaction: ParsedTransaction): boolean {
    if (!isForEveryone(transaction)) return true
    return !queue.has(transaction.id) && rows.has(transaction.id)
  }

  network.serve(PAYLOAD_PROTOCOL, answer, { requestBytesMax: REQUEST_BYTES_MAX })

  async function* answer(request: Uint8Array, from: PeerName): AsyncIterable<Uint8Array> {
    const wanted = readRequest(decodeCbor(request))
    if (wanted === undefined) throw new WardlineError('bad-request', 'the payload request has no known form')
    let sizeBytes = 0
    for (const id of wanted.transactions) {
      const payload = give(id, from)
      sizeBytes += payload?.length ?? 0
      if (sizeBytes > PAYLOAD_ANSWER_BYTES_MAX) return
      const frame = new Uint8Array(1 + (payload?.length ?? 0))
      frame[0] = payload === undefined ? NOT_HERE : HERE
      if (payload !== undefined) frame.set(payload, 1)
      yield frame
    }
  }

  /** What this peer may have of it, which is asked anew for every request. */
  function give(id: TransactionId, peer: PeerName): Uint8Array | undefined {
    charge(peer, 1)
    // What is not here needs no look at the transaction, which may lie in a large block.
    const transaction = rows.has(id) ? parts.transaction(id) : undefined
    if (transaction === undefined || !mayHave(transaction, parts.memberOf(peer))) return undefined
    charge(peer, Math.floor((transaction.payload?.size ?? 0) / BYTES_PER_TOKEN))
    const stored = rows.read(transaction)
    return stored.kind === 'here' ? stored.payload : undefined
  }

  function charge(peer: PeerName, tokens: number): void {
    if (!parts.allowance.take(peer, tokens)) throw new WardlineError('busy', 'the peer asks too often')
  }

  async function holdOnce(missing: readonly ParsedTransaction[], proposer: MemberId, untilMs: number): Promise<void> {
    const fetches = missing.map((transaction) => {
      const peers = holdersOf(transaction, 0)
      return obtain(transaction, inFront([authorOf(transaction), proposer], peers), 'urgent')
    })
    await within(Promise.all(fetches), untilMs - clock.elapsedMs())
  }

  /** Waits for `work`, but not for longer than that; what it fails with is thrown. */
  async function within(work: Promise<unknown>, timeoutMs: number): Promise<void> {
    let timer: { cancel(): void } | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = clock.after(Math.max(0, timeoutMs), resolve)
    })
    try {
      await Promise.race([work, timeout])
    } finally {
      timer?.cancel()
    }
  }

  /** Resolves when no file of the database holds it. Purging rewrites tables, so what comes meanwhile goes together. */
  function eraseSoon(id: TransactionId): Promise<void> {
    if (gathered === undefined || gathered.size >= ERASED_AT_ONCE) {
      const ids = new Set<TransactionId>()
      gathered = ids
      erased = erased.then(async () => {
        if (gathered === ids) gathered = undefined
        await rows.erase([...ids], (one) => !isDoomed(one))
        for (const one of ids) if (doomed.get(one) === ids) doomed.delete(one)
      })
    }
    gathered.add(id)
    doomed.set(id, gathered)
    return erased
  }

  /** Whether it is about to be erased: seconds pass before, in which it may be submitted again, gossiped or become final. */
  function isDoomed(id: TransactionId): boolean {
    return doomed.has(id) && !parts.isPending(id) && !isFinal(id)
  }

  function isFinal(id: TransactionId): boolean {
    return store.get(keys.transaction(id)) !== undefined
  }

  return {
    has: ({ id }) => rows.has(id) && !isDoomed(id),
    read: (transaction) => rows.read(transaction),
    get(transaction) {
      const stored = rows.read(transaction)
      return stored.kind === 'here' ? stored.payload : undefined
    },
    fault,
    matches: (transaction, payload) => fault(transaction, payload) === undefined,
    async fetch(transaction) {
      const fetched = await obtain(transaction, holdersOf(transaction, 0), 'patient')
      return fetched.kind === 'here' ? fetched.payload : undefined
    },
    async erase(transactions) {
      assert(
        transactions.every((transaction) => isRecalled(state, transaction)),
        'only what is recalled is destroyed'
      )
      await rows.erase(transactions.map(({ id }) => id))
    },
    async missing() {
      let count = 0
      for await (const _ of store.range(under('payloads/missing/'))) count += 1
      return count
    },

    keep,
    isReady,

    want(transaction) {
      const code = faulty.get(transaction.id)
      if (code !== undefined) parts.onFaulty(transaction.id, code)
      else if (!isReady(transaction)) queue.want(transaction)
    },

    async hold(transactions, proposer) {
      const untilMs = clock.elapsedMs() + HOLD_MS
      for (;;) {
        const missing = transactions.filter((transaction) => !isReady(transaction))
        if (missing.length === 0) return true
        if (stopped || clock.elapsedMs() >= untilMs || missing.some(({ id }) => faulty.has(id))) return false
        await holdOnce(missing, proposer, untilMs)
        if (missing.every(isReady)) continue
        await new Promise<void>((resolve) => clock.after(HOLD_RETRY_MS, resolve))
      }
    },

    commitWrites(transactions) {
      const writes: StoreWrite[] = []
      for (const transaction of transactions) {
        if (!isForEveryone(transaction)) continue
        const { id } = transaction
        if (rows.has(id)) writes.push({ key: keys.payloadPending(id), value: null })
        else {
          const value = new TextEncoder().encode(faulty.get(id) ?? WANTED)
          writes.push({ key: keys.payloadMissing(id), value })
        }
      }
      return writes
    },

    async dropped(transaction) {
      const { id } = transaction
      queue.settle(id)
      // Another signature over the same id may have become final.
      if (!rows.has(id) || isFinal(id)) return
      // What everybody holds is encrypted in its row, under a key that lies elsewhere.
      return isForEveryone(transaction) ? rows.remove(id) : eraseSoon(id)
    },

    async withdrawn({ id }, more) {
      queue.settle(id)
      if (isFinal(id)) await store.write(more, { sync: false })
      else await rows.remove(id, more)
    },

    committed(transactions) {
      for (const transaction of transactions) {
        const { id } = transaction
        if (!isForEveryone(transaction) || faulty.has(id)) continue
        if (rows.has(id)) background(() => forgetRow(id))
        else if (queue.has(id)) queue.final(id)
        else if (!queue.want(transaction)) backlog.begin()
      }
    },

    async expiredWrites(timeMs) {
      const writes: StoreWrite[] = []
      for await (const [key, value] of store.range({ ...under('payloads/pending/'), limit: EXPIRED_MAX })) {
        if (readDecimal(value, 'the end of a payload') > timeMs) continue
        const id = key.slice(keys.payloadPending('' as TransactionId).length) as TransactionId
        writes.push({ key, value: null })
        if (store.get(keys.transaction(id)) !== undefined) continue
        writes.push({ key: keys.payload(id), value: null }, { key: keys.payloadSize(id), value: null })
      }
      return writes
    },

    connected(peer) {
      const member = parts.memberOf(peer)
      if (member !== undefined) queue.connected(member)
      backlog.connected()
    },

    start: () => backlog.begin(),

    stop() {
      stopped = true
      queue.stop()
      backlog.stop()
    }
  }
}

function authorOf({ author }: ParsedTransaction): MemberId | undefined {
  return 'member' in author ? author.member : undefined
}
