/**
 * Gets one payload from one of several peers. They are asked one after the other, the next one as soon as the last has
 * nothing, or is slow: a peer that holds it back costs a moment and not the payload. Who needs the same payload meanwhile
 * joins in.
 */
import type { TransactionId } from '@wardline/codec'
import type { ParsedTransaction, PayloadFault } from '@wardline/ledger'
import type { Clock, PeerName, Timer } from '@wardline/ports'
import type { PayloadLanes } from './payload-lanes.ts'

export type Fetched =
  | { readonly kind: 'here'; readonly payload: Uint8Array }
  /** Nobody who was asked has it for us. */
  | { readonly kind: 'nowhere' }
  /** These are the bytes that the transaction names, and they may not be kept: no other bytes can ever be. */
  | { readonly kind: 'faulty'; readonly code: Exclude<PayloadFault, 'payload-mismatch'> }

export type PayloadFetcher = {
  /** @param peers in the order in which they are asked; of a payload that is being fetched already, those not asked yet */
  fetch(transaction: ParsedTransaction, peers: readonly PeerName[], urgency: 'urgent' | 'patient'): Promise<Fetched>
}

export type PayloadFetcherParts = {
  readonly clock: Clock
  readonly lanes: PayloadLanes
  readonly fault: (transaction: ParsedTransaction, payload: Uint8Array) => PayloadFault | undefined
  readonly keep: (transaction: ParsedTransaction, payload: Uint8Array) => Promise<void>
  readonly report: (peer: PeerName, code: string) => void
}

/** How long one peer is waited for before the next is asked as well. */
const PATIENCE_MS = { urgent: 250, patient: 1_500 }

type Job = {
  readonly transaction: ParsedTransaction
  readonly unasked: PeerName[]
  readonly known: Set<PeerName>
  readonly promise: Promise<Fetched>
  readonly settle: (fetched: Fetched) => void
  readonly fail: (error: unknown) => void
  urgency: 'urgent' | 'patient'
  asking: number
  isOver: boolean
  timer: Timer | undefined
}

export function createPayloadFetcher(parts: PayloadFetcherParts): PayloadFetcher {
  const { clock, lanes } = parts
  const jobs = new Map<TransactionId, Job>()

  function begin(transaction: ParsedTransaction): Job {
    const { promise, resolve: settle, reject: fail } = Promise.withResolvers<Fetched>()
    const rest = { unasked: [], known: new Set<PeerName>(), asking: 0, isOver: false, timer: undefined }
    const job: Job = { transaction, promise, settle, fail, urgency: 'patient', ...rest }
    jobs.set(transaction.id, job)
    return job
  }

  function end(job: Job): void {
    job.isOver = true
    job.timer?.cancel()
  }

  function finish(job: Job, fetched: Fetched): void {
    end(job)
    jobs.delete(job.transaction.id)
    job.settle(fetched)
  }

  function askNext(job: Job): void {
    job.timer?.cancel()
    if (job.isOver) return
    const peer = job.unasked.shift()
    if (peer === undefined) {
      if (job.asking === 0) finish(job, { kind: 'nowhere' })
      return
    }
    job.asking += 1
    if (job.unasked.length > 0) job.timer = clock.after(PATIENCE_MS[job.urgency], () => askNext(job))
    ask(job, peer).catch((error: unknown) => {
      end(job)
      jobs.delete(job.transaction.id)
      job.fail(error)
    })
  }

  async function ask(job: Job, peer: PeerName): Promise<void> {
    const { transaction } = job
    const question = { transaction, isUrgent: job.urgency === 'urgent', isOpen: () => !job.isOver }
    const payload = await lanes.ask(peer, question)
    job.asking -= 1
    if (job.isOver) return
    const code = payload && parts.fault(transaction, payload)
    if (code === 'payload-mismatch') parts.report(peer, 'wrong-payload')
    else if (code !== undefined) {
      finish(job, { kind: 'faulty', code })
      return
    } else if (payload !== undefined) {
      end(job)
      await parts.keep(transaction, payload)
      finish(job, { kind: 'here', payload })
      return
    }
    askNext(job)
  }

  return {
    fetch(transaction, peers, urgency) {
      const job = jobs.get(transaction.id) ?? begin(transaction)
      for (const peer of peers) {
        if (job.known.has(peer)) continue
        job.known.add(peer)
        job.unasked.push(peer)
      }
      if (urgency === 'urgent') job.urgency = 'urgent'
      // Those who were asked for another caller have had their time.
      askNext(job)
      return job.promise
    }
  }
}
