import type { TransactionId } from '@wardline/codec'
import type { ParsedTransaction, ProvenTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tracePlan, traceRecord } from '../src/index.ts'
import { followTrace } from '../src/trace-receipt.ts'
import { createChain, type Hospital, hash } from './chain.ts'

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
function proven(transactions: readonly ParsedTransaction[]): ProvenTransaction[] {
  return transactions.map((transaction) => {
    const block = chain.blocks.find(({ transactions: all }) => all.some(({ id }) => id === transaction.id))
    const { header, digest } = block ?? (chain.blocks.at(-1) as (typeof chain.blocks)[number])
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
  // Places within a block are counted among the transactions of the receipt.
  assert.equal(followed.graph, graph)
})

test('a path holds its hand-offs and the acknowledgements by which they follow, and the creation of the record', async () => {
  const graph = await traceRecord(chain.rows(), recordId)
  assert.ok(graph !== undefined)
  const ids = (transactions: readonly ParsedTransaction[]) => transactions.map(({ id }): TransactionId => id)
  const toC = [creation, one, ackB, two, ackC]
  assert.equal(tracePlan(graph, c.member), ids(toC))
  assert.equal(tracePlan(graph, a.member), ids([creation]))
  assert.is(tracePlan(graph, d.member), undefined)
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

test.run()
