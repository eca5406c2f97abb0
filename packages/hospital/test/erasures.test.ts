/** What is destroyed and attested, and in which order, on a chain that this test moves itself. */
import { randomBytes } from 'node:crypto'
import { type ChainId, encodeCbor, type MemberId, name32, type RecordId, type TransactionId } from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import { type CommittedBlock, type ParsedTransaction, parseTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startErasures } from '../src/erasures.ts'
import type { Membership } from '../src/membership.ts'
import { keepingLog } from './hospitals.ts'

const test = suite('hospital/erasures')

const CHAIN = name32<ChainId>(randomBytes(32))
const SELF = name32<MemberId>(randomBytes(32))

type Answer = 'refuse' | 'hold'

/** A chain that refuses every attestation, or leaves it pending until it is committed here. */
function createWorld(answer: Answer, records: number) {
  /** `destroy RECORD` and `attest RECORD`, as they happened. */
  const events: string[] = []
  const rows = new Map<string, Uint8Array>()
  const copies = new Map<TransactionId, ParsedTransaction>()
  const pending = new Map<TransactionId, { tx: ParsedTransaction<'stt.attest'>; end: () => void }>()
  const timers = new Map<() => void, number>()
  const told = new Set<(block: CommittedBlock) => void>()
  const failures: unknown[] = []

  /** The next record is due; this hospital has one copy. */
  function recall(): RecordId {
    const number = copies.size
    const record = number.toString(16).padStart(64, '0') as RecordId
    const id = record as string as TransactionId
    copies.set(id, { kind: 'stt.send', id, body: { recordId: record } } as ParsedTransaction)
    rows.set(`duties/erase/${record}`, encodeCbor({ via: null, time: 1, height: 1 }))
    return record
  }
  const tell = (...transactions: readonly object[]) => {
    for (const run of told) run({ transactions } as CommittedBlock)
  }
  const committed = { kind: 'committed', height: 1 }

  const chain = {
    id: CHAIN,
    self: SELF,
    state: { get: () => undefined },
    store: {
      async *range({ from, to, limit = Number.POSITIVE_INFINITY }: { from: string; to: string; limit?: number }) {
        const keys = [...rows.keys()].filter((key) => key >= from && key < to).sort()
        for (const key of keys.slice(0, limit)) yield [key, rows.get(key)]
      }
    },
    payloads: {
      async erase(transmissions: readonly ParsedTransaction<'stt.send'>[]) {
        for (const { body } of transmissions) events.push(`destroy ${body.recordId}`)
      }
    },
    query: { transaction: (id: TransactionId) => copies.get(id) },
    mempool: () => [...copies.values(), ...[...pending.values()].map(({ tx }) => tx)],
    async submit(bytes: Uint8Array) {
      const parsed = parseTransaction(bytes, CHAIN)
      assert.is(parsed.kind, 'ok')
      const { transaction: tx } = parsed as { transaction: ParsedTransaction<'stt.attest'> }
      events.push(`attest ${tx.body.recordId}`)
      if (answer === 'refuse') return { kind: 'refused', code: 'busy' }
      pending.set(tx.id, { tx, end: () => undefined })
      return { kind: 'accepted', id: tx.id }
    },
    outcome(id: TransactionId, _timeoutMs: number, signal: AbortSignal) {
      const entry = pending.get(id)
      if (entry === undefined) return Promise.resolve(committed)
      return new Promise((resolve) => {
        entry.end = () => resolve(committed)
        signal.addEventListener('abort', () => resolve(undefined))
      })
    },
    onCommit(run: (block: CommittedBlock) => void) {
      told.add(run)
      return () => told.delete(run)
    }
  }
  const member = {
    chain,
    signer: createSigner(randomBytes(32)),
    random: { bytes: (size: number) => randomBytes(size) },
    log: keepingLog([]),
    clock: {
      nowMs: () => 1_800_000_000_000,
      elapsedMs: () => 0,
      after(delayMs: number, run: () => void) {
        timers.set(run, delayMs)
        return { cancel: () => void timers.delete(run) }
      }
    }
  } as unknown as Membership
  const first = Array.from({ length: records }, recall)
  const erasures = startErasures(member, (error) => failures.push(error))

  return {
    events,
    first,
    failures,
    stop: () => erasures.stop(),
    /** What waits for a block, committed. */
    commit() {
      for (const [id, { tx, end }] of [...pending]) {
        pending.delete(id)
        rows.delete(`duties/erase/${tx.body.recordId}`)
        end()
      }
    },
    recall() {
      const record = recall()
      tell({ kind: 'stt.recall' })
      return record
    },
    /** Runs the one timer, and says what it had been set to. */
    retry(): number | undefined {
      assert.ok(timers.size <= 1)
      for (const [run, delayMs] of timers) {
        timers.delete(run)
        run()
        return delayMs
      }
      return undefined
    }
  }
}

/** All that is under way waits for nothing but promises of this process. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

const eventsOf = (verb: string, records: readonly RecordId[]) => records.map((record) => `${verb} ${record}`)

test('the copies of every recalled record are destroyed though no attestation becomes final', async () => {
  const world = createWorld('hold', 230)
  await settled()
  assert.equal(world.events, [...eventsOf('destroy', world.first), ...eventsOf('attest', world.first.slice(0, 100))])
  world.events.length = 0
  const late = world.recall()
  await settled()
  assert.equal(world.events, [`destroy ${late}`], 'at once, and what is pending is not written again')
  world.events.length = 0
  for (let page = 0; page < 3; page++) {
    world.commit()
    await settled()
  }
  assert.equal(world.events, eventsOf('attest', [...world.first.slice(100), late]))
  assert.is(world.retry(), undefined)
  world.stop()
  assert.equal(world.failures, [])
})

test('a refused attestation is written again after ever longer, and nothing is destroyed twice', async () => {
  const world = createWorld('refuse', 3)
  await settled()
  assert.equal(world.events, [...eventsOf('destroy', world.first), ...eventsOf('attest', world.first)])
  for (const seconds of [60, 120, 240, 480, 600, 600]) {
    world.events.length = 0
    assert.is(world.retry(), seconds * 1000)
    await settled()
    assert.equal(world.events, eventsOf('attest', world.first))
  }
  world.stop()
  assert.is(world.retry(), undefined)
  assert.equal(world.failures, [])
})

test.run()
