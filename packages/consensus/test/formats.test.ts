/** A changed hash here is a changed format on disk or on the wire: an explicit decision, never a repair of this test. */
import { sha256, toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  encodeHeader,
  encodeJournalRecord,
  encodeMessage,
  HEADER_BYTES,
  headerDigest,
  leaderOf,
  NO_DIGEST,
  setHash,
  voteBytes
} from '../src/index.ts'
import { chain } from './chain-fixture.ts'
import { entries, header, messages, set } from './wire-samples.ts'

const test = suite('consensus/formats')

const frozen: Record<string, string> = {
  FROZEN
}

function current(): Record<string, string> {
  const hashes: Record<string, string> = {
    header: toHex(sha256(encodeHeader(header))),
    'header digest': headerDigest(header),
    'set hash': setHash(set.validators),
    'signed vote bytes': toHex(sha256(voteBytes('finalize', chain, set.epoch, header.view, headerDigest(header))))
  }
  for (const [name, message] of Object.entries(messages))
    hashes[`message ${name}`] = toHex(sha256(encodeMessage(message)))
  for (const [name, entry] of Object.entries(entries)) {
    hashes[`record ${name}`] = toHex(sha256(encodeJournalRecord(3, [entry])))
  }
  return hashes
}

test('every encoded type is what it was', () => {
  assert.equal(current(), frozen)
})

test('sizes that the specification fixes', () => {
  const bytes = voteBytes('nullify', chain, set.epoch, header.view, NO_DIGEST)
  assert.is(bytes.length, 85)
  assert.is(Buffer.from(bytes.subarray(0, 4)).toString('latin1'), 'WLC1')
  assert.is(bytes[4], 2)
  assert.is(encodeHeader(header).length, HEADER_BYTES)
})

test('leaders rotate by view and epoch', () => {
  assert.is(leaderOf(set, header.view).member, set.validators[header.view % 4]?.member)
})

test.run()
