/** Which chain a call is about, as its method finds it: what the audit log says where the caller names none. */
import type { MethodName } from '@wardline/api'
import type { RecordId, TransactionId } from '@wardline/codec'
import { type Mode, readAnchoredRecord, readPatientRecord, readRecord } from '@wardline/ledger'
import type { Membership, Memberships } from '../membership.ts'
import { chainIfNamed } from './lookup.ts'

/** The modes whose chains the audited methods are for; any mode where a method is not here. */
const MODES: Readonly<Partial<Record<MethodName | 'subscribe accesses', readonly Mode[]>>> = {
  'record.send': ['STT'],
  'record.recall': ['STT'],
  'record.ack': ['STT'],
  'record.envelope': ['STT'],
  'consent.note': ['STT'],
  'consent.remove': ['STT'],
  'record.publish': ['DSS'],
  'record.amend': ['DSS'],
  'patient.enrol': ['DSS'],
  'patient.withdraw': ['DSS'],
  'patient.timeline': ['DSS'],
  'alias.open': ['DSS', 'SPV'],
  'alias.find': ['DSS', 'SPV'],
  'subscribe accesses': ['DSS', 'SPV'],
  'record.anchor': ['SPV'],
  'record.request': ['SPV'],
  'grant.create': ['SPV'],
  'grant.revoke': ['SPV'],
  'grant.list': ['SPV'],
  'audit.patient': ['SPV']
}

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
  const modes = MODES[method as MethodName]
  const fitting = memberships().filter(({ chain }) => modes === undefined || modes.includes(chain.genesis.mode))
  return fitting.length === 1 ? fitting[0] : undefined
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
