import { limits, type TransactionId } from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import { type ParsedTransaction, type ProvenTransaction, recordIdOf, signRecall } from '@wardline/ledger'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { holdersAt, type Rows, tracePlan, tracePlanTo, traceRecord } from '../src/index.ts'
import { followTrace } from '../src/trace-receipt.ts'
import { createChain, type Hospital, hash } from './chain.ts'
import { play, type Step, steps } from './histories.ts'

const test = suite('custody/trace-receipt')

/** A to D, which opens nothing; A to B; B to C and D; C back to A: a graph of holders with a cycle. */
const chain = createChain(4)
const [a, b, c, d] = chain.hospitals as [Hospital, Hospital, Hospital, Hospital]
const content = hash('content')
const creation = chain.firstSend(a, [d])
const { recordId } = creation.body
const one = chain.sendOn(a, [b], recordId, null)
const ackB = chain.ack(b, one.id)
const two = chain.sendOn(b, [c, d], recordId, one.id)
const ackC = chain.ack(c, two.id)
const refusal = chain.ack(d, two.id, 'refused')
const back = chain.sendOn(c, [a], recordId, two.id)
const ackA = chain.ack(a, back.id)
const story = [creation, one, ackB, two, ackC, refusal, back, ackA]
for (const group of [[creation], [one, ackB], [two], [ackC, refusal], [back], [ackA]]) {
  for (const tx of group) assert.equal(chain.add(tx), { kind: 'accept' })
  chain.commit()
}

/** As a receipt has proven them: each in its block, or where the chain has none such, in the last one. */
function proven(transactions: readonly ParsedTransaction[], { blocks } = chain): ProvenTransaction[] {
  return transactions.map((transaction) => {
    const block = blocks.find(({ transactions: all }) => all.some(({ id }) => id === transaction.id))
    const { header, digest } = block ?? (blocks.at(-1) as (typeof blocks)[number])
    return { transaction, height: header.height, digest, timeMs: header.time }
  })
}

function follow(transactions: readonly ParsedTransaction[]) {
  return followTrace(chain.id, proven(transactions))
}

test('every hand-off of a record, in the order of the chain, gives its graph again', async () => {
  const graph = await traceRecord(chain.rows(), recordId)
  assert.ok(graph !== undefined)
  const plan = tracePlan(graph)
  assert.equal(
    plan,
    story.map(({ id }) => id)
  )
  const followed = follow(story)
  if (followed.kind === 'failed') throw new Error(followed.code)
  assert.is(followed.content, content)
  // Places within a block are counted among the transactions of the receipt, which cannot tell that it has them all.
  assert.equal(followed.graph, { ...graph, complete: false })
})

test('a path holds its hand-offs and the acknowledgements by which they follow, and the creation of the record', async () => {
  const rows = chain.rows()
  const ids = (transactions: readonly ParsedTransaction[]) => transactions.map(({ id }): TransactionId => id)
  const toC = [creation, one, ackB, two, ackC]
  assert.equal(await tracePlanTo(rows, recordId, c.member), ids(toC))
  assert.equal(await tracePlanTo(rows, recordId, a.member), ids([creation]))
  assert.is(await tracePlanTo(rows, recordId, d.member), undefined)
  const followed = follow(toC)
  if (followed.kind === 'failed') throw new Error(followed.code)
  assert.equal(
    followed.graph.transmissions.flatMap(({ id, to }) => to.map(({ member, state }) => [id, member, state])),
    [
      [creation.id, d.member, 'sent'],
      [one.id, b.member, 'opened'],
      ...two.body.to.map(({ member }) => [two.id, member, member === c.member ? 'opened' : 'sent'])
    ]
  )
})

