/**
 * Random histories of an alliance, of valid and invalid transactions: whoever executes them comes to the same state, and
 * that state keeps what an alliance promises.
 */
import { type Hash, height, type MemberId, type RecordId, type TransactionId } from '@wardline/codec'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  appHash,
  type Change,
  createBlock,
  createOverlay,
  enrolmentRefusal,
  entryHash,
  execute,
  genesisAppHash,
  judge,
  layered,
  NO_APP_HASH,
  type ParsedTransaction,
  parseTransaction,
  readEntries,
  readPatientRecord,
  readRecordVersion,
  type StateView
} from '../../src/index.ts'
import { alpha, beta, CREATED, gamma, HOUR, hash, type Person, parent, transaction } from '../world.ts'
import {
  aliasOf,
  alliance,
  allianceState,
  amend,
  anna,
  bruno,
  chain,
  enrol,
  nurse,
  physician,
  publish,
  read,
  type Signatory,
  staff,
  surgeon,
  versionOf,
  withdraw
} from './world.ts'

const test = suite('ledger/dss/determinism')

const hospitals = [alpha, beta, gamma]
const patients = [anna, bruno]
const signatories: readonly Signatory[] = [surgeon, physician, { ...nurse, role: 'nurse' }]
const staffing = [staff(surgeon, alpha), staff(physician, beta), staff(nurse, alpha, 'nurse')]
const BLOCK_MS = HOUR

type Version = ParsedTransaction<'dss.record' | 'dss.amend'>
type Step = {
  readonly act: number
  readonly who: number
  readonly of: number
  readonly ref: number
  readonly flag: number
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  act: fc.nat(19),
  who: fc.nat(hospitals.length - 1),
  of: fc.nat(patients.length - 1),
  ref: fc.nat(20),
  flag: fc.nat(9)
})
const anyHistory = fc.array(fc.array(anyStep, { maxLength: 10 }), { minLength: 1, maxLength: 6 })

/** The seven subsets of those who may sign. */
function doctorsOf(flag: number): readonly Signatory[] {
  return signatories.filter((_, i) => ((flag % 7) + 1) & (1 << i))
}

/** A transaction that may well be against the rules; `versions` are all that were tried before. */
function transactionOf(step: Step, versions: Version[]): ParsedTransaction | undefined {
  const who = hospitals[step.who] as Person
  const wallet = patients[step.of] as (typeof patients)[0]
  const old = versions[step.ref % Math.max(1, versions.length)]
  const doctors = doctorsOf(step.flag)
  const isSignedByDoctor = doctors.some(({ role }) => role !== 'nurse')
  // Some are held back: made before what the same patient has said meanwhile.
  const options = step.flag % 4 === 0 ? { created: CREATED + step.ref } : {}
  if (step.act < 4) return enrol(wallet, { sponsor: who, until: CREATED + (step.ref % 6) * BLOCK_MS, ...options })
  if (step.act < 6) return withdraw(wallet, who, options)
  if (step.act < 11)
    return isSignedByDoctor ? publish(who, wallet, { doctors, content: hash(`content ${step.ref}`) }) : undefined
  if (step.act === 11) return transaction(alpha, 'member.revoke', { member: surgeon.member }, { chain })
  if (old === undefined) return undefined
  if (step.act < 16) {
    if (!isSignedByDoctor) return undefined
    return amend(step.flag < 8 ? authorOf(old) : who, old, { doctors, content: hash(`amended ${step.ref}`) })
  }
  const purpose = step.flag < 7 ? 'treatment' : 'emergency'
  return read(who, wallet, [versionOf(old)], { purpose, reader: step.flag === 1 ? surgeon.member : null })
}

function authorOf({ author }: Version): Person {
  const person = hospitals.find(({ member }) => member === author.member)
  if (person === undefined) throw new Error('written by nobody')
  return person
}

type Block = {
  readonly transactions: readonly ParsedTransaction[]
  readonly changes: readonly Change[]
  readonly seen: readonly Change[]
}

function positionOf(index: number) {
  return { height: height(index + 1), time: CREATED + BLOCK_MS * (index + 1), parent }
}

/** Leads the chain: each block takes what is accepted of its steps. Every second version is of its block's own state. */
function lead(steps: readonly (readonly Step[])[]): readonly Block[] {
  const state = createOverlay(allianceState())
  const versions: Version[] = []
  return steps.map((blockSteps, index) => {
    const block = createBlock(state, positionOf(index))
    const transactions: ParsedTransaction[] = []
    const add = (tx: ParsedTransaction) => {
      if (block.add(tx).kind === 'accept') transactions.push(tx)
    }
    if (index === 0) staffing.forEach(add)
    for (const step of blockSteps) {
      const tx = transactionOf(step, versions)
      if (tx === undefined) continue
      if (tx.kind === 'dss.record' || tx.kind === 'dss.amend') versions.push(tx)
      add(tx)
    }
    const { changes, seen } = block.changes()
    for (const { key, value } of [...changes, ...seen]) state.set(key, value)
    return { transactions, changes, seen }
  })
}

