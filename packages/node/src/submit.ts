/**
 * Transactions from clients of this daemon. "Accepted" means: judged, and on this daemon's disk together with its payload,
 * so that it survives a crash and is gossiped again after it. Only what is accepted is gossiped, for a transaction without
 * its payload must never become final.
 */
import { type ChainId, type Leaf, type TransactionId, WardlineError } from '@wardline/codec'
import {
  type CommittedBlock,
  judge,
  leafOf,
  type ParsedTransaction,
  parseTransaction,
  type StateView
} from '@wardline/ledger'
import type { KeyValueStore, StoreWrite } from '@wardline/ports'
import type { Admission } from './admission.ts'
import type { Head } from './head.ts'
import { keys, under } from './layout.ts'
import type { Mempool } from './mempool.ts'
import type { Outcome, Outcomes } from './outcomes.ts'
import type { Payloads } from './payloads.ts'

export type Submission =
  | { readonly kind: 'accepted'; readonly id: TransactionId }
  | { readonly kind: 'ended'; readonly id: TransactionId; readonly outcome: Outcome }
  /** Nothing was kept. `code` is a refusal of the ledger, `payload-mismatch`, `payload-absent` or `busy`. */
  | { readonly kind: 'refused'; readonly code: string }

export type Submitter = {
  /** The same bytes again give the same answer. `payload` may be left out if it is already here. */
  submit(bytes: Uint8Array, payload?: Uint8Array): Promise<Submission>
  /** Puts what was accepted before a restart back into the mempool. */
  restore(): Promise<readonly ParsedTransaction[]>
  /** Whether this pending transaction is on this daemon's disk, because a client here was promised it. */
  isMine(leaf: Leaf): boolean
  /** Drops a pending transaction that no later block can take, and puts another behind those that this one might. */
  refused(transaction: ParsedTransaction): void
  /** Forgets what a block has taken, and drops pending transactions that no later block can take. */
  committed(block: CommittedBlock): void
}

export type SubmitterParts = {
  readonly chain: ChainId
  readonly store: KeyValueStore
  readonly state: StateView
  readonly head: () => Head
  readonly admission: Admission
  readonly mempool: Mempool
  readonly payloads: Payloads
  readonly outcomes: Outcomes
  /** How a transaction of this id ended, from the store. */
  readonly committed: (id: TransactionId) => Outcome | undefined
  readonly onAccepted: (transaction: ParsedTransaction) => void
  /** Runs work that nobody waits for; what fails in it stops the chain. */
  readonly background: (run: () => Promise<void>) => void
}

/** Pending transactions looked at after a commit: fewer when blocks are full, for then there is other work. */
const PRUNE_STEPS = 64
const PRUNE_STEPS_QUIET = 1024
const QUIET_TRANSACTIONS = 16

