/** What one committed block of an alliance adds to the timelines of its patients. */
import { type Alias, assert, type Hash, unreachable } from '@wardline/codec'
import {
  type Change,
  type CommittedBlock,
  type Fold,
  type ParsedTransaction,
  readRecordVersion,
  type StateView
} from '@wardline/ledger'
import { entriesOf } from '../entries.ts'
import { decodeEntryRow, type EntryRow, encodeEntryRow, encodeVersionPlace, rowKeys } from './rows.ts'

type Touching = ParsedTransaction<'dss.enrol' | 'dss.withdraw' | 'dss.record' | 'dss.amend' | 'dss.access'>

/** Writes the rows of rows.ts. */
export const timelineFold: Fold = (reader, block) => {
  const rows = new Map<string, Uint8Array>()
  const touching = block.transactions.filter(isTouching)
  const hashAt = (alias: Alias, number: number) => rowHash(reader, alias, number)
  for (const { tx, alias, number, hash } of entriesOf(reader, block.header.chain, touching, aliasOf, hashAt)) {
    const row = rowOf(reader, block, tx, hash)
    rows.set(rowKeys.entry(alias, number), encodeEntryRow(row))
    if (row.kind === 'dss.record' || row.kind === 'dss.amend') {
      rows.set(rowKeys.version(row.record, row.version), encodeVersionPlace({ alias, number }))
    }
  }
  return Array.from(rows, ([key, value]): Change => ({ key, value }))
}

function rowHash(reader: StateView, alias: Alias, number: number): Hash | undefined {
  const bytes = reader.get(rowKeys.entry(alias, number))
  return bytes && decodeEntryRow(bytes).hash
}

function isTouching(tx: ParsedTransaction): tx is Touching {
  return tx.kind.startsWith('dss.')
}

function aliasOf(tx: Touching): Alias {
  return tx.kind === 'dss.enrol' || tx.kind === 'dss.withdraw' ? tx.author.alias : tx.body.alias
}

function rowOf(reader: StateView, { header }: CommittedBlock, tx: Touching, hash: Hash): EntryRow {
  const common = { hash, id: tx.id, time: header.time, height: header.height }
  switch (tx.kind) {
    case 'dss.enrol': {
      const { until, basis } = tx.body
      return { kind: tx.kind, ...common, hospital: tx.sponsor.member, until, basis }
    }
    case 'dss.withdraw':
      return { kind: tx.kind, ...common, hospital: tx.sponsor.member }
    case 'dss.access': {
      const { records, reader: who, purpose } = tx.body
      return { kind: tx.kind, ...common, hospital: tx.author.member, records, reader: who, purpose }
    }
    case 'dss.record':
    case 'dss.amend': {
      const version = readRecordVersion(reader, tx.id)
      assert(version !== undefined && tx.payload !== undefined, 'a committed version is in the state')
      const { record, number, supersedes, content, concurrent } = version
      const doctors = tx.body.doctors.map(({ member, role }) => ({ member, role }))
      const what = { record, version: number, supersedes, content, doctors, concurrent, size: tx.payload.size }
      return { kind: tx.kind, ...common, hospital: tx.author.member, ...what }
    }
    default:
      return unreachable(tx)
  }
}
