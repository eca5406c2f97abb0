import { name32, type TransactionId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  acknowledgementRange,
  expiredSeenRange,
  genesisChanges,
  hostRange,
  type KeyRange,
  memberRange,
  stateKeys
} from '../src/index.ts'
import { alpha, beta, CREATED, founders, genesis, hash } from './world.ts'

const test = suite('ledger/state-keys')
const id = name32<TransactionId>(hash('id') as string)
const next = name32<TransactionId>('f'.repeat(64))

function isIn(key: string, { from, to }: KeyRange): boolean {
  return from <= key && key < to
}

test('an id can be forgotten exactly when no rule can read it any more', () => {
  for (const expires of [0, 1, 999, CREATED, 2 ** 53 - 2]) {
    const key = stateKeys.seen(expires, id)
    assert.ok(isIn(key, expiredSeenRange(expires)))
    assert.ok(isIn(key, expiredSeenRange(expires + 1)))
    if (expires > 0) assert.not.ok(isIn(key, expiredSeenRange(expires - 1)))
  }
})

test('the ranges hold the keys that they name and no others', () => {
  const keys = genesisChanges(genesis).map(({ key }) => key)
  assert.is(keys.filter((key) => isIn(key, memberRange)).length, founders.length + 1)
  assert.is(keys.filter((key) => isIn(key, hostRange)).length, founders.length)
  assert.ok(isIn(stateKeys.acknowledgement(id, alpha.member), acknowledgementRange(id)))
  assert.not.ok(isIn(stateKeys.acknowledgement(next, beta.member), acknowledgementRange(id)))
})

test('every key is printable ASCII', () => {
  for (const { key } of genesisChanges(genesis)) assert.match(key, /^[a-z0-9/]+$/)
})

test.run()