test('what may not stand where it does is named, with its place', () => {
  const other = chain.firstSend(a, [b])
  const squatted = chain.draft(b, 'stt.send', creation.body) as ParsedTransaction<'stt.send'>
  const changed = chain.sendOn(b, [c], recordId, one.id, hash('other'))
  const claimed = chain.sendOn(b, [c], recordId, null)
  const neverGot = chain.sendOn(c, [d], recordId, one.id)
  const refused = chain.sendOn(d, [c], recordId, two.id)
  const stranger = chain.ack(c, one.id)
  const again = chain.ack(b, one.id)
  const revoke = chain.draft(a, 'member.revoke', { member: d.member })
  const rows: readonly (readonly [string, readonly ParsedTransaction[], string, number])[] = [
    ['the creation is missing', [two], 'not-the-origin', 0],
    ['an acknowledgement alone', [ackB], 'wrong-via', 0],
    ['a record that another one made', [squatted], 'record-id-mismatch', 0],
    ['another record', [creation, other], 'other-record', 1],
    ['other content', [creation, one, ackB, changed], 'content-changed', 3],
    ['not the origin', [creation, one, ackB, claimed], 'not-the-origin', 3],
    ['the source is missing', [creation, two], 'wrong-via', 1],
    ['the opening is missing', [creation, one, two], 'not-opened', 2],
    ['the opening comes later', [creation, one, two, ackB], 'not-opened', 2],
    ['never a receiver', [creation, one, ackB, neverGot], 'not-a-receiver', 3],
    ['refused', [creation, one, ackB, two, refusal, refused], 'not-opened', 5],
    ['acknowledged by a stranger', [creation, one, stranger], 'not-a-receiver', 2],
    ['acknowledged twice', [creation, one, ackB, again], 'repeated', 3],
    ['sent twice', [creation, creation], 'repeated', 1],
    ['something else', [creation, revoke], 'not-a-hand-off', 1],
    ['against the order of the chain', [creation, one, ackB, two, back], 'not-opened', 4],
    ['the order of the chain reversed', [creation, two, one], 'wrong-via', 1]
  ]
  for (const [what, transactions, code, at] of rows) {
    assert.equal(follow(transactions), { kind: 'failed', code, at }, what)
  }
  const [first, second] = proven([creation, one]) as [ProvenTransaction, ProvenTransaction]
  const early = { ...second, height: (first.height - 1) as never }
  assert.equal(followTrace(chain.id, [first, early]), { kind: 'failed', code: 'out-of-order', at: 1 })
})

/**
 * The story told to its end: D gets the record from A again and opens it; A recalls it, and all but C destroy it. What D names is
 * the transmission that it was sent first and did not answer.
 */
const late = createChain(4)
const ending = (() => {
  const [alder, birch, cedar, dogwood] = late.hospitals as [Hospital, Hospital, Hospital, Hospital]
  const first = late.firstSend(alder, [dogwood])
  const record = first.body.recordId
  const attest = (author: Hospital, via: TransactionId | null) =>
    late.draft(author, 'stt.attest', { recordId: record, via })
  const toB = late.sendOn(alder, [birch], record, null)
  const openedB = late.ack(birch, toB.id)
  const toCD = late.sendOn(birch, [cedar, dogwood], record, toB.id)
  const openedD = late.ack(dogwood, toCD.id)
  const recall = late.draft(alder, 'stt.recall', { recordId: record, subject: null })
  const byA = attest(alder, null)
  const byB = attest(birch, toB.id)
  const byD = attest(dogwood, first.id)
  for (const group of [[first], [toB, openedB], [toCD, openedD], [recall, byA], [byB], [byD]]) {
    for (const tx of group) assert.equal(late.add(tx), { kind: 'accept' })
    late.commit()
  }
  const all = [first, toB, openedB, toCD, openedD, recall, byA, byB, byD]
  return {
    alder,
    birch,
    cedar,
    dogwood,
    record,
    attest,
    first,
    toB,
    openedB,
    toCD,
    openedD,
    recall,
    byA,
    byB,
    byD,
    all
  }
})()

test('the recall of a record and what attests its destruction are in the receipt, and in what it proves', async () => {
  const { record, all, alder, birch, cedar, dogwood } = ending
  const graph = await traceRecord(late.rows(), record)
  assert.ok(graph !== undefined)
  assert.equal(
    tracePlan(graph),
    all.map(({ id }) => id)
  )
  const followed = followTrace(late.id, proven(all, late))
  if (followed.kind === 'failed') throw new Error(followed.code)
  assert.equal(followed.graph, { ...graph, complete: false })
  const marks = holdersAt(followed.graph).map(({ member, recall }) => [member, recall])
  assert.equal(
    new Map(marks as [string, string][]),
    new Map([alder, birch, dogwood].map((one) => [one.member, 'destroyed']))
  )
  const early = holdersAt(followed.graph, { height: 3 as never })
  assert.ok(early.length === 3 && early.every(({ recall }) => recall === null))
  assert.is(followed.graph.recall?.attested.has(cedar.member), false)
})

