/**
 * Random histories of valid and invalid transactions: whoever executes them, in whatever way, comes to the same state, and
 * that state keeps the invariants of the transmission-directed graph.
 */
import { type Hash, height, type MemberId, type RecordId, type TransactionId } from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  appHash,
  type Change,
  createBlock,
  createOverlay,
  emptyState,
  execute,
  expiredSeenRange,
  genesisAppHash,
  genesisChanges,
  judge,
  layered,
  OUTCOMES,
  type ParsedTransaction,
  parseTransaction,
  readAcknowledgement,
  readRecord,
  type StateView
} from '../src/index.ts'
import {
  CREATED,
  chain,
  doctorBody,
  firstSend,
  founders,
  genesis,
  ministry,
  type Person,
  parent,
  person,
  receivers,
  registerBody,
  rotationProof,
  secret,
  sendBody,
  sent,
  transaction
} from './world.ts'

const test = suite('ledger/determinism')

const clinics = [person('Clinic 0'), person('Clinic 1')]
const doctors = [person('Doctor 0'), person('Doctor 1')]
const everybody = [...founders, ...clinics, ...doctors, ministry]
const hospitals = [...founders, ...clinics]

type Step = {
  readonly act: number
  readonly who: number
  readonly to: number
  readonly ref: number
  readonly flag: number
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  act: fc.nat(19),
  who: fc.nat(everybody.length - 1),
  to: fc.nat(hospitals.length - 1),
  ref: fc.nat(30),
  flag: fc.nat(9)
})

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(1, list.length)]
}

/** A transaction that may well be against the rules; `sends` are all transmissions that were tried before. */
function transactionOf(step: Step, sends: ParsedTransaction<'stt.send'>[]): ParsedTransaction | undefined {
  const who = everybody[step.who] as Person
  const to = hospitals[step.to] as Person
  const old = pick(sends, step.ref)
  if (step.act < 5) return to === who ? undefined : firstSend(who, [to])
  if (step.act < 11) {
    if (old === undefined) return undefined
    // Mostly by one of its receivers, as acknowledgements are.
    const receiver = hospitals.find(({ member }) => member === pick(old.body.to, 0)?.member)
    const outcome = step.flag < 7 ? 'opened' : (pick(OUTCOMES, step.ref) ?? 'refused')
    return transaction(step.flag === 9 ? who : (receiver ?? who), 'stt.ack', { acks: [{ via: old.id, outcome }] })
  }
  if (step.act < 16) {
    if (old === undefined) return undefined
    const receiver = hospitals.find(({ member }) => member === pick(old.body.to, 0)?.member)
    const author = step.flag === 9 ? who : (receiver ?? who)
    if (author === to) return undefined
    const { recordId, content } = old.body
    const via = step.flag === 8 ? null : old.id
    return transaction(author, 'stt.send', sendBody({ recordId, content, to: receivers(to), via }))
  }
  if (step.act === 16) {
    const author = step.flag < 8 ? ministry : who
    const body = registerBody(pick(clinics, step.ref) as Person, {}, chain, author.member)
    return transaction(author, 'member.register', body)
  }
  if (step.act === 17) {
    return transaction(who, 'member.register', doctorBody(pick(doctors, step.ref) as Person, who))
  }
  if (step.act === 18) {
    return transaction(step.flag < 5 ? ministry : who, 'member.revoke', {
      member: (pick(everybody, step.ref) as Person).member
    })
  }
  const next = createSigner(secret(`next ${step.ref}`))
  if (step.flag < 3) return transaction(ministry, 'member.rotate', { action: 'veto', member: who.member })
  const body = { action: 'announce', member: who.member, sign: next.publicKey, seal: null } as const
  return transaction(who, 'member.rotate', { ...body, proof: rotationProof(who.member, next, null) })
}

type Block = {
  readonly transactions: readonly ParsedTransaction[]
  readonly changes: readonly Change[]
  readonly seen: readonly Change[]
  readonly app: Hash
}

const BLOCK_MS = 20 * 60 * 1000

function positionOf(index: number) {
  return { height: height(index + 1), time: CREATED + BLOCK_MS * (index + 1), parent }
}

/** Leads the chain: each block takes what is accepted of its steps, judged on a state that grows in place. */
function lead(steps: readonly (readonly Step[])[]): readonly Block[] {
  const state = createOverlay(emptyState)
  write(state, genesisChanges(genesis))
  const sends: ParsedTransaction<'stt.send'>[] = []
  let app = genesisAppHash(genesis)
  return steps.map((blockSteps, index) => {
    const block = createBlock(state, positionOf(index))
    const transactions: ParsedTransaction[] = []
    for (const step of blockSteps) {
      const tx = transactionOf(step, sends)
      if (tx === undefined) continue
      if (tx.kind === 'stt.send') sends.push(sent(tx))
      if (block.add(tx).kind === 'accept') transactions.push(tx)
    }
    const { changes, seen } = block.changes()
    write(state, [...changes, ...seen])
    app = appHash(app, changes)
    return { transactions, changes, seen, app }
  })
}

function write(state: ReturnType<typeof createOverlay>, changes: readonly Change[]): void {
  for (const { key, value } of changes) state.set(key, value)
}

const anyHistory = fc.array(fc.array(anyStep, { maxLength: 12 }), { minLength: 1, maxLength: 6 })

function mapState(): { readonly map: Map<string, Uint8Array>; readonly view: StateView } {
  const map = new Map<string, Uint8Array>()
  for (const { key, value } of genesisChanges(genesis)) if (value !== null) map.set(key, value)
  return { map, view: { get: (key) => map.get(key) } }
}

