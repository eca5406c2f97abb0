/**
 * Transactions from clients of this daemon. "Accepted" means: judged, and on this daemon's disk together with its payload,
 * so that it survives a crash and is gossiped again after it. Only what is accepted is gossiped, for a transaction without
 * its payload must never become final.
 */
import type { ChainId, Leaf, TransactionId } from '@wardline/codec'
import {
  type CommittedBlock,
  judge,
  leafOf,
  type ParsedTransaction,
  type PayloadFault,
  parseTransaction,
  type StateView
} from '@wardline/ledger'
import type { KeyValueStore, StoreWrite } from '@wardline/ports'
import type { Admission } from './admission.ts'
import type { Head } from './head.ts'
import { corrupt, keys, under } from './layout.ts'
import type { Mempool } from './mempool.ts'
import type { Outcome, Outcomes } from './outcomes.ts'
import type { PayloadKeeper } from './payloads.ts'

export type Submission =
  | { readonly kind: 'accepted'; readonly id: TransactionId }
  | { readonly kind: 'ended'; readonly id: TransactionId; readonly outcome: Outcome }
  /** Nothing was kept. `code` is a refusal of the ledger, a fault of the payload, `payload-absent` or `busy`. */
  | { readonly kind: 'refused'; readonly code: string }

export type Submitter = {
  /** The same bytes again give the same answer. `payload` may be left out if it is already here. */
  submit(bytes: Uint8Array, payload?: Uint8Array): Promise<Submission>
  /** Puts what was accepted before a restart back into the mempool. */
  restore(): Promise<readonly ParsedTransaction[]>
  /** Whether this pending transaction is on this daemon's disk, because a client here was promised it. */
  isMine(leaf: Leaf): boolean
  /** What this daemon has accepted and is still pending, at most `max` of it: each in its turn, the oldest first. */
  waiting(max: number): readonly ParsedTransaction[]
  /** Drops a pending transaction that no later block can take, and puts another behind those that this one might. */
  refused(transaction: ParsedTransaction): void
  /** Drops what is pending under this id: its payload has a fault for which nobody may keep it, and so no block can take it. */
  faulty(id: TransactionId, code: PayloadFault): void
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
  readonly payloads: Pick<PayloadKeeper, 'fault' | 'has' | 'keep' | 'dropped' | 'withdrawn'>
  readonly outcomes: Outcomes
  /** How a transaction of this id ended, from the store. */
  readonly committed: (id: TransactionId) => Outcome | undefined
  readonly onAccepted: (transaction: ParsedTransaction) => void
  /** Runs work that nobody waits for; what fails in it stops the chain. */
  readonly background: (run: () => Promise<void>) => void
}

/** Pending transactions looked at after a commit: fewer when blocks are full, for then there is other work. */
const PRUNE_STEPS = 8
const PRUNE_STEPS_QUIET = 1024
const QUIET_TRANSACTIONS = 16

