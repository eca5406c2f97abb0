/**
 * `stt.recall`: a record is called back, by its origin or by its patient. From then on nobody hands it on, and whoever has a
 * copy destroys it and says so (`stt.attest`). There is no way back: a record that is to travel again is a new record.
 *
 * The patient's wallet gives its sender a key for the one record, the record's *subject*, which the first transmission
 * fixes. What that key signed names chain and record, so any hospital may bring it onto the chain.
 */
import {
  bytes32,
  bytesOf,
  type CborValue,
  type ChainId,
  encodeCbor,
  mapOf,
  nameBytes,
  nullable,
  type Read,
  type RecordId,
  type SignKey
} from '@wardline/codec'
import { type Signer, statementMessage } from '@wardline/crypto'
import type { KindRules } from '../kind.ts'
import { stateKeys } from '../state-keys.ts'
import { encodeMark, readRecall, readRecord, readSubject } from './record.ts'

const read = mapOf({
  recordId: bytes32<RecordId>,
  subject: nullable(mapOf({ key: bytes32<SignKey>, sig: bytesOf(64) }))
})

/** `subject`: the record's recall key and its signature (`signRecall`); null where the author is the record's origin. */
export type RecallBody = Read<typeof read>

export function encodeRecallBody({ recordId, subject }: RecallBody): CborValue {
  return { recordId: nameBytes(recordId), subject: subject && { key: nameBytes(subject.key), sig: subject.sig } }
}

/** What a patient's key says of a record, for a hospital to bring onto the chain. It holds for good and may be sent again. */
export function signRecall(chain: ChainId, record: RecordId, signer: Signer): NonNullable<RecallBody['subject']> {
  return { key: signer.publicKey, sig: signer.sign('wardline/recall/1', recallStatement(chain, record)) }
}

function recallStatement(chain: ChainId, record: RecordId): Uint8Array {
  return encodeCbor({ chain: nameBytes(chain), record: nameBytes(record) })
}

export const recall: KindRules<RecallBody> = {
  modes: ['STT'],
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault: () => undefined,
  checks({ chain, body: { recordId, subject } }) {
    if (subject === null) return []
    const message = statementMessage('wardline/recall/1', recallStatement(chain, recordId))
    return [{ key: subject.key, message, signature: subject.sig }]
  },
  judge({ state, author }, { author: { member }, body: { recordId, subject } }) {
    if (author.role !== 'hospital') return 'author-not-hospital'
    const record = readRecord(state, recordId)
    if (record === undefined) return 'unknown-record'
    if (subject === null ? record.origin !== member : readSubject(state, recordId) !== subject.key)
      return 'not-the-origin'
    return readRecall(state, recordId) === undefined ? undefined : 'recalled'
  },
  apply(state, { id, body }, { height, time }) {
    state.set(stateKeys.recall(body.recordId), encodeMark({ id, height, time }))
  }
}
