/**
 * Works off what blocks oblige this hospital to do: for every transmission that it receives, fetch the payload, open it,
 * verify the path, acknowledge. The durable rows decide what is due; this loop only remembers what is under way, so a crash
 * at any point repeats a step and loses none. A payload that cannot be had is asked for again without end.
 */
import type { TransactionId } from '@wardline/codec'
import { pathPlan, traceRecord, verifyPath } from '@wardline/custody'
import { type CommittedBlock, type Outcome, type ParsedTransaction, readMember } from '@wardline/ledger'
import type { RangeOptions, Timer } from '@wardline/ports'
import { isOverdue, openDuty, pendingDuties } from '@wardline/views'
import { acknowledge, openEnvelope } from './author.ts'
import type { Membership } from './membership.ts'

export type Duties = {
  /**
   * How many transmissions wait for this hospital's acknowledgement, and how many of them for over a day (each counted up to
   * 10,000); and how many of those under way lack their payload.
   */
  counts(): Promise<{ readonly pending: number; readonly overdue: number; readonly withoutPayload: number }>
  stop(): void
}

/** Duties worked on at once. */
const CONCURRENCY = 8
/** Duties held in memory; the rest stay in their rows until there is room. */
const TASKS_MAX = 10_000
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 10 * 60 * 1000
/** Pause between rounds over rows that are more than memory may hold. */
const ROUND_PAUSE_MS = 10_000
/** How long an acknowledgement may take before somebody looks whether it is still pending. */
const ACK_WAIT_MS = 10 * 60 * 1000
const COUNT_MAX = 10_000

type Send = Extract<ParsedTransaction, { kind: 'stt.send' }>
type Ack = Extract<ParsedTransaction, { kind: 'stt.ack' }>

/** A duty that is queued, being worked on, or waiting to be tried again. */
type Task = { retryMs: number; timer: Timer | undefined; lacksPayload: boolean }

