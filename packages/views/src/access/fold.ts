/** What one committed block of an SPV chain adds to the access logs of its aliases. */
import { type Alias, assert, type Hash, unreachable } from '@wardline/codec'
import {
  type Change,
  type CommittedBlock,
  chargedTo,
  type Fold,
  type ParsedTransaction,
  readAnsweredRequest,
  requestIdOf,
  type StateView
} from '@wardline/ledger'
import { entriesOf } from '../entries.ts'
import { decodeEntryRow, type EntryRow, encodeEntryRow, rowKeys } from './rows.ts'

type Touching = ParsedTransaction<'alias.open' | 'spv.anchor' | 'spv.grant' | 'spv.revoke' | 'spv.access'>

/** Writes the rows of rows.ts. */
export const accessFold: Fold = (reader, block) => {
  const rows = new Map<string, Uint8Array>()
  const touching = block.transactions.filter(isTouching)
  const hashAt = (alias: Alias, number: number) => rowHash(reader, alias, number)
  for (const { tx, alias, number, hash } of entriesOf(reader, block.header.chain, touching, aliasOf, hashAt)) {
    rows.set(rowKeys.entry(alias, number), encodeEntryRow(rowOf(reader, block, tx, hash)))
  }
  return Array.from(rows, ([key, value]): Change => ({ key, value }))
}

function rowHash(reader: StateView, alias: Alias, number: number): Hash | undefined {
  const bytes = reader.get(rowKeys.entry(alias, number))
  return bytes && decodeEntryRow(bytes).hash
}

function isTouching(tx: ParsedTransaction): tx is Touching {
  return tx.kind === 'alias.open' || tx.kind.startsWith('spv.')
}

function aliasOf(tx: Touching): Alias {
  if (tx.kind === 'spv.anchor') return tx.body.alias
  return tx.kind === 'spv.access' ? tx.body.request.request.alias : tx.author.alias
}

function rowOf(reader: StateView, { header }: CommittedBlock, tx: Touching, hash: Hash): EntryRow {
  const common = { hash, id: tx.id, hospital: chargedTo(tx), time: header.time, height: header.height }
  switch (tx.kind) {
    case 'alias.open':
      return { kind: tx.kind, ...common, custodial: tx.body.custodial }
    case 'spv.anchor':
      return { kind: tx.kind, ...common, record: tx.body.recordId, content: tx.body.content }
    case 'spv.grant':
      return { kind: tx.kind, ...common }
    case 'spv.revoke':
      return { kind: tx.kind, ...common, grant: tx.body.grant }
    case 'spv.access': {
      const { request } = tx.body.request
      const id = requestIdOf(request)
      const answered = readAnsweredRequest(reader, id)
      assert(answered?.access === tx.id, 'a committed access has answered its request')
      const { accessor, purpose, records } = request
      const { status, code, grant } = answered
      const decidedAt = tx.body.decidedAt.height as EntryRow['height']
      const asked = { request: id, accessor: accessor.member, purpose, records, decidedAt }
      return { kind: 'spv.access', ...common, ...asked, decision: tx.body.decision, status, code, grant }
    }
    default:
      return unreachable(tx)
  }
}