export function createSubmitter(parts: SubmitterParts): Submitter {
  const { chain, store, admission, mempool, payloads, outcomes } = parts
  const saving = new Map<Leaf, Promise<Submission>>()
  const mine = new Set<Leaf>()
  let pruning: Iterator<ParsedTransaction> | undefined

  async function accept(transaction: ParsedTransaction, payload: Uint8Array | undefined): Promise<Submission> {
    const ended = parts.committed(transaction.id) ?? outcomes.failed(transaction.id)
    if (ended !== undefined) return { kind: 'ended', id: transaction.id, outcome: ended }
    const verdict = admission.judge(transaction)
    if (verdict.kind === 'refuse') return { kind: 'refused', code: verdict.code }
    const writes: StoreWrite[] = [{ key: keys.mempool(transaction.leaf), value: transaction.bytes }]
    if (transaction.payload !== undefined) {
      if (payload !== undefined) {
        if (!payloads.matches(transaction, payload)) return { kind: 'refused', code: 'payload-mismatch' }
        writes.push(...payloads.writes(transaction, payload))
      } else if (!payloads.has(transaction)) {
        return { kind: 'refused', code: 'payload-absent' }
      }
    }
    // Before the write, so that a block which takes it meanwhile removes the row behind it.
    mine.add(transaction.leaf)
    await store.write(writes, { sync: true }).catch((error: unknown) => {
      mine.delete(transaction.leaf)
      throw error
    })
    const admitted = admission.admit(transaction)
    switch (admitted.kind) {
      case 'admitted':
        parts.onAccepted(transaction)
        return { kind: 'accepted', id: transaction.id }
      case 'known':
        return mempool.has(transaction.leaf) ? { kind: 'accepted', id: transaction.id } : overtaken(transaction)
      case 'busy':
        await withdraw(transaction)
        return { kind: 'refused', code: 'busy' }
      case 'refused':
        await withdraw(transaction)
        return { kind: 'refused', code: admitted.code }
    }
  }

  /** While the disk was asked, a block took it, or one that excludes it. */
  async function overtaken(transaction: ParsedTransaction): Promise<Submission> {
    const { id } = transaction
    const ended = parts.committed(id) ?? outcomes.failed(id)
    const verdict = admission.judge(transaction)
    if (ended === undefined && verdict.kind === 'accept') {
      admission.readmit(transaction)
      parts.onAccepted(transaction)
      return { kind: 'accepted', id }
    }
    await withdraw(transaction)
    if (ended !== undefined) return { kind: 'ended', id, outcome: ended }
    return { kind: 'refused', code: verdict.kind === 'refuse' ? verdict.code : 'busy' }
  }

  /** It was acceptable before the disk was asked, and something came between. Nothing was promised yet. */
  async function withdraw(transaction: ParsedTransaction): Promise<void> {
    mine.delete(transaction.leaf)
    await store.write([{ key: keys.mempool(transaction.leaf), value: null }], { sync: false })
  }

  async function submitNew(bytes: Uint8Array, payload: Uint8Array | undefined): Promise<Submission> {
    const opened = await admission.open(bytes)
    if (opened.kind === 'fault') return { kind: 'refused', code: opened.code }
    if (opened.kind === 'opened') return accept(opened.transaction, payload)
    const pending = mempool.get(opened.leaf)
    if (pending !== undefined && mine.has(opened.leaf)) return { kind: 'accepted', id: pending.id }
    const transaction = pending ?? (await admission.openForBlock(bytes))
    return transaction === undefined ? { kind: 'refused', code: 'bad-signature' } : accept(transaction, payload)
  }

  function drop(transaction: ParsedTransaction, outcome: Outcome): void {
    mempool.remove(transaction.leaf)
    admission.settle(transaction.leaf)
    outcomes.settle(transaction.id, outcome)
    if (!mine.delete(transaction.leaf)) return
    parts.background(() => store.write([{ key: keys.mempool(transaction.leaf), value: null }], { sync: false }))
  }

  /** How a transaction has ended for good, by the final state and the time of the last block. */
  function fate(transaction: ParsedTransaction): Outcome | undefined {
    const { time } = parts.head()
    if (transaction.expires <= time) return { kind: 'expired' }
    const verdict = judge(parts.state, transaction, time + 1)
    return verdict.kind === 'refuse' && verdict.permanent ? { kind: 'refused', code: verdict.code } : undefined
  }

  return {
    submit(bytes, payload) {
      const leaf = leafOf(bytes)
      const running = saving.get(leaf)
      if (running !== undefined) return running
      const submission = submitNew(bytes, payload).finally(() => saving.delete(leaf))
      saving.set(leaf, submission)
      return submission
    },

    async restore() {
      const restored: ParsedTransaction[] = []
      const over: StoreWrite[] = []
      for await (const [key, bytes] of store.range(under('mempool/'))) {
        const parsed = parseTransaction(bytes, chain)
        if (parsed.kind !== 'ok') throw new WardlineError('store-corrupt', 'a pending transaction cannot be read')
        const { transaction } = parsed
        const isFinal = parts.committed(transaction.id) !== undefined
        const ended = isFinal ? undefined : fate(transaction)
        if (isFinal || ended !== undefined) {
          over.push({ key, value: null })
          if (ended !== undefined) outcomes.settle(transaction.id, ended)
          continue
        }
        mine.add(transaction.leaf)
        admission.readmit(transaction)
        restored.push(transaction)
      }
      if (over.length > 0) await store.write(over, { sync: false })
      return restored
    },

    isMine: (leaf) => mine.has(leaf),

    refused(transaction) {
      const ended = fate(transaction)
      if (ended === undefined) mempool.postpone(transaction.leaf)
      else drop(transaction, ended)
    },

    committed(block) {
      for (const { leaf } of block.transactions) mine.delete(leaf)
      const steps = block.transactions.length < QUIET_TRANSACTIONS ? PRUNE_STEPS_QUIET : PRUNE_STEPS
      for (let step = 0; step < steps; step++) {
        pruning ??= mempool.all()
        const next = pruning.next()
        if (next.done) {
          pruning = undefined
          return
        }
        const ended = fate(next.value)
        if (ended !== undefined) drop(next.value, ended)
      }
    }
  }
}
