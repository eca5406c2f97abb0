/** Which chain a call is about, as its method finds it: what the audit log says where the caller names none. */
import { type Method, methods } from '@wardline/api'
import type { RecordId, TransactionId } from '@wardline/codec'
import { readAnchoredRecord, readPatientRecord, readRecord } from '@wardline/ledger'
import type { Membership, Memberships } from '../membership.ts'
import { chainIfNamed } from './lookup.ts'

/** What a call may name. */
export type Asked = {
  readonly chain?: string | undefined
  /** Of a chain that is to come or go. */
  readonly label?: string | undefined
  readonly record?: RecordId | undefined
  readonly via?: TransactionId | undefined
  readonly transaction?: TransactionId | undefined
}

/** Undefined where the call means none that is here, or one of several. */
export function chainMeant(memberships: Memberships, method: string, asked: Asked): Membership | undefined {
  const name = asked.chain ?? (method.startsWith('chain.') ? asked.label : undefined)
  if (name !== undefined) return chainIfNamed(memberships, name)
  if (method === 'record.open') return chainThatKnows(memberships, asked) ?? chainIfNamed(memberships, undefined)
  const modes = modesOf(method)
  const fitting = memberships().filter(
    ({ chain }) => modes.length === 0 || modes.some((mode) => mode.toUpperCase() === chain.genesis.mode)
  )
  return fitting.length === 1 ? fitting[0] : undefined
}

/** The modes whose chains an audited method is for; none where it is for any. */
function modesOf(method: string): Method['modes'] {
  if (method === 'subscribe accesses') return ['dss', 'spv']
  const table: Readonly<Record<string, Method | undefined>> = methods
  return table[method]?.modes ?? []
}

/** The chain that has the record, or what brought or wrote it: no two chains have one id. */
export function chainThatKnows(memberships: Memberships, { record, via, transaction }: Asked): Membership | undefined {
  const knows = ({ chain: { state, query } }: Membership): boolean => {
    const id = via ?? transaction
    if (id !== undefined) return query.place(id) !== undefined
    if (record === undefined) return false
    return [readRecord, readPatientRecord, readAnchoredRecord].some((read) => read(state, record) !== undefined)
  }
  return memberships().find(knows)
}
