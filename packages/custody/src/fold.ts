/** What one committed block adds to custody. */
import { assert, type MemberId, type RecordId, type TransactionId } from '@wardline/codec'
import type { Change, CommittedBlock, Fold, ParsedTransaction, StateView } from '@wardline/ledger'
import {
  type AckRow,
  decodePlaceRow,
  encodeAckRow,
  encodeAttestedRow,
  encodeHeldRow,
  encodeHolderRow,
  encodeMarkRow,
  encodePlaceRow,
  encodeRecordRow,
  encodeSendRow,
  type HolderRow,
  type PlaceRow,
  rowKeys
} from './rows.ts'

/** Transmissions whose place is remembered, since most are acknowledged within a few blocks. */
const PLACES_MAX = 8_192

/**
 * A fold that writes the rows of rows.ts. The rules have already been kept: only holders send and only receivers acknowledge,
 * once. Reads rows alone, none of the state; what it remembers between blocks is of rows that never change.
 */
export function createCustodyFold(): Fold {
  const places = new Map<TransactionId, PlaceRow>()
  return (reader, block) => {
    const table = createTable(reader)
    block.transactions.forEach((tx, place) => {
      if (tx.kind === 'stt.send') places.set(tx.id, foldSend(table, block, tx, place))
      else if (tx.kind === 'stt.ack') foldAck(table, places, block, tx, place)
      else if (tx.kind === 'stt.recall') foldRecall(table, block, tx, place)
      else if (tx.kind === 'stt.attest') foldAttest(table, block, tx, place)
    })
    for (const id of places.keys()) {
      if (places.size <= PLACES_MAX) break
      places.delete(id)
    }
    return table.changes
  }
}

type Table = {
  /** Of what `keep` has written, or blocks before. */
  get(key: string): Uint8Array | undefined
  /** Writes a row that a later transaction of this block may read. */
  keep(key: string, value: Uint8Array): void
  /** Writes or removes a row that nothing in this block reads; of two changes of one key the later counts. */
  put(key: string, value: Uint8Array | null): void
}

function createTable(reader: StateView): Table & { readonly changes: readonly Change[] } {
  const changes: Change[] = []
  const kept = new Map<string, Uint8Array>()
  return {
    changes,
    get: (key) => kept.get(key) ?? reader.get(key),
    keep(key, value) {
      kept.set(key, value)
      changes.push({ key, value })
    },
    put: (key, value) => changes.push({ key, value })
  }
}

function foldSend(
  table: Table,
  { header: { height, time } }: CommittedBlock,
  { id, author, body }: ParsedTransaction<'stt.send'>,
  place: number
): PlaceRow {
  const { recordId, via, purpose, content } = body
  const { member: sender } = author
  const to = body.to.map(({ member }) => member)
  const consent = body.consent ?? null
  const send = { id, via, sender, time, height, place, purpose, consent, content, to }
  table.put(rowKeys.send(recordId, height, place), encodeSendRow(send))
  const at = { record: recordId, height, place }
  const there = encodePlaceRow(at)
  table.put(rowKeys.at(id), there)
  const record = encodeRecordRow(recordId)
  const consentKey = consent === null ? rowKeys.unconsented(height, place) : rowKeys.consented(consent, height, place)
  table.put(consentKey, record)
  for (const receiver of to) {
    table.put(rowKeys.between(sender, receiver, time, place), there)
    table.put(rowKeys.state('sent', height, place, receiver), record)
  }
  if (via === null) addHolder(table, recordId, { member: sender, through: null, time, height, place })
  return at
}

function foldAck(
  table: Table,
  places: ReadonlyMap<TransactionId, PlaceRow>,
  { header: { height, time } }: CommittedBlock,
  { id, author: { member }, body }: ParsedTransaction<'stt.ack'>,
  place: number
): void {
  for (const { via, ...said } of body.acks) {
    const sent = places.get(via) ?? placeIn(table, via)
    foldOutcome(table, member, via, sent, { id, ...said, time, height, place })
  }
}

function placeIn(table: Table, transmission: TransactionId): PlaceRow {
  const row = table.get(rowKeys.at(transmission))
  assert(row !== undefined, 'an acknowledged transmission has its row')
  return decodePlaceRow(row)
}

function foldOutcome(table: Table, member: MemberId, via: TransactionId, sent: PlaceRow, ack: AckRow): void {
  const { outcome, time, height, place } = ack
  const { record } = sent
  table.put(rowKeys.ack(record, via, member), encodeAckRow(ack))
  table.put(rowKeys.state('sent', sent.height, sent.place, member), null)
  if (outcome === 'opened') addHolder(table, record, { member, through: via, time, height, place })
  else table.put(rowKeys.state(outcome, sent.height, sent.place, member), encodeRecordRow(record))
}

function foldRecall(
  table: Table,
  { header: { height, time } }: CommittedBlock,
  { id, body: { recordId } }: ParsedTransaction<'stt.recall'>,
  place: number
): void {
  table.put(rowKeys.recall(recordId), encodeMarkRow({ id, time, height, place }))
  table.put(rowKeys.recalled(height, place), encodeRecordRow(recordId))
}

function foldAttest(
  table: Table,
  { header: { height, time } }: CommittedBlock,
  { id, author: { member }, body: { recordId, via } }: ParsedTransaction<'stt.attest'>,
  place: number
): void {
  table.put(rowKeys.attested(recordId, member), encodeAttestedRow({ id, via, time, height, place }))
}

/** Who gets a record again, or sends the own one again, has held it since the first time. */
function addHolder(table: Table, record: RecordId, holder: HolderRow): void {
  const { through, time, height, place } = holder
  const key = rowKeys.held(holder.member, record)
  if (table.get(key) !== undefined) return
  table.keep(key, encodeHeldRow({ through, time, height }))
  table.put(rowKeys.holder(record, height, place), encodeHolderRow(holder))
}