export function createSubmitter(parts: SubmitterParts): Submitter {
  const { chain, store, admission, mempool, payloads, outcomes } = parts
  const saving = new Map<Leaf, Promise<Submission>>()
  const mine = new Set<Leaf>()
  /** On their way to the disk and from there into the mempool. */
  const persisting = new Set<ParsedTransaction>()
  let pruning: Iterator<ParsedTransaction> | undefined

  async function accept(transaction: ParsedTransaction, payload: Uint8Array | undefined): Promise<Submission> {
    const ended = parts.committed(transaction.id) ?? outcomes.failed(transaction.id)
    if (ended !== undefined) return { kind: 'ended', id: transaction.id, outcome: ended }
    const verdict = admission.judge(transaction)
    if (verdict.kind === 'refuse') return { kind: 'refused', code: verdict.code }
    const code = payloadRefusal(transaction, payload)
    if (code !== undefined) return { kind: 'refused', code }
    if (!mempool.has(transaction.leaf) && !admission.hasRoomFor(transaction)) return { kind: 'refused', code: 'busy' }
    persisting.add(transaction)
    return admitPersisted(transaction, payload).finally(() => persisting.delete(transaction))
  }

  async function admitPersisted(transaction: ParsedTransaction, payload: Uint8Array | undefined): Promise<Submission> {
    // Before the write, so that a block which takes it meanwhile removes the row behind it.
    mine.add(transaction.leaf)
    await persist(transaction, payload).catch((error: unknown) => {
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

  /** Why the transaction may not be accepted with this payload, or without one. */
  function payloadRefusal(transaction: ParsedTransaction, payload: Uint8Array | undefined): string | undefined {
    if (transaction.payload === undefined) return undefined
    if (payload !== undefined) return payloads.fault(transaction, payload)
    return payloads.has(transaction) ? undefined : 'payload-absent'
  }

  async function persist(transaction: ParsedTransaction, payload: Uint8Array | undefined): Promise<void> {
    const row: StoreWrite = { key: keys.mempool(transaction.leaf), value: transaction.bytes }
    if (transaction.payload === undefined || payload === undefined) await store.write([row], { sync: true })
    else await payloads.keep(transaction, payload, [row])
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

  /**
   * It was acceptable before the disk was asked, and something came between. Nothing was promised yet. Awaited before the same
   * bytes are looked at again, so that it takes away nothing that was kept since.
   */
  async function withdraw(transaction: ParsedTransaction): Promise<void> {
    mine.delete(transaction.leaf)
    const row: StoreWrite = { key: keys.mempool(transaction.leaf), value: null }
    if (isWantedElsewhere(transaction)) await store.write([row], { sync: false })
    else await payloads.withdrawn(transaction, [row])
  }

  /** Whether another signature over the same id is pending, or about to be. */
  function isWantedElsewhere(transaction: ParsedTransaction): boolean {
    const isOther = (one: ParsedTransaction) => one !== transaction && one.id === transaction.id
    return mempool.withId(transaction.id) !== undefined || [...persisting].some(isOther)
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
    const isMine = mine.delete(transaction.leaf)
    // Another signature over the same id may still become final.
    const isLast = !isWantedElsewhere(transaction)
    if (isLast) outcomes.settle(transaction.id, outcome)
    if (isMine || isLast) parts.background(() => forget(transaction, { isMine, isLast }))
  }

  /** The payload goes before the row that names it: what a crash leaves, the next start forgets again. */
  async function forget(
    transaction: ParsedTransaction,
    { isMine, isLast }: { readonly isMine: boolean; readonly isLast: boolean }
  ): Promise<void> {
    if (isLast) await payloads.dropped(transaction)
    if (isMine) await store.write([{ key: keys.mempool(transaction.leaf), value: null }], { sync: false })
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
      const dropped: { readonly transaction: ParsedTransaction; readonly ended: Outcome }[] = []
      for await (const [key, bytes] of store.range(under('mempool/'))) {
        const parsed = parseTransaction(bytes, chain)
        if (parsed.kind !== 'ok') throw corrupt('a pending transaction cannot be read')
        const { transaction } = parsed
        const isFinal = parts.committed(transaction.id) !== undefined
        const ended = isFinal ? undefined : fate(transaction)
        if (isFinal) {
          over.push({ key, value: null })
          continue
        }
        if (ended !== undefined) {
          dropped.push({ transaction, ended })
          continue
        }
        mine.add(transaction.leaf)
        admission.readmit(transaction)
        restored.push(transaction)
      }
      if (over.length > 0) await store.write(over, { sync: false })
      for (const { transaction, ended } of dropped) {
        const isLast = !restored.some(({ id }) => id === transaction.id)
        if (isLast) outcomes.settle(transaction.id, ended)
        parts.background(() => forget(transaction, { isMine: true, isLast }))
      }
      return restored
    },

    isMine: (leaf) => mine.has(leaf),

    waiting(max) {
      const found: ParsedTransaction[] = []
      for (const leaf of mine) {
        if (found.length === max) break
        const transaction = mempool.get(leaf)
        if (transaction !== undefined) found.push(transaction)
      }
      for (const { leaf } of found) {
        mine.delete(leaf)
        mine.add(leaf)
      }
      return found
    },

    refused(transaction) {
      const ended = fate(transaction)
      if (ended === undefined) mempool.postpone(transaction.leaf)
      else drop(transaction, ended)
    },

    faulty(id, code) {
      for (;;) {
        const pending = mempool.withId(id)
        if (pending === undefined) return
        drop(pending, { kind: 'refused', code })
      }
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
