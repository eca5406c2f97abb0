/**
 * Works off what blocks oblige this hospital to do: for every transmission that it receives, fetch the payload, open it,
 * verify the path, acknowledge. The durable rows decide what is due; this loop only remembers what is under way, so a crash
 * at any point repeats a step and loses none. A payload that cannot be had is asked for again without end.
 */
import type { TransactionId } from '@wardline/codec'
import { pathPlan, traceRecord, verifyPath } from '@wardline/custody'
import { type CommittedBlock, type Outcome, type ParsedTransaction, readMember } from '@wardline/ledger'
import { isOverdue, openDuty, pendingDuties } from '@wardline/views'
import { acknowledge, openEnvelope } from './author.ts'
import type { Membership } from './membership.ts'

export type Duties = {
  /** How many transmissions wait for this hospital's acknowledgement, and how many of them for over a day. */
  counts(): Promise<{ readonly pending: number; readonly overdue: number; readonly withoutPayload: number }>
  stop(): void
}

/** Duties worked on at once. */
const CONCURRENCY = 8
/** Duties held in memory; the rest stay in their rows until there is room. */
const QUEUE_MAX = 10_000
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 10 * 60 * 1000
/** How long an acknowledgement may take before its duty is looked at again. */
const ACK_WAIT_MS = 10 * 60 * 1000
const COUNT_MAX = 10_000

type Send = Extract<ParsedTransaction, { kind: 'stt.send' }>

export function startDuties(member: Membership, onFailure: (error: unknown) => void): Duties {
  const { chain, clock, log } = member
  const queue: TransactionId[] = []
  const known = new Map<TransactionId, { retryMs: number }>()
  let running = 0
  let overflowed = false
  let stopped = false

  function enqueue(id: TransactionId): void {
    if (known.has(id)) return
    if (known.size >= QUEUE_MAX) {
      overflowed = true
      return
    }
    known.set(id, { retryMs: RETRY_MIN_MS })
    queue.push(id)
  }

  function next(): void {
    while (running < CONCURRENCY && queue.length > 0 && !stopped) {
      const id = queue.shift() as TransactionId
      running += 1
      void work(id)
    }
    if (overflowed && known.size === 0 && !stopped) void load()
  }

  async function work(id: TransactionId): Promise<void> {
    try {
      const done = await perform(id)
      if (done || stopped) known.delete(id)
      else later(id)
    } catch (error) {
      stopped = true
      onFailure(error)
    }
    running -= 1
    next()
  }

  function later(id: TransactionId): void {
    const state = known.get(id)
    if (state === undefined) return
    clock.after(state.retryMs, () => {
      if (stopped) return
      queue.push(id)
      next()
    })
    state.retryMs = Math.min(state.retryMs * 2, RETRY_MAX_MS)
  }

  /** One attempt. True when nothing is left to do for this row, or an acknowledgement is on its way. */
  async function perform(id: TransactionId): Promise<boolean> {
    if (openDuty(chain.store, id) === undefined) return true
    const sent = chain.query.transaction(id)
    if (sent?.kind !== 'stt.send') return true
    if (acknowledgementPending(id)) return false
    const envelope = chain.payloads.get(sent) ?? (await chain.payloads.fetch(sent))
    if (envelope === undefined || stopped) return false
    const outcome = await judgeTransmission(sent, envelope)
    if (stopped) return false
    const submission = await acknowledge(member, id, outcome)
    switch (submission.kind) {
      case 'accepted':
        void watch(id, submission.id)
        return true
      case 'ended':
        return true
      case 'refused':
        if (submission.code === 'already-acknowledged') return true
        log.warn('an acknowledgement was refused', { transaction: id, code: submission.code })
        return false
    }
  }

  /** A restart may find the acknowledgement already in the mempool. */
  function acknowledgementPending(via: TransactionId): boolean {
    for (const pending of chain.mempool()) {
      if (pending.kind === 'stt.ack' && pending.author.member === chain.self && pending.body.via === via) return true
    }
    return false
  }

  async function judgeTransmission(sent: Send, envelope: Uint8Array): Promise<Outcome> {
    const opened = await openEnvelope(member, sent, envelope)
    if (opened.kind === 'failed') return opened.outcome
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
    if (verdict.kind !== 'verified') {
      log.warn('a received record does not verify', { transaction: sent.id, code: verdict.kind })
    }
    return verdict.kind === 'verified' ? 'opened' : verdict.kind
  }

  type Ack = Extract<ParsedTransaction, { kind: 'stt.ack' }>

  function find<K extends 'stt.send' | 'stt.ack'>(kind: K, id: TransactionId) {
    const transaction = chain.query.transaction(id)
    return transaction?.kind === kind ? (transaction as Extract<ParsedTransaction, { kind: K }>) : undefined
  }

  /** An acknowledgement that expired or was lost leaves its row; then the duty is done anew. */
  async function watch(id: TransactionId, ack: TransactionId): Promise<void> {
    const outcome = await chain.outcome(ack, ACK_WAIT_MS)
    if (stopped || outcome?.kind === 'committed' || openDuty(chain.store, id) === undefined) return
    enqueue(id)
    next()
  }

  async function load(): Promise<void> {
    try {
      overflowed = false
      const range = (options: { from: string; to: string; limit?: number }) => chain.store.range(options)
      for (const { transmission } of await pendingDuties(range, { limit: QUEUE_MAX })) enqueue(transmission)
      next()
    } catch (error) {
      stopped = true
      onFailure(error)
    }
  }

  const forget = chain.onCommit((block: CommittedBlock) => {
    for (const transaction of block.transactions) {
      if (transaction.kind === 'stt.send' && transaction.body.to.some(({ member: id }) => id === chain.self)) {
        enqueue(transaction.id)
      }
    }
    next()
  })
  void load()

  return {
    async counts() {
      let pending = 0
      let overdue = 0
      let withoutPayload = 0
      const range = (options: { from: string; to: string; limit?: number }) => chain.store.range(options)
      for (const duty of await pendingDuties(range, { limit: COUNT_MAX })) {
        pending += 1
        if (isOverdue(duty, clock.nowMs())) overdue += 1
        const sent = chain.query.transaction(duty.transmission)
        if (sent !== undefined && chain.payloads.get(sent) === undefined) withoutPayload += 1
      }
      return { pending, overdue, withoutPayload }
    },
    stop() {
      stopped = true
      forget()
    }
  }
}
