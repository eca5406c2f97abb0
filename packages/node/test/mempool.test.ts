import type { ParsedTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMempool } from '../src/mempool.ts'
import { founded, type Hospital, registered } from './chain-world.ts'

const test = suite('node/mempool')

const { genesis, hospitals } = founded(2)
const [alpha, beta] = hospitals as [Hospital, Hospital]
const of = (author: Hospital, count: number): ParsedTransaction[] =>
  Array.from({ length: count }, (_, index) => registered(genesis, author, `mempool ${author.name} ${index}`))
const size = registered(genesis, alpha, 'mempool size').bytes.length

test('keeps the order of arrival, knows what it has, and gives it back by id', () => {
  const mempool = createMempool(100 * size)
  const [first, second] = of(alpha, 2) as [ParsedTransaction, ParsedTransaction]
  assert.is(mempool.add(first, alpha.member, 2), 'added')
  assert.is(mempool.add(second, alpha.member, 2), 'added')
  assert.is(mempool.add(first, alpha.member, 2), 'known')
  assert.equal(
    [...mempool.all()].map(({ leaf }) => leaf),
    [first.leaf, second.leaf]
  )
  assert.is(mempool.withId(second.id), second)
  assert.is(mempool.sizeBytes, first.bytes.length + second.bytes.length)
  mempool.remove(first.leaf)
  mempool.remove(first.leaf)
  assert.is(mempool.size, 1)
  assert.is(mempool.sizeBytes, second.bytes.length)
  assert.is(mempool.withId(first.id), undefined)
})

test('lends unused shares out, and keeps the rest for those below their share', () => {
  const mempool = createMempool(10 * size)
  const flood = of(alpha, 12).map((one) => mempool.add(one, alpha.member, 2))
  assert.is(flood.filter((answer) => answer === 'added').length, 8)
  assert.is(flood.at(-1), 'busy')
  const [ours, late] = of(beta, 2) as [ParsedTransaction, ParsedTransaction]
  assert.is(mempool.add(ours, beta.member, 2), 'added')
  assert.is(mempool.add(late, beta.member, 2), 'added')
  assert.is(mempool.add(registered(genesis, beta, 'mempool more'), beta.member, 2), 'busy')
})

test('a share is free again when its transaction has gone', () => {
  const mempool = createMempool(10 * size)
  const all = of(alpha, 12)
  for (const one of all) mempool.add(one, alpha.member, 2)
  for (const one of all) mempool.remove(one.leaf)
  assert.is(mempool.sizeBytes, 0)
  assert.is(mempool.add(all[0] as ParsedTransaction, alpha.member, 2), 'added')
})

test.run()
