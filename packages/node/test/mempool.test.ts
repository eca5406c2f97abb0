import type { Leaf } from '@wardline/codec'
import { NO_EXPIRY, type ParsedTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMempool } from '../src/mempool.ts'
import { recorded } from './alliance.ts'
import { founded, type Hospital, registered } from './chain-world.ts'

const test = suite('node/mempool')

const { genesis, hospitals } = founded(3)
const [alpha, beta, gamma] = hospitals as [Hospital, Hospital, Hospital]
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

test('lends unused shares out, never more than half to one, and keeps every share below its own', () => {
  const mempool = createMempool(20 * size)
  const flood = of(alpha, 22).map((one) => mempool.add(one, alpha.member, 4))
  assert.is(flood.filter((answer) => answer === 'added').length, 10)
  assert.is(flood.at(-1), 'busy')
  const second = of(beta, 22).map((one) => mempool.add(one, beta.member, 4))
  assert.is(second.filter((answer) => answer === 'added').length, 5)
  const third = Array.from({ length: 5 }, (_, index) => registered(genesis, gamma, `mempool third ${index}`))
  assert.equal(
    third.map((one) => mempool.add(one, gamma.member, 4)),
    Array(5).fill('added')
  )
  assert.is(mempool.sizeBytes, 20 * size)
  assert.is(mempool.add(registered(genesis, gamma, 'mempool more'), gamma.member, 4), 'busy')
})

test('a payload that every member must hold counts towards the share of who wrote it', () => {
  const alliance = founded(3, 'test', 'DSS')
  const mempool = createMempool(10 * 10_000)
  const large = (author: Hospital) => recorded(alliance.genesis, author, { text: 'x'.repeat(9_000) }).transaction
  const flood = Array.from({ length: 20 }, () => mempool.add(large(alpha), alpha.member, 4))
  assert.is(flood.filter((answer) => answer === 'added').length, 5, 'never more than half to one')
  const [first] = mempool.all()
  mempool.remove(first?.leaf as Leaf)
  assert.is(mempool.add(large(alpha), alpha.member, 4), 'added')
  assert.is(mempool.add(large(alpha), alpha.member, 4), 'busy')
  assert.is(mempool.add(large(beta), beta.member, 4), 'added')
})

test('a sponsor that has nothing here gets one transaction in, however small its share', () => {
  const mempool = createMempool(10 * size)
  const flood = of(alpha, 10).map((one) => mempool.add(one, alpha.member, 40))
  assert.is(flood.filter((answer) => answer === 'added').length, 5)
  for (const one of of(beta, 3)) mempool.add(one, beta.member, 3)
  assert.is(mempool.add(registered(genesis, gamma, 'mempool one'), gamma.member, 40), 'added')
  assert.is(mempool.add(registered(genesis, gamma, 'mempool two'), gamma.member, 40), 'busy')
})

test('what was promised before a restart is taken back whatever the shares', () => {
  const mempool = createMempool(10 * size)
  assert.equal(
    of(alpha, 10).map((one) => mempool.add(one, alpha.member, 1)),
    Array(10).fill('added')
  )
})

test('of those that exclude each other only a few are taken, until one has gone', () => {
  const mempool = createMempool(100 * size)
  const twins = Array.from({ length: 6 }, () => registered(genesis, alpha, 'mempool twin'))
  const answers = twins.map((one) => mempool.add(one, alpha.member, 2))
  assert.equal(answers, ['added', 'added', 'added', 'added', 'busy', 'busy'])
  mempool.remove((twins[0] as ParsedTransaction).leaf)
  assert.is(mempool.add(twins[4] as ParsedTransaction, alpha.member, 2), 'added')
  assert.is(mempool.add(twins[5] as ParsedTransaction, alpha.member, 2), 'busy')
})

test('what was postponed comes behind all others', () => {
  const mempool = createMempool(100 * size)
  const all = of(alpha, 3) as [ParsedTransaction, ParsedTransaction, ParsedTransaction]
  for (const one of all) mempool.add(one, alpha.member, 2)
  mempool.postpone(all[0].leaf)
  mempool.postpone('ab'.repeat(32) as Leaf)
  assert.equal(
    [...mempool.all()].map(({ leaf }) => leaf),
    [all[1].leaf, all[2].leaf, all[0].leaf]
  )
  assert.is(
    mempool.sizeBytes,
    all.reduce((sum, { bytes }) => sum + bytes.length, 0)
  )
})

test('a share is free again when its transaction has gone', () => {
  const mempool = createMempool(10 * size)
  const all = of(alpha, 12)
  for (const one of all) mempool.add(one, alpha.member, 2)
  for (const one of all) mempool.remove(one.leaf)
  assert.is(mempool.sizeBytes, 0)
  assert.is(mempool.add(all[0] as ParsedTransaction, alpha.member, 2), 'added')
})

/** What never expires; its kind is of no matter here. */
function unending(author: Hospital, name: string): ParsedTransaction {
  return { ...registered(genesis, author, name), expires: NO_EXPIRY }
}

test('what never expires has room of its own, which nothing else takes, and its own end', () => {
  const mempool = createMempool(4 * size, 2 * size)
  for (const one of of(alpha, 4)) assert.is(mempool.add(one, alpha.member, 1), 'added')
  assert.is(mempool.add(registered(genesis, beta, 'mempool late'), beta.member, 1), 'busy')
  const [first, second, third] = ['a', 'b', 'c'].map((name) => unending(beta, `mempool entry ${name}`))
  if (first === undefined || second === undefined || third === undefined) return assert.unreachable('three were made')
  assert.is(mempool.add(first, beta.member, 1), 'added')
  assert.is(mempool.add(second, beta.member, 1), 'added')
  assert.is(mempool.add(third, beta.member, 1), 'busy')
  assert.is(mempool.sizeBytes, 6 * size)
  mempool.remove(first.leaf)
  assert.not.ok(mempool.hasRoomFor(registered(genesis, beta, 'mempool late'), beta.member, 1))
  assert.is(mempool.add(third, beta.member, 1), 'added')
})

test('of the reserved room, too, everybody has a share', () => {
  const mempool = createMempool(4 * size, 8 * size)
  for (const one of of(alpha, 4)) mempool.add(one, alpha.member, 1)
  const flood = Array.from({ length: 9 }, (_, index) =>
    mempool.add(unending(alpha, `mempool flood ${index}`), alpha.member, 4)
  )
  assert.is(flood.filter((answer) => answer === 'added').length, 4)
  assert.is(mempool.add(unending(gamma, 'mempool share'), gamma.member, 4), 'added')
})

test.run()
