/**
 * Works off what blocks oblige this hospital to do: for every transmission that it receives, fetch the payload, open it,
 * verify the path, acknowledge. The durable rows decide what is due; this loop only remembers what is under way, so a crash
 * at any point repeats a step and loses none. A payload that cannot be had is asked for again without end.
 */
import type { MemberId, RecordId, TransactionId } from '@wardline/codec'
import { verifyPath } from '@wardline/custody'
import {
  type CommittedBlock,
  isRecalled,
  type Outcome,
  type ParsedTransaction,
  readMember,
  readRecall
} from '@wardline/ledger'
import type { Network, RangeOptions, Timer } from '@wardline/ports'
import { isOverdue, openDuty, pendingDuties } from '@wardline/views'
import { createAcknowledger, type Said } from './acknowledger.ts'
import { openEnvelope } from './author.ts'
import type { Acknowledge } from './chain-setup.ts'
import { createFairQueue } from './fair-queue.ts'
import type { Membership } from './membership.ts'
import { pathTo } from './path.ts'

export type Duties = {
  /**
   * How many transmissions wait for this hospital's acknowledgement, and how many of them for over a day (each counted up to
   * 10,000); and how many of those under way lack their payload.
   */
  counts(): Promise<{ readonly pending: number; readonly overdue: number; readonly withoutPayload: number }>
  /** What is acknowledged without a person. */
  readonly acknowledge: Acknowledge
  /** How this daemon found a transmission that it has not acknowledged; `under-way` where it is about to, null before it has looked. */
  standing(via: TransactionId): Outcome | 'under-way' | null
  /** Looks at a transmission to this hospital now: how it would be acknowledged. Acknowledges nothing. */
  look(sent: Send): Promise<Look>
  /**
   * Acknowledges it by a person's word, unless it is acknowledged, or a person has spoken, already. Until an acknowledgement is
   * final this word goes out and nothing that this daemon finds; only what is under way already may become final before it.
   */
  say(via: TransactionId, said: Said): void
  stop(): void
}

/** `no-payload`: it cannot be had now. `unknown`: this version cannot tell, for the path is too long. */
export type Look = Outcome | 'no-payload' | 'unknown'

export type DutiesParts = {
  readonly member: Membership
  readonly acknowledge: Acknowledge
  /** Of the chain's network: who comes back is asked at once for what it has. */
  readonly onPeer: Network['onPeer']
  readonly onFailure: (error: unknown) => void
}

/**
 * Duties worked on at once, in all and of one sender: who withholds its payloads must not hold up everybody else's. Of one
 * sender several, for the payloads of one block travel in one request.
 */
const RUNNING_MAX = 32
const RUNNING_PER_SENDER_MAX = 8
/** Duties held in memory; the rest stay in their rows until there is room. */
const TASKS_MAX = 10_000
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 10 * 60 * 1000
/** Rows read at once, and the pause before they are gone through again for those that had no room. */
const ROWS_AT_ONCE = 1_000
const ROUND_PAUSE_MS = 10_000
const COUNT_MAX = 10_000
/** Transmissions that wait for a person and of which is remembered how they were found; others are in their rows alone. */
const FOUND_MAX = 10_000

type Send = ParsedTransaction<'stt.send'>

/** A duty that failed at least once. */
type Retry = { readonly sender: MemberId; delayMs: number; timer: Timer | undefined; lacksPayload: boolean }

/** How a transmission was found that waits for a person. */
type Found = { readonly outcome: Outcome; readonly record: RecordId; readonly sender: MemberId }