test('replaying from bytes, or on stacked overlays, gives every change again', () => {
  const property = fc.property(anyHistory, (steps) => {
    const replay = allianceState()
    const layers: (readonly Change[])[] = []
    let app: Hash = genesisAppHash(alliance)
    for (const [index, block] of lead(steps).entries()) {
      const transactions = block.transactions.map(({ bytes }) => {
        const result = parseTransaction(new Uint8Array(bytes), chain)
        if (result.kind === 'reject') throw new Error(result.code)
        return result.transaction
      })
      const replayed = execute(replay, { ...positionOf(index), transactions })
      const stacked = execute(layered(allianceState(), layers), { ...positionOf(index), transactions })
      if (replayed.kind === 'invalid') throw new Error(`${index}: ${replayed.code}`)
      assert.equal(stacked, replayed)
      assert.equal(replayed.changes, block.changes)
      app = appHash(app, replayed.changes)
      for (const { key, value } of [...replayed.changes, ...replayed.seen]) replay.set(key, value)
      layers.push(replayed.changes, replayed.seen)
    }
    assert.is.not(app, NO_APP_HASH)
  })
  fc.assert(property, { numRuns: 40 })
})

test('a permanent refusal stays one, whatever follows', () => {
  const property = fc.property(anyHistory, (steps) => {
    const state = allianceState()
    const versions: Version[] = []
    const doomed: ParsedTransaction[] = []
    const commit = (tx: ParsedTransaction, index: number) => {
      const result = execute(state, { ...positionOf(index), transactions: [tx] })
      if (result.kind === 'invalid') return
      for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
    }
    for (const tx of staffing) commit(tx, 0)
    for (const [index, step] of steps.flat().entries()) {
      const { time } = positionOf(index)
      for (const tx of doomed) assert.is(judge(state, tx, time).kind, 'refuse')
      const tx = transactionOf(step, versions)
      if (tx === undefined) continue
      if (tx.kind === 'dss.record' || tx.kind === 'dss.amend') versions.push(tx)
      const verdict = judge(state, tx, time)
      if (verdict.kind === 'refuse' && verdict.permanent) doomed.push(tx)
      commit(tx, index)
    }
  })
  fc.assert(property, { numRuns: 40 })
})

/** What a chain promises of its records, followed through its blocks by other means than its rules. */
function checkPromises(blocks: readonly Block[]): { readonly records: number; readonly amendments: number } {
  const state = allianceState()
  const chains = patients.map((wallet) => ({ alias: aliasOf(wallet), head: undefined as Hash | undefined, count: 0 }))
  const latest = new Map<RecordId, { readonly id: TransactionId; readonly origin: MemberId; readonly number: number }>()
  let amendments = 0
  for (const [index, { transactions, changes, seen }] of blocks.entries()) {
    for (const tx of transactions) {
      const alias = 'alias' in tx.author ? tx.author.alias : 'alias' in tx.body ? tx.body.alias : undefined
      const entries = chains.find((one) => one.alias === alias)
      if (entries !== undefined) {
        entries.count += 1
        entries.head = entryHash(chain, entries.alias, entries.count, entries.head, tx.id)
      }
      if (tx.kind !== 'dss.record' && tx.kind !== 'dss.amend') continue
      const { recordId } = tx.body
      const before = latest.get(recordId)
      assert.is(before === undefined, tx.kind === 'dss.record')
      assert.is(before?.id, tx.kind === 'dss.amend' ? tx.body.supersedes : undefined)
      assert.is(before?.origin ?? tx.author.member, tx.author.member)
      latest.set(recordId, { id: tx.id, origin: tx.author.member, number: (before?.number ?? 0) + 1 })
      if (tx.kind === 'dss.amend') amendments += 1
    }
    for (const { key, value } of [...changes, ...seen]) state.set(key, value)
    checkEnrolled(state, index, transactions)
  }
  for (const { alias, head, count } of chains) {
    assert.equal(readEntries(state, alias), head === undefined ? undefined : { head, count })
  }
  for (const [recordId, { id, origin, number }] of latest) {
    const record = readPatientRecord(state, recordId)
    assert.equal([record?.latest, record?.origin], [id, origin])
    assert.is(readRecordVersion(state, id)?.number, number)
  }
  return { records: latest.size, amendments }
}

/** Who is written about in the last place of a block, and not withdrawn in it, is enrolled after it. */
function checkEnrolled(state: StateView, index: number, transactions: readonly ParsedTransaction[]): void {
  const last = transactions.at(-1)
  if (last?.kind !== 'dss.record' && last?.kind !== 'dss.amend') return
  assert.is(enrolmentRefusal(state, last.body.alias, positionOf(index).time), undefined)
}

test('entries are linked, versions follow each other, and nobody is written about unasked', () => {
  let records = 0
  let amendments = 0
  const property = fc.property(anyHistory, (steps) => {
    const seen = checkPromises(lead(steps))
    records += seen.records
    amendments += seen.amendments
  })
  const step = (act: number, ref: number, flag: number): Step => ({ act, who: 0, of: 0, ref, flag })
  // Random histories may amend nothing: enrolled, written about, amended.
  const amended = [[step(0, 5, 1), step(6, 0, 0)], [step(12, 0, 0)]]
  fc.assert(property, { numRuns: 60, examples: [[amended]] })
  assert.ok(records > 0 && amendments > 0, 'the histories never wrote or amended anything')
})

test.run()
