/**
 * Destroys what this hospital has of recalled records, and attests it on the chain. The durable rows decide what is due: the
 * attestation is written only after the copies are gone from the disk, and a crash at any point begins that record anew.
 *
 * Destroying waits for no attestation: the copies of every due record go even while the chain stands still.
 */
import type { RecordId, TransactionId } from '@wardline/codec'
import { transmissionsOf } from '@wardline/custody'
import type { CommittedBlock, ParsedTransaction } from '@wardline/ledger'
import type { Timer } from '@wardline/ports'
import { type EraseDuty, isOverdue, pendingErasures } from '@wardline/views'
import { build } from './author.ts'
import type { Membership } from './membership.ts'

export type Erasures = {
  /** How many recalled records this hospital has not attested, and how many of them for over a day; each up to 10,000. */
  counts(): Promise<{ readonly pending: number; readonly overdue: number }>
  stop(): void
}

type Send = ParsedTransaction<'stt.send'>

/** Attestations that did not become final are tried again after this long, and after twice as long each time they do not. */
const RETRY_MS = 60_000
const RETRY_MS_MAX = 10 * 60 * 1000
/** How long the attestations of one page may take before those of the next are submitted. */
const ATTEST_WAIT_MS = 10 * 60 * 1000
/** Rows that are read, and attestations that are under way, at once. */
const ROWS_AT_ONCE = 100
/** Transmissions whose payloads are destroyed together. */
const COPIES_AT_ONCE = 100
const COUNT_MAX = 10_000

export function startErasures(member: Membership, onFailure: (error: unknown) => void): Erasures {
  const { chain, clock, log } = member
  const stopping = new AbortController()
  /** Rounds follow each other; one that is asked for during another begins after it. */
  let isRunning = false
  let isAskedFor = false
  let retry: Timer | undefined
  /** Rounds in a row after which an attestation was not final. */
  let failures = 0
  /** Of the records that are due, those whose copies this process has destroyed: nobody keeps a new one. */
  let destroyed: ReadonlySet<RecordId> = new Set()
  /** Ends the wait of a round for its attestations, for there is more to destroy. */
  let waiting = new AbortController()

  const isStopped = () => stopping.signal.aborted
  const range = (options: Parameters<typeof chain.store.range>[0]) => chain.store.range(options)

  function begin(): void {
    isAskedFor = true
    waiting.abort()
    if (isRunning || isStopped()) return
    isRunning = true
    rounds().catch((error: unknown) => {
      if (isStopped()) return
      stop()
      onFailure(error)
    })
  }

  async function rounds(): Promise<void> {
    while (isAskedFor && !isStopped()) {
      isAskedFor = false
      retry?.cancel()
      waiting = new AbortController()
      await destroyDue()
      const isDone = await attestDue()
      if (isAskedFor || isStopped()) continue
      if (!isDone) retry = clock.after(Math.min(RETRY_MS * 2 ** failures, RETRY_MS_MAX), begin)
      failures = isDone ? 0 : failures + 1
    }
    isRunning = false
  }

  async function* duePages(): AsyncIterable<readonly EraseDuty[]> {
    let after: RecordId | undefined
    do {
      const page = await pendingErasures(range, { limit: ROWS_AT_ONCE, ...(after !== undefined && { after }) })
      yield page
      after = page.length < ROWS_AT_ONCE ? undefined : page.at(-1)?.record
    } while (after !== undefined)
  }

  async function destroyDue(): Promise<void> {
    const due = new Set<RecordId>()
    for await (const page of duePages()) {
      for (const { record } of page) {
        if (!destroyed.has(record)) await destroy(record)
        if (isStopped()) return
        due.add(record)
      }
    }
    destroyed = due
  }

  async function destroy(record: RecordId): Promise<void> {
    const copies = await copiesOf(record)
    for (let at = 0; at < copies.length && !isStopped(); at += COPIES_AT_ONCE) {
      await chain.payloads.erase(copies.slice(at, at + COPIES_AT_ONCE).flatMap((id) => sendOf(id) ?? []))
    }
    if (!isStopped()) log.info('a recalled record is destroyed here', { record })
  }

  /** Whether every record that was due when the round began is attested by a final block. */
  async function attestDue(): Promise<boolean> {
    let isDone = true
    for await (const page of duePages()) {
      if (isAskedFor || isStopped()) return false
      const pending = pendingAttestations()
      // A row that came after the copies were destroyed belongs to the next round.
      const due = page.filter(({ record }) => destroyed.has(record))
      const attested = await Promise.all(due.map((duty) => attest(duty, pending.get(duty.record))))
      if (attested.includes(false)) isDone = false
    }
    return isDone
  }

  /** Whether a final block holds the attestation; `pending` is one that waits for a block already. */
  async function attest({ record, via }: EraseDuty, pending: TransactionId | undefined): Promise<boolean> {
    const { signal } = waiting
    let id = pending
    if (id === undefined) {
      const submission = await chain.submit(build(member, 'stt.attest', { recordId: record, via }))
      if (submission.kind === 'refused') {
        if (submission.code === 'already-attested') return true
        log.warn('an attestation was refused', { record, code: submission.code })
        return false
      }
      id = submission.id
    }
    const outcome = await chain.outcome(id, ATTEST_WAIT_MS, signal)
    return outcome?.kind === 'committed'
  }

  /** This hospital's attestations that wait for a block, those of an earlier process too. */
  function pendingAttestations(): ReadonlyMap<RecordId, TransactionId> {
    const pending = new Map<RecordId, TransactionId>()
    for (const tx of chain.mempool()) {
      if (tx.kind === 'stt.attest' && tx.author.member === chain.self) pending.set(tx.body.recordId, tx.id)
    }
    return pending
  }

  /** Every transmission of the record that this hospital sent or was sent, those that wait for a block too. */
  async function copiesOf(record: RecordId): Promise<readonly TransactionId[]> {
    const copies: TransactionId[] = []
    for await (const id of transmissionsOf(chain.store, record, chain.self)) copies.push(id)
    for (const tx of chain.mempool()) if (tx.kind === 'stt.send' && tx.body.recordId === record) copies.push(tx.id)
    return copies
  }

  function sendOf(id: TransactionId): Send | undefined {
    const tx = chain.query.transaction(id) ?? chain.pending(id)?.transaction
    return tx?.kind === 'stt.send' ? tx : undefined
  }

  function stop(): void {
    stopping.abort()
    waiting.abort()
    forget()
    retry?.cancel()
  }

  const forget = chain.onCommit(({ transactions }: CommittedBlock) => {
    if (transactions.some(({ kind }) => kind === 'stt.recall')) begin()
  })
  begin()

  return {
    async counts() {
      const duties = await pendingErasures(range, { limit: COUNT_MAX })
      return { pending: duties.length, overdue: duties.filter((duty) => isOverdue(duty, clock.nowMs())).length }
    },
    stop
  }
}
