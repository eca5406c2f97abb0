import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { conflictKey } from '../src/conflicts.ts'
import { acknowledged, founded, type Hospital, registered, sent, transaction } from './chain-world.ts'

const test = suite('node/conflicts')

const { genesis, hospitals } = founded(3)
const [alpha, beta, gamma] = hospitals as [Hospital, Hospital, Hospital]
const send = sent(genesis, alpha, [beta, gamma]).transaction
const other = sent(genesis, alpha, [beta]).transaction
const revoked = (author: Hospital, { member }: Hospital) => transaction(genesis, author, 'member.revoke', { member })

test('transactions of one author that exclude each other have one key', () => {
  const same = [
    [acknowledged(genesis, beta, send), acknowledged(genesis, beta, send)],
    [registered(genesis, alpha, 'one'), registered(genesis, alpha, 'one')],
    [revoked(alpha, beta), revoked(alpha, beta)],
    [send, sent(genesis, alpha, [gamma], { nonce: send.nonce }).transaction]
  ] as const
  for (const [one, two] of same) {
    assert.is.not(one.leaf, two.leaf)
    assert.is(conflictKey(one), conflictKey(two))
  }
})

test('those that can all be final have keys of their own', () => {
  const list = [
    acknowledged(genesis, beta, send),
    acknowledged(genesis, gamma, send),
    acknowledged(genesis, beta, other),
    registered(genesis, alpha, 'one'),
    registered(genesis, alpha, 'two'),
    registered(genesis, beta, 'one'),
    revoked(alpha, beta),
    revoked(alpha, gamma),
    send,
    other,
    sent(genesis, alpha, [gamma], { via: send }).transaction,
    sent(genesis, alpha, [gamma], { via: send }).transaction
  ]
  assert.is(new Set(list.map(conflictKey)).size, list.length)
})

test.run()
