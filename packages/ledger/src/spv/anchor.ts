/** `spv.anchor`: a hospital commits to a record of its own; the record stays in its EHR, and its signature is the EHR's. */
import {
  type Alias,
  bytes32,
  type CborValue,
  type Hash,
  mapOf,
  nameBytes,
  type Read,
  type RecordId
} from '@wardline/codec'
import { appendEntry } from '../entries.ts'
import type { KindRules } from '../kind.ts'
import { recordIdOf } from '../stt/record.ts'
import { readAnchoredRecord, readOpenedAlias, writeAnchoredRecord } from './rows.ts'

const read = mapOf({
  alias: bytes32<Alias>,
  recordId: bytes32<RecordId>,
  /** The content commitment. */
  content: bytes32<Hash>
})

export type AnchorBody = Read<typeof read>

export function encodeAnchorBody({ alias, recordId, content }: AnchorBody): CborValue {
  return { alias: nameBytes(alias), recordId: nameBytes(recordId), content: nameBytes(content) }
}

export const anchor: KindRules<AnchorBody> = {
  modes: ['SPV'],
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault: () => undefined,
  checks: () => [],
  judge({ state, author: hospital }, { chain, author, nonce, body }) {
    if (hospital.role !== 'hospital') return 'author-not-hospital'
    const alias = readOpenedAlias(state, body.alias)
    if (alias === undefined) return 'unknown-alias'
    if (alias.hospital !== author.member) return 'not-alias-hospital'
    if (body.recordId !== recordIdOf(chain, author.member, nonce)) return 'record-id-mismatch'
    // The same nonce again, under another id.
    return readAnchoredRecord(state, body.recordId) === undefined ? undefined : 'record-exists'
  },
  apply(state, { chain, id, body: { alias, recordId, content } }, { height, time }) {
    writeAnchoredRecord(state, recordId, { alias, content, anchor: id, height, time })
    appendEntry(state, chain, alias, id)
  }
}