test('a path holds the recall, what those on it attest, and how they came to be sent what they name', async () => {
  const { record, alder, birch, dogwood, first, toB, openedB, toCD, openedD, recall, byA, byB, byD } = ending
  const planned = (holder: Hospital) => tracePlanTo(late.rows(), record, holder.member)
  const ids = (transactions: readonly ParsedTransaction[]) => transactions.map(({ id }): TransactionId => id)
  assert.equal(await planned(alder), ids([first, recall, byA]))
  assert.equal(await planned(birch), ids([first, toB, openedB, recall, byA, byB]))
  // Its copy came by the second transmission, and what it says names the first.
  const toD = [first, toB, openedB, toCD, openedD, recall, byA, byB, byD]
  assert.equal(await planned(dogwood), ids(toD))
})

test('the path to a holder is planned without the hand-offs that are not on it', async () => {
  const rows = late.rows()
  const looked: string[] = []
  const watched: Rows = {
    get: rows.get,
    range(options) {
      looked.push(`${options.from.split('/')[2]} ${options.limit}`)
      return rows.range(options)
    }
  }
  await tracePlanTo(watched, ending.record, ending.dogwood.member)
  assert.equal(looked, ['send 1', `attested ${limits.traceHandOffsMax}`])
})

/** A and B hand a record to and fro so often; B then names the last of it in an attestation; C has it from B's first copy. */
function beside(rounds: number) {
  const made = createChain(3)
  const [alder, birch, cedar] = made.hospitals as [Hospital, Hospital, Hospital]
  const first = made.firstSend(alder, [birch])
  const { recordId: record } = first.body
  const opened = made.ack(birch, first.id)
  const onward = made.sendOn(birch, [cedar], record, first.id)
  const arrived = made.ack(cedar, onward.id)
  const path = [first, opened, onward, arrived]
  const detour: ParsedTransaction[] = []
  let via = first.id
  for (let i = 0; i < 2 * rounds; i++) {
    const [from, to] = i % 2 === 0 ? [birch, alder] : [alder, birch]
    const sent = made.sendOn(from, [to], record, via)
    via = sent.id
    detour.push(sent, made.ack(to, sent.id))
  }
  const recall = made.draft(alder, 'stt.recall', { recordId: record, subject: null })
  const attest = (by: Hospital, named: TransactionId | null) =>
    made.draft(by, 'stt.attest', { recordId: record, via: named })
  const byBirch = attest(birch, via)
  const byCedar = attest(cedar, onward.id)
  for (const tx of [...path, ...detour, recall, byBirch, byCedar]) {
    assert.equal(made.add(tx), { kind: 'accept' })
  }
  made.commit()
  return { made, cedar, record, path, detour, recall, byBirch, byCedar }
}

test('whoever attests for a copy that came a long way round does not make the receipt of a path longer', async () => {
  const ids = (transactions: readonly ParsedTransaction[]) => transactions.map(({ id }): TransactionId => id)
  for (const [rounds, isTold] of [
    [1, true],
    [8, true],
    [9, false],
    [200, false]
  ] as const) {
    const { made, cedar, record, path, detour, recall, byBirch, byCedar } = beside(rounds)
    // Its last acknowledgement says only that it was opened, which an attestation does not need.
    const told = isTold ? [...detour.slice(0, -1), recall, byBirch] : [recall]
    const transactions = [...path, ...told, byCedar]
    assert.equal(await tracePlanTo(made.rows(), record, cedar.member), ids(transactions), `${rounds} rounds`)
    assert.is(followTrace(made.id, proven(transactions, made)).kind, 'followed')
  }
})

