/**
 * The travels of a record in the W3C's words (PROV-DM, serialised as in the member submission PROV-JSON): a copy at a
 * hospital is an entity, a transmission an activity that used its sender's copy and generated those that were opened, a
 * hospital an agent. A hand-off that was not opened generated nothing; its receiver is associated with the activity, with the
 * state as it stands. The account itself is an entity too, which says how much of the travels it tells.
 */
import type { MemberId, TransactionId } from '@wardline/codec'
import { notesOf, type Selected, select } from '../draw/selection.ts'
import { printable } from '../draw/text-width.ts'
import type { DrawOptions } from '../draw/view.ts'
import type { CustodyGraph, Transmission } from '../graph.ts'

type Attributes = Readonly<Record<string, string>>
type Statements = Record<string, Attributes>

export type ProvJson = {
  readonly prefix: Attributes
  readonly entity: Readonly<Statements>
  readonly activity: Readonly<Statements>
  readonly agent: Readonly<Statements>
  readonly used: Readonly<Statements>
  readonly wasGeneratedBy: Readonly<Statements>
  readonly wasDerivedFrom: Readonly<Statements>
  readonly wasAttributedTo: Readonly<Statements>
  readonly wasAssociatedWith: Readonly<Statements>
  /** Copies that were said to be destroyed, after a recall. */
  readonly wasInvalidatedBy?: Readonly<Statements>
}

/** A plain value for `JSON.stringify`. Every name in a relation is declared, whatever the selection leaves out. */
export function custodyProv(graph: CustodyGraph, { names, selection }: DrawOptions): ProvJson {
  const selected = select(graph, selection)
  const entity: Statements = { [`wl:account-${graph.recordId}`]: accountOf(selected) }
  const activity: Statements = {}
  const agent: Statements = {}
  const used: Statements = {}
  const wasGeneratedBy: Statements = {}
  const wasDerivedFrom: Statements = {}
  const wasAttributedTo: Statements = {}
  const wasAssociatedWith: Statements = {}

  const copies = new Map<string, MemberId>()
  const agentOf = (member: MemberId): string => {
    const id = `wl:member-${member}`
    agent[id] = { 'prov:type': 'prov:Organization', 'prov:label': printable(names(member), true) }
    return id
  }
  const copyOf = (member: MemberId, through: TransactionId | null): string => {
    const id = `wl:copy-${member}-${through ?? 'origin'}`
    entity[id] = { 'wl:record': graph.recordId }
    copies.set(id, member)
    wasAttributedTo[`_:attribution-${member}-${through ?? 'origin'}`] = {
      'prov:entity': id,
      'prov:agent': agentOf(member)
    }
    return id
  }
  const associate = (act: string, member: MemberId, role: string, state: Attributes) => {
    wasAssociatedWith[`_:${role}-${act.slice(3)}-${member}`] = {
      'prov:activity': act,
      'prov:agent': agentOf(member),
      'prov:role': role,
      ...state
    }
  }

  for (const transmission of selected.transmissions) {
    const act = `wl:transmission-${transmission.id}`
    const source = copyOf(transmission.sender, transmission.via)
    activity[act] = activityOf(transmission)
    used[`_:use-${transmission.id}`] = { 'prov:activity': act, 'prov:entity': source }
    associate(act, transmission.sender, 'sender', {})
    for (const { member, state, ack, contentKey } of transmission.to) {
      const key = contentKey === undefined ? {} : { 'wl:contentKey': contentKey }
      associate(act, member, 'receiver', { 'wl:state': state, ...key })
      if (state !== 'opened' || ack === null) continue
      const copy = copyOf(member, transmission.id)
      const time = { 'prov:time': new Date(ack.timeMs).toISOString() }
      wasGeneratedBy[`_:generation-${transmission.id}-${member}`] = {
        'prov:entity': copy,
        'prov:activity': act,
        ...time
      }
      wasDerivedFrom[`_:derivation-${transmission.id}-${member}`] = {
        'prov:generatedEntity': copy,
        'prov:usedEntity': source,
        'prov:activity': act
      }
    }
  }
  const { recall } = graph
  const wasInvalidatedBy: Statements = {}
  if (recall !== undefined) {
    const act = `wl:recall-${recall.id}`
    activity[act] = { 'prov:startTime': new Date(recall.timeMs).toISOString(), 'wl:height': String(recall.height) }
    for (const [id, member] of copies) {
      const attested = recall.attested.get(member)
      if (attested === undefined) continue
      const time = { 'prov:time': new Date(attested.timeMs).toISOString() }
      wasInvalidatedBy[`_:invalidation-${id.slice('wl:copy-'.length)}`] = {
        'prov:entity': id,
        'prov:activity': act,
        ...time
      }
    }
  }
  const prefix = { wl: 'urn:wardline:' }
  const relations = { used, wasGeneratedBy, wasDerivedFrom, wasAttributedTo, wasAssociatedWith }
  const base = { prefix, entity, activity, agent, ...relations }
  return recall === undefined ? base : { ...base, wasInvalidatedBy }
}

/** `wl:hidden`: how many hand-offs a selection left out. `wl:complete`: whether all there are were looked at. */
function accountOf(selected: Selected): Attributes {
  const { graph, hidden } = selected
  const notes = notesOf(selected)
  const facts = {
    'prov:type': 'prov:Bundle',
    'wl:record': graph.recordId,
    'wl:complete': String(graph.complete),
    'wl:hidden': String(Object.values(hidden).reduce((sum, count) => sum + count, 0))
  }
  return notes.length === 0 ? facts : { ...facts, 'wl:note': notes.join(' ') }
}

function activityOf({ timeMs, purpose, height, consent }: Transmission): Attributes {
  const facts = {
    'wl:purpose': purpose,
    'wl:height': String(height),
    ...(consent !== null && { 'wl:consent': consent })
  }
  return { 'prov:startTime': new Date(timeMs).toISOString(), ...facts }
}
