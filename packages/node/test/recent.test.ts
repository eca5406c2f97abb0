import { randomBytes } from 'node:crypto'
import { name32, type TransactionId } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRecentTransactions } from '../src/recent.ts'

const test = suite('node/recent')

/** Nothing looks at more than the id and the bytes. */
const transaction = (sizeBytes: number) =>
  ({ id: name32<TransactionId>(randomBytes(32)), bytes: new Uint8Array(sizeBytes) }) as ParsedTransaction

test('the last ones are there, as they were', () => {
  const recent = createRecentTransactions()
  const block = [transaction(100), transaction(200)]
  recent.add(block)
  for (const one of block) assert.is(recent.get(one.id), one)
  assert.is(recent.get(transaction(1).id), undefined)
})

test('they are bounded in bytes: the oldest leave first', () => {
  const recent = createRecentTransactions()
  const all = Array.from({ length: 40 }, () => transaction(32 * 1024))
  for (const one of all) recent.add([one])
  const kept = all.filter(({ id }) => recent.get(id) !== undefined)
  assert.equal(kept, all.slice(-16))
})

test.run()
