/**
 * Transactions from neighbours. A batch with a fault that its bytes alone show is rejected whole and costs its deliverer
 * score; what only our state refuses is dropped, or parked until the next block, for a neighbour may be one block ahead.
 */
import { type Leaf, limits } from '@wardline/codec'
import { decodeBlockBody, type ParsedTransaction, type RefusalCode } from '@wardline/ledger'
import type { Clock, GossipVerdict, Log, PeerName } from '@wardline/ports'
import type { Admission } from './admission.ts'

export type Receiver = {
  /** Takes in a gossiped batch; the verdict decides whether it travels on as it is. */
  batch(data: Uint8Array, from: PeerName): Promise<GossipVerdict>
  /** Takes in transactions that were asked for by stream. Returns those now in the mempool or known as such. */
  fetched(transactions: readonly Uint8Array[], from: PeerName): Promise<readonly ParsedTransaction[]>
  /** Judges what is parked once more; call after each commit. */
  retryParked(): void
}

export type ReceiverParts = {
  readonly admission: Admission
  readonly clock: Clock
  readonly log: Log
  /** Sends admitted transactions on in a batch of our own. */
  readonly passOn: (transactions: readonly ParsedTransaction[]) => void
  /** Told when the mempool has grown. */
  readonly onAdmitted: () => void
}

type Parked = { readonly transaction: ParsedTransaction; readonly from: PeerName; readonly untilMs: number }

/** Parked transactions judged again after one commit, so that a neighbour's full share cannot hold up the loop. */
const RETRIES_PER_COMMIT = 256

/** Refusals that another block cannot lift. */
const NOT_PARKED = new Set<RefusalCode>(['expired', 'too-far-expiry'])

export function createReceiver(parts: ReceiverParts): Receiver {
  const { admission, clock, log, passOn, onAdmitted } = parts
  const parked = new Map<Leaf, Parked>()
  const parkedBytes = new Map<PeerName, number>()

  function park(transaction: ParsedTransaction, from: PeerName): void {
    const used = parkedBytes.get(from) ?? 0
    if (parked.has(transaction.leaf) || used + transaction.bytes.length > limits.parkedBytesPerPeerMax) return
    parked.set(transaction.leaf, { transaction, from, untilMs: clock.nowMs() + limits.parkedMs })
    parkedBytes.set(from, used + transaction.bytes.length)
  }

  function unpark(leaf: Leaf, { transaction, from }: Parked): void {
    parked.delete(leaf)
    const left = (parkedBytes.get(from) ?? 0) - transaction.bytes.length
    if (left > 0) parkedBytes.set(from, left)
    else parkedBytes.delete(from)
  }

  /** Admits, or parks what the next block may permit. */
  function take(transaction: ParsedTransaction, from: PeerName): 'admitted' | 'known' | 'dropped' {
    const admitted = admission.admit(transaction)
    if (admitted.kind === 'admitted' || admitted.kind === 'known') return admitted.kind
    if (admitted.kind === 'refused' && !admitted.permanent && !NOT_PARKED.has(admitted.code)) park(transaction, from)
    return 'dropped'
  }

  return {
    async batch(data, from) {
      const list = data.length <= limits.gossipBatchBytesMax ? decodeBlockBody(data) : undefined
      if (list === undefined || list.length === 0) return 'reject'
      const opened = await Promise.all(list.map((bytes) => admission.open(bytes)))
      const fault = opened.find(({ kind }) => kind === 'fault')
      if (fault?.kind === 'fault') {
        log.warn('a neighbour sent a faulty transaction', { peer: from, code: fault.code })
        return 'reject'
      }
      const admitted: ParsedTransaction[] = []
      let dropped = 0
      for (const one of opened) {
        if (one.kind !== 'opened') continue
        const fate = take(one.transaction, from)
        if (fate === 'admitted') admitted.push(one.transaction)
        if (fate === 'dropped') dropped += 1
      }
      if (admitted.length > 0) onAdmitted()
      if (dropped === 0) return admitted.length > 0 ? 'accept' : 'ignore'
      if (admitted.length > 0) passOn(admitted)
      return 'ignore'
    },

    async fetched(transactions, from) {
      const opened = await Promise.all(transactions.map((bytes) => admission.open(bytes)))
      const admitted: ParsedTransaction[] = []
      for (const one of opened) {
        if (one.kind === 'opened' && take(one.transaction, from) === 'admitted') admitted.push(one.transaction)
      }
      if (admitted.length > 0) onAdmitted()
      return admitted
    },

    retryParked() {
      const nowMs = clock.nowMs()
      const admitted: ParsedTransaction[] = []
      for (const [leaf, entry] of [...parked].slice(0, RETRIES_PER_COMMIT)) {
        const verdict = admission.judge(entry.transaction)
        if (verdict.kind === 'refuse' && !verdict.permanent && entry.untilMs > nowMs) {
          // To the end of the line.
          parked.delete(leaf)
          parked.set(leaf, entry)
          continue
        }
        unpark(leaf, entry)
        if (verdict.kind === 'accept' && admission.admit(entry.transaction).kind === 'admitted') {
          admitted.push(entry.transaction)
        }
      }
      if (admitted.length === 0) return
      passOn(admitted)
      onAdmitted()
    }
  }
}
