import {
  AssertionError,
  type Hash,
  height,
  type MemberId,
  type RecordId,
  sha256,
  type TransactionId,
  toHex
} from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  decodeAckRow,
  decodeHeldRow,
  decodeSendRow,
  encodeAckRow,
  encodeHeldRow,
  encodeSendRow,
  rowKeys,
  rowRanges,
  type SendRow
} from '../src/rows.ts'

const test = suite('custody/rows')

const name = <T>(digit: string) => digit.repeat(64) as T
const send: SendRow = {
  id: name<TransactionId>('a'),
  via: name<TransactionId>('b'),
  sender: name<MemberId>('c'),
  time: 1_800_000_000_000,
  height: height(12),
  place: 3,
  purpose: 'treatment',
  consent: null,
  content: name<Hash>('d'),
  to: [name<MemberId>('e'), name<MemberId>('f')]
}
const ack = { id: name<TransactionId>('a'), outcome: 'opened', time: 7, height: height(13), place: 0 } as const
const held = { through: name<TransactionId>('a'), time: 7, height: height(13) }

test('rows read back as they were written, and their bytes are frozen', () => {
  const rows = [
    [encodeSendRow(send), decodeSendRow, send, 'aa0d49917b35c49a'],
    [encodeAckRow(ack), decodeAckRow, ack, '35dafa44dcbd2f03'],
    [encodeHeldRow(held), decodeHeldRow, held, '69b7d43bb04ec57a']
  ] as const
  for (const [bytes, decode, value, frozen] of rows) {
    assert.equal(decode(bytes), value)
    assert.is(toHex(sha256(bytes)).slice(0, 16), frozen)
    assert.throws(
      () => decode(bytes.slice(1)),
      (error: unknown) => error instanceof AssertionError
    )
  }
})

test('keys of a record sort as the chain does and lie in the ranges', () => {
  const record = name<RecordId>('1')
  const keys = [
    rowKeys.send(record, height(2), 10),
    rowKeys.send(record, height(10), 2),
    rowKeys.send(record, height(10), 11),
    rowKeys.send(record, height(Number.MAX_SAFE_INTEGER), 9_999)
  ]
  assert.equal(keys.toSorted(), keys)
  const { from, to } = rowRanges.sends(record)
  assert.ok(keys.every((key) => key >= from && key < to))
  assert.not.ok(rowKeys.send(name<RecordId>('2'), height(1), 0) < to)
  const acked = rowKeys.ack(record, send.id, send.sender)
  assert.ok(acked >= rowRanges.acks(record).from && acked < rowRanges.acks(record).to)
  const own = rowKeys.held(send.sender, record)
  assert.ok(own >= rowRanges.held(send.sender).from && own < rowRanges.held(send.sender).to)
})

test.run()
