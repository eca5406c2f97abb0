/** What one committed block adds to custody. */
import { assert } from '@wardline/codec'
import {
  type Change,
  type CommittedBlock,
  type Fold,
  type ParsedTransaction,
  readTransmission,
  type StateView
} from '@wardline/ledger'
import { encodeAckRow, encodeHeldRow, encodeSendRow, rowKeys } from './rows.ts'

/**
 * Writes the rows of rows.ts. The rules have already been kept: only holders send and only receivers acknowledge, once. The
 * reader's state is used for one thing, which record an acknowledged transmission carries.
 */
export const custodyFold: Fold = (reader, block) => {
  const rows = new Map<string, Uint8Array>()
  block.transactions.forEach((tx, place) => {
    if (tx.kind === 'stt.send') foldSend(reader, rows, block, tx, place)
    else if (tx.kind === 'stt.ack') foldAck(reader, rows, block, tx, place)
  })
  return Array.from(rows, ([key, value]): Change => ({ key, value }))
}

function foldSend(
  reader: StateView,
  rows: Map<string, Uint8Array>,
  { header: { height, time } }: CommittedBlock,
  { id, author, body }: ParsedTransaction<'stt.send'>,
  place: number
): void {
  const { recordId, via, purpose, content } = body
  const to = body.to.map(({ member }) => member)
  const send = {
    id,
    via,
    sender: author.member,
    time,
    height,
    place,
    purpose,
    consent: body.consent ?? null,
    content,
    to
  }
  rows.set(rowKeys.send(recordId, height, place), encodeSendRow(send))
  if (via === null)
    addOnce(reader, rows, rowKeys.held(author.member, recordId), encodeHeldRow({ through: null, time, height }))
}

function foldAck(
  reader: StateView,
  rows: Map<string, Uint8Array>,
  { header: { height, time } }: CommittedBlock,
  { id, author, body }: ParsedTransaction<'stt.ack'>,
  place: number
): void {
  const record = readTransmission(reader, body.via)?.record
  assert(record !== undefined, 'an acknowledged transmission is in the state')
  const { member } = author
  rows.set(rowKeys.ack(record, body.via, member), encodeAckRow({ id, outcome: body.outcome, time, height, place }))
  if (body.outcome !== 'opened') return
  addOnce(reader, rows, rowKeys.held(member, record), encodeHeldRow({ through: body.via, time, height }))
}

/** Who gets a record again, or sends the own one again, has held it since the first time. */
function addOnce(reader: StateView, rows: Map<string, Uint8Array>, key: string, value: Uint8Array): void {
  if (!rows.has(key) && reader.get(key) === undefined) rows.set(key, value)
}
