import { concatBytes, fromHex, type Hash, sha256 } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type ParsedTransaction,
  readEntries,
  readPatientRecord,
  readRecordHead,
  readRecordVersion,
  type StateView
} from '../../src/index.ts'
import { alpha, beta, hash } from '../world.ts'
import {
  after,
  aliasOf,
  allianceState,
  amend,
  anna,
  bruno,
  chain,
  commit,
  enrol,
  nurse,
  physician,
  publish,
  read,
  staff,
  surgeon,
  versionOf,
  withdraw
} from './world.ts'

const test = suite('ledger/dss/versions')

const base = [staff(surgeon, alpha), staff(physician, beta), staff(nurse, alpha, 'nurse'), enrol(anna)]
const alias = aliasOf(anna)

function headOf(state: StateView): Hash {
  const entries = readEntries(state, alias)
  if (entries === undefined) throw new Error('no entry')
  return entries.head
}

function isConcurrent(state: StateView, tx: ParsedTransaction): boolean {
  const version = readRecordVersion(state, tx.id)
  if (version === undefined) throw new Error('no such version')
  return version.concurrent
}

/** The definition in DESIGN section 4, written down a second time. */
function independentHead(transactions: readonly ParsedTransaction[]): string {
  let head = new Uint8Array(32)
  for (const [i, { id }] of transactions.entries()) {
    const number = new Uint8Array(8)
    new DataView(number.buffer).setUint32(4, i + 1)
    const tag = new TextEncoder().encode('wardline/entry/1')
    head = new Uint8Array(sha256(concatBytes(tag, fromHex(chain), fromHex(alias), number, head, fromHex(id))))
  }
  return Buffer.from(head).toString('hex')
}

test('a record and its versions are remembered', () => {
  const record = publish(alpha, anna, { doctors: [surgeon, { ...nurse, role: 'nurse' }] })
  const amendment = amend(alpha, record, { content: hash('better') })
  const state = after([...base, record, amendment])
  const { recordId, content } = record.body
  const doctors = [surgeon.member]
  assert.equal(readPatientRecord(state, recordId), { alias, origin: alpha.member, doctors, latest: amendment.id })
  const first = { record: recordId, number: 1, supersedes: null, content, concurrent: false }
  assert.equal(readRecordVersion(state, record.id), first)
  const second = { ...first, number: 2, supersedes: record.id, content: hash('better'), concurrent: true }
  assert.equal(readRecordVersion(state, amendment.id), second)
})

test('the original doctors stay those of the first version', () => {
  const record = publish(alpha, anna)
  const amendment = amend(alpha, record, { doctors: [surgeon, physician] })
  const state = after([...base, record, amendment])
  assert.equal(readPatientRecord(state, record.body.recordId)?.doctors, [surgeon.member])
})

test('every kind that touches an alias is an entry of its chain, as an independent computation has it', () => {
  const record = publish(alpha, anna)
  const amendment = amend(alpha, record)
  const others = [enrol(bruno), publish(alpha, bruno)]
  const look = read(beta, anna, [versionOf(record)])
  const entries = [base[3] as ParsedTransaction, record, amendment, look, enrol(anna), withdraw(anna)]
  const [, , , ...more] = entries
  const state = after([...base, record, ...others, amendment, ...more])
  assert.equal(readEntries(state, alias), { count: 6, head: independentHead(entries) })
  assert.is(readEntries(state, aliasOf(bruno))?.count, 2)
})

test('entries of one block are linked in the order of the block', () => {
  const records = [publish(alpha, anna), publish(beta, anna, { doctors: [physician] }), publish(alpha, anna)]
  const state = after(base)
  commit(state, 9, records)
  assert.is(readEntries(state, alias)?.head, independentHead([base[3] as ParsedTransaction, ...records]))
})

test('who saw the head, or the newest record, writes nothing concurrent', () => {
  const first = publish(alpha, anna)
  const state = after([...base, first])
  assert.not.ok(isConcurrent(state, first), 'a first record with after: null')
  const afterFirst = headOf(state)
  assert.is(readRecordHead(state, alias), afterFirst)
  commit(state, 6, [read(beta, anna, [versionOf(first)]), enrol(anna)])
  const second = publish(beta, anna, { doctors: [physician], after: afterFirst })
  commit(state, 7, [second])
  assert.not.ok(isConcurrent(state, second), 'a look and an enrolment in between are no records')
  commit(state, 8, [read(beta, anna, [versionOf(first)])])
  const third = publish(alpha, anna, { after: headOf(state) })
  commit(state, 9, [third])
  assert.not.ok(isConcurrent(state, third), 'the head itself')
})

test('of two visits at the same time both are written, and the later is marked', () => {
  const state = allianceState()
  commit(state, 1, base)
  const before = headOf(state)
  const here = publish(alpha, anna, { after: before })
  const there = publish(beta, anna, { doctors: [physician], after: before })
  commit(state, 2, [here, there])
  assert.equal([isConcurrent(state, here), isConcurrent(state, there)], [false, true])
  const next = publish(alpha, anna, { after: headOf(state) })
  const late = publish(alpha, anna, { after: before })
  const blind = publish(alpha, anna)
  const invented = publish(alpha, anna, { after: hash('no entry') })
  commit(state, 3, [next, late, blind, invented])
  assert.equal(
    [next, late, blind, invented].map((tx) => isConcurrent(state, tx)),
    [false, true, true, true]
  )
})

test("another patient's entries make nothing concurrent", () => {
  const state = after([...base, enrol(bruno)])
  const before = headOf(state)
  commit(state, 8, [publish(alpha, bruno)])
  const record = publish(alpha, anna, { after: before })
  commit(state, 9, [record])
  assert.not.ok(isConcurrent(state, record))
})

test.run()