test('whatever members did, the path to every holder is one that can be followed to it', async () => {
  let attested = 0
  const step = (kind: Step['kind'], whim: number): Step => ({ kind, numbers: [0, 0, 0, whim] })
  // Random histories may attest nothing: sent, recalled by the origin, and destroyed by it.
  const ended = [step('first', 1), step('recall', 3), step('attest', 3)]
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const { chain: made, sends } = play(plan)
      const rows = made.rows()
      for (const record of new Set(sends.map(({ body }) => body.recordId))) {
        const graph = await traceRecord(rows, record)
        assert.ok(graph !== undefined)
        const holders = holdersAt(graph)
        for (const { member } of made.hospitals) {
          const ids = await tracePlanTo(rows, record, member)
          const holder = holders.find((one) => one.member === member)
          assert.is(ids === undefined, holder === undefined)
          if (ids === undefined || ids === 'too-long') continue
          const followed = followTrace(
            made.id,
            proven(
              ids.map((id) => made.get(id) as ParsedTransaction),
              made
            )
          )
          if (followed.kind === 'failed') throw new Error(followed.code)
          const shown = holdersAt(followed.graph).find((one) => one.member === member)
          assert.equal(shown, holder)
          attested += followed.graph.recall?.attested.size ?? 0
        }
      }
    }),
    { numRuns: 60, examples: [[ended]] }
  )
  assert.ok(attested > 0)
})

test('what a receipt says of a recall is held against what stands before it', () => {
  const { record, alder, birch, cedar, dogwood, attest, first, toB, openedB, toCD, openedD, recall, byA, byB } = ending
  const sentOn = [first, toB, openedB, toCD, openedD]
  const sentAfter = late.sendOn(birch, [cedar], record, toB.id)
  const sentAgain = late.sendOn(alder, [cedar], record, null)
  const other = late.firstSend(alder, [birch])
  const ofOther = late.draft(alder, 'stt.recall', { recordId: other.body.recordId, subject: null })
  const byStranger = late.draft(birch, 'stt.recall', { recordId: record, subject: null })
  const patient = createSigner(new Uint8Array(32).fill(7))
  const byPatient = late.draft(birch, 'stt.recall', { recordId: record, subject: signRecall(late.id, record, patient) })
  const rows: readonly (readonly [string, readonly ParsedTransaction[], string, number])[] = [
    ['a recall alone', [recall], 'other-record', 0],
    ['an attestation alone', [byA], 'other-record', 0],
    ['the recall of another record', [first, ofOther], 'other-record', 1],
    ['recalled by somebody', [...sentOn, byStranger], 'not-the-origin', 5],
    ['recalled with a key that the record does not name', [...sentOn, byPatient], 'not-the-origin', 5],
    ['recalled twice', [first, recall, recall], 'repeated', 2],
    ['the recall is missing', [...sentOn, byA], 'not-recalled', 5],
    ['the recall comes later', [...sentOn, byA, recall], 'not-recalled', 5],
    ['sent on after the recall', [first, toB, openedB, recall, sentAfter], 'recalled', 4],
    ['sent again after the recall', [first, recall, sentAgain], 'recalled', 2],
    ['attested twice', [first, recall, byA, byA], 'repeated', 3],
    ['the transmission is missing that it names', [first, recall, byB], 'wrong-via', 2],
    ['attested as the origin', [...sentOn, recall, attest(birch, null)], 'not-the-origin', 6],
    ['attested by who was not sent it', [...sentOn, recall, attest(cedar, first.id)], 'not-a-receiver', 6],
    [
      'attested for another record',
      [first, recall, late.draft(alder, 'stt.attest', { recordId: other.body.recordId, via: null })],
      'other-record',
      2
    ]
  ]
  for (const [what, transactions, code, at] of rows) {
    assert.equal(followTrace(late.id, proven(transactions, late)), { kind: 'failed', code, at }, what)
  }
  assert.is(followTrace(late.id, proven([first, recall, attest(dogwood, first.id)], late)).kind, 'followed')
})

test('a patient’s key recalls the record whose first transmission names it', () => {
  const patient = createSigner(new Uint8Array(32).fill(7))
  const nonce = new Uint8Array(16).fill(9)
  const record = recordIdOf(late.id, ending.alder.member, nonce)
  const body = { ...ending.first.body, recordId: record, subject: patient.publicKey }
  const sent = late.draft(ending.alder, 'stt.send', body, nonce)
  const recalled = late.draft(ending.cedar, 'stt.recall', {
    recordId: record,
    subject: signRecall(late.id, record, patient)
  })
  assert.is(followTrace(late.id, proven([sent, recalled], late)).kind, 'followed')
})

test.run()
