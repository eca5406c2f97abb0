/**
 * Works off what blocks oblige this hospital to do: for every transmission that it receives, fetch the payload, open it,
 * verify the path, acknowledge. The durable rows decide what is due; this loop only remembers what is under way, so a crash
 * at any point repeats a step and loses none. A payload that cannot be had is asked for again without end.
 */
import type { MemberId, TransactionId } from '@wardline/codec'
import { verifyPath } from '@wardline/custody'
import { type CommittedBlock, type Outcome, type ParsedTransaction, readMember } from '@wardline/ledger'
import type { Network, RangeOptions, Timer } from '@wardline/ports'
import { isOverdue, openDuty, pendingDuties } from '@wardline/views'
import { acknowledge, openEnvelope } from './author.ts'
import { createFairQueue } from './fair-queue.ts'
import type { Membership } from './membership.ts'
import { pathTo } from './path.ts'

export type Duties = {
  /**
   * How many transmissions wait for this hospital's acknowledgement, and how many of them for over a day (each counted up to
   * 10,000); and how many of those under way lack their payload.
   */
  counts(): Promise<{ readonly pending: number; readonly overdue: number; readonly withoutPayload: number }>
  stop(): void
}

/** Duties worked on at once, in all and of one sender: who withholds its payloads must not hold up everybody else's. */
const RUNNING_MAX = 8
const RUNNING_PER_SENDER_MAX = 2
/** Duties held in memory; the rest stay in their rows until there is room. */
const TASKS_MAX = 10_000
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 10 * 60 * 1000
/** Rows read at once, and the pause before they are gone through again for those that had no room. */
const ROWS_AT_ONCE = 1_000
const ROUND_PAUSE_MS = 10_000
/** How long an acknowledgement may take before somebody looks whether it is still pending. */
const ACK_WAIT_MS = 10 * 60 * 1000
const COUNT_MAX = 10_000

type Send = ParsedTransaction<'stt.send'>

/** A duty that failed at least once. */
type Retry = { readonly sender: MemberId; delayMs: number; timer: Timer | undefined; lacksPayload: boolean }

/** @param onPeer of the chain's network: who comes back is asked at once for what it has */
export function startDuties(
  member: Membership,
  onPeer: Network['onPeer'],
  onFailure: (error: unknown) => void
): Duties {
  const { chain, clock, log } = member
  const stopping = new AbortController()
  const retries = new Map<TransactionId, Retry>()
  const queue = createFairQueue<MemberId, TransactionId>(
    { itemsMax: TASKS_MAX, runningMax: RUNNING_MAX, runningPerSenderMax: RUNNING_PER_SENDER_MAX },
    forgetRetry
  )
  /** Acknowledgements on their way, by what they acknowledge. */
  const acknowledging = new Map<TransactionId, TransactionId>()
  /** There are rows that had no room. */
  let overflowed = false
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
    if (!overflowed || isLoading || queue.size > TASKS_MAX / 2 || roundTimer !== undefined || isStopped()) return
    roundTimer = clock.after(ROUND_PAUSE_MS, () => {
      roundTimer = undefined
      void guarded(load)
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
    if (sent === undefined || result === 'done') {
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

  /** One attempt. `done`: nothing is left to do for this row, or an acknowledgement is on its way. */
  async function perform(sent: Send): Promise<'done' | 'no-payload' | 'later'> {
    const { id } = sent
    if (openDuty(chain.store, id) === undefined || acknowledging.has(id)) return 'done'
    const envelope = await payloadOf(sent)
    if (envelope === undefined) return 'no-payload'
    const outcome = await judgeTransmission(sent, envelope)
    if (outcome === undefined || isStopped()) return 'later'
    const submission = await acknowledge(member, id, outcome)
    switch (submission.kind) {
      case 'accepted':
        watch(sent, submission.id)
        return 'done'
      case 'ended':
        return 'done'
      case 'refused':
        if (submission.code === 'already-acknowledged') return 'done'
        log.warn('an acknowledgement was refused', { transaction: id, code: submission.code })
        return 'later'
    }
  }

  async function payloadOf(sent: Send): Promise<Uint8Array | undefined> {
    const here = chain.payloads.get(sent)
    if (here !== undefined && chain.payloads.matches(sent, here)) return here
    const fetched = await chain.payloads.fetch(sent)
    if (fetched === undefined) log.info('a payload cannot be had yet', { transaction: sent.id })
    return fetched
  }

  /** What to acknowledge; undefined where this daemon cannot tell: an acknowledgement is final. */
  async function judgeTransmission(sent: Send, envelope: Uint8Array): Promise<Outcome | undefined> {
    const opened = await openEnvelope(member, sent, envelope)
    if (opened.kind === 'failed') {
      log.warn('a received record does not open', { transaction: sent.id, code: opened.outcome })
      return opened.outcome
    }
    const path = await pathTo(member, sent)
    if (path.kind !== 'path') {
      log.warn('the path of a received record cannot be followed', { transaction: sent.id, code: path.kind })
      return path.kind === 'broken' ? 'broken-path' : undefined
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

  /** Follows an acknowledgement to its end. One that expired or was lost leaves its row; then the duty is done anew. */
  function watch({ id, author }: Send, ack: TransactionId): void {
    acknowledging.set(id, ack)
    void guarded(async () => {
      do await chain.outcome(ack, ACK_WAIT_MS, stopping.signal)
      while (chain.pending(ack) !== undefined && !isStopped())
      acknowledging.delete(id)
      if (isStopped() || openDuty(chain.store, id) === undefined) return
      enqueue(author.member, id)
      next()
    })
  }

  /** Takes up the rows, as far as there is room for each sender's. */
  async function load(): Promise<void> {
    isLoading = true
    overflowed = false
    let after: TransactionId | undefined
    do {
      const page = await pendingDuties(range, { limit: ROWS_AT_ONCE, ...(after !== undefined && { after }) })
      for (const { sender, transmission } of page) enqueue(sender, transmission)
      after = page.length < ROWS_AT_ONCE ? undefined : page.at(-1)?.transmission
      next()
    } while (after !== undefined && !isStopped())
    isLoading = false
    next()
  }

  function stop(): void {
    stopping.abort()
    forget()
    forgetPeers()
    roundTimer?.cancel()
    for (const { timer } of retries.values()) timer?.cancel()
  }

  const forget = chain.onCommit((block: CommittedBlock) => {
    for (const transaction of block.transactions) {
      if (transaction.kind === 'stt.send' && transaction.body.to.some(({ member: id }) => id === chain.self)) {
        enqueue(transaction.author.member, transaction.id)
      }
    }
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
    if (pending.kind !== 'stt.ack' || pending.author.member !== chain.self) continue
    const sent = chain.query.transaction(pending.body.via)
    if (sent?.kind === 'stt.send') watch(sent, pending.id)
  }
  void guarded(load)

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
    stop
  }
}