export function startDuties({ member, acknowledge, onPeer, onFailure }: DutiesParts): Duties {
  const { chain, clock, log } = member
  const stopping = new AbortController()
  const retries = new Map<TransactionId, Retry>()
  const found = new Map<TransactionId, Found>()
  /** What persons said of transmissions whose rows are still here: at most one word for each row. */
  const words = new Map<TransactionId, Said>()
  const queue = createFairQueue<MemberId, TransactionId>(
    { itemsMax: TASKS_MAX, runningMax: RUNNING_MAX, runningPerSenderMax: RUNNING_PER_SENDER_MAX },
    forgetRetry
  )
  const acknowledger = createAcknowledger({
    member,
    signal: stopping.signal,
    background: (run) => void guarded(run),
    onOpen(transmissions) {
      for (const id of transmissions) {
        const duty = openDuty(chain.store, id)
        if (duty !== undefined) enqueue(duty.sender, id)
      }
      next()
    }
  })
  /** There are rows that had no room. */
  let overflowed = false
  /** Not all that wait for a person are in `found`. */
  let foundOverflowed = false
  /** Some of those may have been recalled. */
  let recallsToLoad = false
  let isLoading = false
  let roundTimer: Timer | undefined

  const isStopped = () => stopping.signal.aborted
  const range = (options: RangeOptions) => chain.store.range(options)

  function enqueue(sender: MemberId, id: TransactionId): void {
    if (!queue.add(sender, id)) overflowed = true
  }

  function next(): void {
    for (let id = isStopped() ? undefined : queue.next(); id !== undefined; id = queue.next()) {
      const started = id
      void guarded(async () => {
        await work(started)
        next()
      })
    }
    const isAsked = overflowed || recallsToLoad
    if (!isAsked || isLoading || queue.size > TASKS_MAX / 2 || roundTimer !== undefined || isStopped()) return
    roundTimer = clock.after(ROUND_PAUSE_MS, () => {
      roundTimer = undefined
      void guarded(() => load(overflowed ? 'all' : 'recalled'))
    })
  }

  /** Runs work that nobody awaits. What fails in it is a failing world or our own bug: the daemon must end. */
  async function guarded(run: () => Promise<void>): Promise<void> {
    try {
      if (!isStopped()) await run()
    } catch (error) {
      if (isStopped()) return
      stop()
      onFailure(error)
    }
  }

  async function work(id: TransactionId): Promise<void> {
    const sent = chain.query.transaction(id)
    const result = sent?.kind === 'stt.send' ? await perform(sent) : 'done'
    if (isStopped()) return
    if (sent?.kind !== 'stt.send' || result === 'done') {
      queue.done(id)
      forgetRetry(id)
      return
    }
    const sender = sent.author.member
    const retry = retries.get(id) ?? { sender, delayMs: RETRY_MIN_MS, timer: undefined, lacksPayload: false }
    retries.set(id, retry)
    retry.lacksPayload = result === 'no-payload'
    queue.rest(id)
    retry.timer = clock.after(retry.delayMs, () => {
      wake(id, retry)
      next()
    })
    retry.delayMs = Math.min(retry.delayMs * 2, RETRY_MAX_MS)
  }

  function wake(id: TransactionId, retry: Retry): void {
    retry.timer?.cancel()
    retry.timer = undefined
    queue.ready(id)
  }

  function forgetRetry(id: TransactionId): void {
    retries.get(id)?.timer?.cancel()
    retries.delete(id)
  }

  /** One attempt. `done`: nothing is left to do for this row, an acknowledgement is on its way, or a person's word is awaited. */
  async function perform(sent: Send): Promise<'done' | 'no-payload' | 'later'> {
    const { id } = sent
    if (isSpokenFor(id)) return 'done'
    if (found.has(id) && !isRecalled(chain.state, sent)) return 'done'
    const looked = await look(sent)
    // Meanwhile a person may have spoken, or a block have brought the acknowledgement.
    if (isSpokenFor(id)) return 'done'
    // A recall may have come, too; no person is asked about what nobody may open any more.
    const outcome = isRecalled(chain.state, sent) ? 'refused' : looked
    if (outcome === 'no-payload') return outcome
    if (outcome === 'unknown' || isStopped()) return 'later'
    if (isSaidByItself(outcome)) acknowledger.add(id, { outcome })
    else if (found.size < FOUND_MAX) found.set(id, { outcome, record: sent.body.recordId, sender: sent.author.member })
    else foundOverflowed = true
    return 'done'
  }

  /** A missing key may be put back from a backup, and an acknowledgement is for good: no setting lets a daemon give it up. */
  function isSaidByItself(outcome: Outcome): boolean {
    if (outcome === 'refused') return true
    return outcome !== 'lost-key' && (acknowledge === 'auto' || acknowledge === outcome)
  }

  /** Whether it is acknowledged or that is under way: by a person's word, as of now, if there is one. */
  function isSpokenFor(id: TransactionId): boolean {
    if (openDuty(chain.store, id) === undefined || acknowledger.has(id)) return true
    const word = words.get(id)
    if (word !== undefined) acknowledger.add(id, word)
    return word !== undefined
  }

  function say(via: TransactionId, said: Said): void {
    if (!words.has(via) && openDuty(chain.store, via) !== undefined) words.set(via, said)
    isSpokenFor(via)
  }

  /** What was recalled before it was opened is not opened any more. */
  async function look(sent: Send): Promise<Look> {
    // The state may lack the block yet whose rows name the transmission.
    await chain.atRest(() => undefined)
    if (isRecalled(chain.state, sent)) return 'refused'
    const envelope = await payloadOf(sent)
    return envelope === undefined ? 'no-payload' : judgeTransmission(sent, envelope)
  }

  async function payloadOf(sent: Send): Promise<Uint8Array | undefined> {
    const here = chain.payloads.get(sent)
    if (here !== undefined && chain.payloads.matches(sent, here)) return here
    const fetched = await chain.payloads.fetch(sent)
    if (fetched === undefined) log.info('a payload cannot be had yet', { transaction: sent.id })
    return fetched
  }

  /** What to acknowledge. An acknowledgement is final: what this daemon cannot tell is not guessed. */
  async function judgeTransmission(sent: Send, envelope: Uint8Array): Promise<Outcome | 'unknown'> {
    const opened = await openEnvelope(member, sent, envelope)
    if (opened.kind === 'failed') {
      log.warn('a received record does not open', { transaction: sent.id, code: opened.outcome })
      return opened.outcome
    }
    const path = await pathTo(member, sent)
    if (path.kind !== 'path') {
      log.warn('the path of a received record cannot be followed', { transaction: sent.id, code: path.kind })
      return path.kind === 'broken' ? 'broken-path' : 'unknown'
    }
    const { creation, links } = path
    const evidence = { chain: chain.id, creation, links, receiver: chain.self }
    const verdict = await verifyPath(evidence, opened.content, {
      keyOf: (author, keyIndex) => readMember(chain.state, author)?.keys[keyIndex]?.key,
      // Every transaction of this chain was verified here before its block could become final.
      isSigned: () => true
    })
    if (verdict.kind === 'verified') return 'opened'
    const code = verdict.kind === 'broken-path' ? verdict.code : verdict.kind
    log.warn('a received record does not verify', { transaction: sent.id, code })
    return verdict.kind
  }

  /** Takes up the rows, or those of recalled records, as far as there is room for each sender's. */
  async function load(which: 'all' | 'recalled'): Promise<void> {
    isLoading = true
    if (which === 'all') overflowed = false
    recallsToLoad = false
    let after: TransactionId | undefined
    do {
      const page = await pendingDuties(range, { limit: ROWS_AT_ONCE, ...(after !== undefined && { after }) })
      for (const { sender, transmission, record } of page) {
        if (which === 'all' || readRecall(chain.state, record) !== undefined) enqueue(sender, transmission)
      }
      after = page.length < ROWS_AT_ONCE ? undefined : page.at(-1)?.transmission
      next()
    } while (after !== undefined && !isStopped())
    isLoading = false
    next()
  }

  /** What waits for a person is not to be opened any more. Reads no rows: any member can recall its records. */
  function takeUpRecalled(records: ReadonlySet<RecordId>): void {
    if (records.size === 0) return
    for (const [id, { record, sender }] of found) if (records.has(record)) enqueue(sender, id)
    if (foundOverflowed) recallsToLoad = true
  }

  function stop(): void {
    stopping.abort()
    forget()
    forgetPeers()
    roundTimer?.cancel()
    for (const { timer } of retries.values()) timer?.cancel()
  }

  const forget = chain.onCommit((block: CommittedBlock) => {
    const recalled = new Set<RecordId>()
    for (const transaction of block.transactions) {
      if (transaction.kind === 'stt.ack' && transaction.author.member === chain.self) {
        for (const { via } of transaction.body.acks) {
          found.delete(via)
          words.delete(via)
        }
      }
      if (transaction.kind === 'stt.recall') recalled.add(transaction.body.recordId)
      if (transaction.kind === 'stt.send' && transaction.body.to.some(({ member: id }) => id === chain.self)) {
        enqueue(transaction.author.member, transaction.id)
      }
    }
    takeUpRecalled(recalled)
    next()
  })
  const forgetPeers = onPeer((peer, event) => {
    if (event !== 'connected') return
    const back = chain.peers().find((entry) => entry.peer.name === peer)
    for (const [id, retry] of retries) {
      if (retry.timer === undefined || retry.sender !== back?.member) continue
      retry.delayMs = RETRY_MIN_MS
      wake(id, retry)
    }
    next()
  })
  // A restart may find acknowledgements in the mempool.
  for (const pending of chain.mempool()) {
    if (pending.kind === 'stt.ack' && pending.author.member === chain.self) acknowledger.resume(pending)
  }
  void guarded(() => load('all'))

  return {
    async counts() {
      let pending = 0
      let overdue = 0
      for (const duty of await pendingDuties(range, { limit: COUNT_MAX })) {
        pending += 1
        if (isOverdue(duty, clock.nowMs())) overdue += 1
      }
      let withoutPayload = 0
      for (const { lacksPayload } of retries.values()) if (lacksPayload) withoutPayload += 1
      return { pending, overdue, withoutPayload }
    },
    acknowledge,
    standing: (via) => (acknowledger.has(via) || words.has(via) ? 'under-way' : (found.get(via)?.outcome ?? null)),
    look,
    say,
    stop
  }
}