function commit(map: Map<string, Uint8Array>, changes: readonly Change[]): void {
  for (const { key, value } of changes) {
    if (value === null) map.delete(key)
    // A copy, so that nothing is shared with the one who executed.
    else map.set(key, new Uint8Array(value))
  }
}

test('replaying from bytes, or on stacked overlays, gives every appHash again', () => {
  const property = fc.property(anyHistory, (steps) => {
    const blocks = lead(steps)
    const replay = mapState()
    const base = mapState().view
    const layers: (readonly Change[])[] = []
    let app = genesisAppHash(genesis)
    for (const [index, block] of blocks.entries()) {
      const transactions = block.transactions.map(({ bytes }) => {
        const result = parseTransaction(new Uint8Array(bytes), chain)
        if (result.kind === 'reject') throw new Error(result.code)
        return result.transaction
      })
      const position = positionOf(index)
      const replayed = execute(replay.view, { ...position, transactions })
      const stacked = execute(layered(base, layers), { ...position, transactions })
      if (replayed.kind === 'invalid') throw new Error(`${index}: ${replayed.code}`)
      assert.equal(stacked, replayed)
      app = appHash(app, replayed.changes)
      assert.is(app, block.app)
      commit(replay.map, [...replayed.changes, ...replayed.seen])
      layers.push(replayed.changes, replayed.seen)
      // Housekeeping by block time changes no later verdict.
      const { from, to } = expiredSeenRange(position.time)
      for (const key of replay.map.keys()) if (from <= key && key < to) replay.map.delete(key)
    }
  })
  fc.assert(property, { numRuns: 60 })
})

test('judging changes nothing, and judging twice says the same', () => {
  const property = fc.property(anyHistory, (steps) => {
    const { map, view } = mapState()
    const sends: ParsedTransaction<'stt.send'>[] = []
    for (const [index, step] of steps.flat().entries()) {
      const tx = transactionOf(step, sends)
      if (tx === undefined) continue
      if (tx.kind === 'stt.send') sends.push(sent(tx))
      const position = positionOf(index)
      const before = new Map(map)
      const verdict = judge(view, tx, position.time)
      assert.equal(judge(view, tx, position.time), verdict)
      assert.equal(map, before)
      const result = execute(view, { ...position, transactions: [tx] })
      assert.is(result.kind, verdict.kind === 'accept' ? 'ok' : 'invalid')
      if (result.kind === 'ok') commit(map, [...result.changes, ...result.seen])
    }
  })
  fc.assert(property, { numRuns: 40 })
})

test('a permanent refusal stays one, whatever follows', () => {
  const property = fc.property(anyHistory, (steps) => {
    const { map, view } = mapState()
    const sends: ParsedTransaction<'stt.send'>[] = []
    const doomed: ParsedTransaction[] = []
    for (const [index, step] of steps.flat().entries()) {
      const position = positionOf(index)
      for (const tx of doomed) {
        const verdict = judge(view, tx, position.time)
        assert.ok(verdict.kind === 'refuse', 'a permanently refused transaction was accepted')
      }
      const tx = transactionOf(step, sends)
      if (tx === undefined) continue
      if (tx.kind === 'stt.send') sends.push(sent(tx))
      const verdict = judge(view, tx, position.time)
      if (verdict.kind === 'refuse' && verdict.permanent) doomed.push(tx)
      const result = execute(view, { ...position, transactions: [tx] })
      if (result.kind === 'ok') commit(map, [...result.changes, ...result.seen])
    }
  })
  fc.assert(property, { numRuns: 40 })
})

test('every stored transmission was sent by its origin or by a holder, and the graph has no loop in time', () => {
  let forwards = 0
  const property = fc.property(anyHistory, (steps) => {
    const blocks = lead(steps)
    const { map, view } = mapState()
    const known = new Map<TransactionId, { record: RecordId; to: readonly MemberId[] }>()
    const origins = new Map<RecordId, MemberId>()
    const openedBy = new Set<string>()
    for (const block of blocks) {
      for (const tx of block.transactions) {
        if (tx.kind === 'stt.ack') {
          for (const { via, outcome } of tx.body.acks)
            if (outcome === 'opened') openedBy.add(`${via} ${tx.author.member}`)
        }
        if (tx.kind !== 'stt.send') continue
        const { recordId, via } = tx.body
        const { member } = tx.author
        if (via === null) {
          if (!origins.has(recordId)) origins.set(recordId, member)
          assert.is(origins.get(recordId), member)
        } else {
          forwards += 1
          // `via` is known already: transmissions only ever point back, so they form no cycle.
          const source = known.get(via)
          assert.is(source?.record, recordId)
          assert.ok(source?.to.includes(member))
          assert.ok(openedBy.has(`${via} ${member}`))
        }
        known.set(tx.id, { record: recordId, to: tx.body.to.map((receiver) => receiver.member) })
      }
      commit(map, block.changes)
    }
    for (const [recordId, origin] of origins) assert.is(readRecord(view, recordId)?.origin, origin)
    for (const key of openedBy) {
      const [via, member] = key.split(' ') as [TransactionId, MemberId]
      assert.is(readAcknowledgement(view, via, member)?.outcome, 'opened')
    }
  })
  const step = (act: number, to: number): Step => ({ act, who: 0, to, ref: 0, flag: 0 })
  // Random histories may hand nothing on: sent, opened, and sent on by the receiver.
  const handedOn = [[step(0, 1)], [step(5, 0)], [step(11, 2)]]
  fc.assert(property, { numRuns: 60, examples: [[handedOn]] })
  assert.ok(forwards > 0, 'the histories never handed a record on')
})

test.run()