export function startDuties(member: Membership, onFailure: (error: unknown) => void): Duties {
  const { chain, clock, log } = member
  const stopping = new AbortController()
  const tasks = new Map<TransactionId, Task>()
  const queue: TransactionId[] = []
  /** Acknowledgements on their way, by what they acknowledge. */
  const acknowledging = new Map<TransactionId, TransactionId>()
  let running = 0
  /** There are rows that `tasks` had no room for: then what fails is dropped, and its row comes again in the next round. */
  let overflowed = false
  let roundTimer: Timer | undefined
  /** Where the next round goes on. */
  let cursor: TransactionId | undefined

  const isStopped = () => stopping.signal.aborted
  const range = (options: RangeOptions) => chain.store.range(options)

  function enqueue(id: TransactionId): void {
    if (tasks.has(id)) return
    if (tasks.size >= TASKS_MAX) {
      overflowed = true
      return
    }
    tasks.set(id, { retryMs: RETRY_MIN_MS, timer: undefined, lacksPayload: false })
    queue.push(id)
  }

  function next(): void {
    while (running < CONCURRENCY && queue.length > 0 && !isStopped()) {
      const id = queue.shift() as TransactionId
      running += 1
      void guarded(() => work(id)).then(() => {
        running -= 1
        next()
      })
    }
    if (!overflowed || tasks.size > 0 || roundTimer !== undefined || isStopped()) return
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
    const task = tasks.get(id) as Task
    if ((await perform(id, task)) || isStopped() || overflowed) {
      tasks.delete(id)
      return
    }
    task.timer = clock.after(task.retryMs, () => {
      task.timer = undefined
      queue.push(id)
      next()
    })
    task.retryMs = Math.min(task.retryMs * 2, RETRY_MAX_MS)
  }

  /** One attempt. True when nothing is left to do for this row, or an acknowledgement is on its way. */
  async function perform(id: TransactionId, task: Task): Promise<boolean> {
    if (openDuty(chain.store, id) === undefined || acknowledging.has(id)) return true
    const sent = chain.query.transaction(id)
    if (sent?.kind !== 'stt.send') return true
    const envelope = await payloadOf(sent)
    task.lacksPayload = envelope === undefined
    if (envelope === undefined || isStopped()) return false
    const outcome = await judgeTransmission(sent, envelope)
    if (isStopped()) return false
    const submission = await acknowledge(member, id, outcome)
    switch (submission.kind) {
      case 'accepted':
        watch(id, submission.id)
        return true
      case 'ended':
        return true
      case 'refused':
        if (submission.code === 'already-acknowledged') return true
        log.warn('an acknowledgement was refused', { transaction: id, code: submission.code })
        return false
    }
  }

  async function payloadOf(sent: Send): Promise<Uint8Array | undefined> {
    const here = chain.payloads.get(sent)
    if (here !== undefined && chain.payloads.matches(sent, here)) return here
    const fetched = await chain.payloads.fetch(sent)
    if (fetched === undefined) log.info('a payload cannot be had yet', { transaction: sent.id })
    return fetched
  }

  async function judgeTransmission(sent: Send, envelope: Uint8Array): Promise<Outcome> {
    const opened = await openEnvelope(member, sent, envelope)
    if (opened.kind === 'failed') {
      log.warn('a received record does not open', { transaction: sent.id, code: opened.outcome })
      return opened.outcome
    }
    const graph = await traceRecord(chain.store, sent.body.recordId)
    const plan = graph && pathPlan(graph, sent.id)
    if (plan === undefined) return 'broken-path'
    const creation = find('stt.send', plan.creation)
    const links = plan.links.map((link) => ({
      send: find('stt.send', link.send),
      opened: link.opened === null ? null : find('stt.ack', link.opened)
    }))
    const complete = links.every(
      (link): link is { send: Send; opened: Ack | null } => link.send !== undefined && link.opened !== undefined
    )
    if (creation === undefined || !complete) return 'broken-path'
    const verdict = await verifyPath({ chain: chain.id, creation, links, receiver: chain.self }, opened.content, {
      keyOf: (author, keyIndex) => readMember(chain.state, author)?.keys[keyIndex]?.key,
      // Every transaction of this chain was verified here before its block could become final.
      isSigned: () => true
    })
    if (verdict.kind === 'verified') return 'opened'
    const code = verdict.kind === 'broken-path' ? verdict.code : verdict.kind
    log.warn('a received record does not verify', { transaction: sent.id, code })
    return verdict.kind
  }

  function find<K extends 'stt.send' | 'stt.ack'>(kind: K, id: TransactionId) {
    const transaction = chain.query.transaction(id)
    return transaction?.kind === kind ? (transaction as Extract<ParsedTransaction, { kind: K }>) : undefined
  }

  /** Follows an acknowledgement to its end. One that expired or was lost leaves its row; then the duty is done anew. */
  function watch(id: TransactionId, ack: TransactionId): void {
    acknowledging.set(id, ack)
    void guarded(async () => {
      do await chain.outcome(ack, ACK_WAIT_MS, stopping.signal)
      while (chain.pending(ack) !== undefined && !isStopped())
      acknowledging.delete(id)
      if (isStopped() || openDuty(chain.store, id) === undefined) return
      enqueue(id)
      next()
    })
  }

  /** Takes up rows as far as there is room. After an overflow it goes round until one round takes all. */
  async function load(): Promise<void> {
    const after = cursor
    const room = TASKS_MAX - tasks.size
    const page = await pendingDuties(range, { limit: room, ...(after !== undefined && { after }) })
    overflowed = after !== undefined || page.length === room
    cursor = page.length === room ? page.at(-1)?.transmission : undefined
    for (const { transmission } of page) enqueue(transmission)
    next()
  }

  function stop(): void {
    stopping.abort()
    forget()
    roundTimer?.cancel()
    for (const { timer } of tasks.values()) timer?.cancel()
  }

  const forget = chain.onCommit((block: CommittedBlock) => {
    for (const transaction of block.transactions) {
      if (transaction.kind === 'stt.send' && transaction.body.to.some(({ member: id }) => id === chain.self)) {
        enqueue(transaction.id)
      }
    }
    next()
  })
  // A restart may find acknowledgements in the mempool.
  for (const pending of chain.mempool()) {
    if (pending.kind === 'stt.ack' && pending.author.member === chain.self) watch(pending.body.via, pending.id)
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
      for (const { lacksPayload } of tasks.values()) if (lacksPayload) withoutPayload += 1
      return { pending, overdue, withoutPayload }
    },
    stop
  }
}
