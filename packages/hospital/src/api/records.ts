/** Records: sending, opening, and who has them. */
import { type Api, ApiError, type Holder, type Params, type TraceEdge } from '@wardline/api'
import { assert, type Hash, type MemberId, type RecordId, unreachable } from '@wardline/codec'
import {
  type CustodyGraph,
  custodyDot,
  drawSwimlanes,
  handOffs,
  heldRecord,
  holdersAt,
  type Moment,
  traceRecord
} from '@wardline/custody'
import { type ParsedTransaction, readRecord } from '@wardline/ledger'
import { type NotSent, type SendRequest, send } from '../author.ts'
import { contentOf } from '../content.ts'
import { type Deadline, deadlineIn } from '../deadline.ts'
import { readDescriptor } from '../descriptor.ts'
import { broughtBy, transmissionOf, type Wanted, waitUntilHeld } from '../holding.ts'
import type { Membership } from '../membership.ts'
import { refusal } from '../refusal.ts'
import { chainNamed, memberNamed, nameOf } from './lookup.ts'
import { recordList } from './record-list.ts'
import { answerSubmission } from './submitted.ts'

type Methods = Pick<Api, 'record.send' | 'record.open' | 'record.list' | 'record.trace' | 'record.holders'>
type Send = ParsedTransaction<'stt.send'>

export function recordMethods(memberships: readonly Membership[]): Methods {
  return {
    async 'record.send'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const deadline = deadlineIn(member.clock, params.timeoutMs, signal)
      const to = [...new Set(params.to.map((reference) => memberNamed(member, reference)))].sort()
      const request = await requestOf(member, params, to, deadline)
      const sent = await send(member, request)
      if (sent.kind === 'not-sent') throw notSent(sent.code)
      const wait = { ...params, timeoutMs: deadline.leftMs() }
      return {
        ...(await answerSubmission(member, sent.submission, wait, signal)),
        record: sent.record,
        content: sent.content,
        via: request.kind === 'new' ? null : request.via,
        to: to.map((id) => nameOf(member, id))
      }
    },

    async 'record.open'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const { chain } = member
      const sent = transmissionToOpen(member, params)
      const content = await contentOf(member, sent, deadlineIn(member.clock, params.timeoutMs, signal))
      const record = readRecord(chain.state, sent.body.recordId)
      assert(record !== undefined, 'a final transmission is of a record')
      return {
        chain: chain.id,
        record: sent.body.recordId,
        transmission: sent.id,
        from: nameOf(member, sent.author.member),
        origin: nameOf(member, record.origin),
        content: Buffer.from(content.bytes).toString('base64'),
        sizeBytes: content.bytes.length,
        commitment: sent.body.content,
        descriptor: readDescriptor(content.descriptor)
      }
    },

    'record.list': recordList(memberships),

    async 'record.trace'({ chain: name, record, draw, width }) {
      const member = chainNamed(memberships, name)
      const graph = await graphOf(member, record)
      const answer = {
        chain: member.chain.id,
        record,
        origin: nameOf(member, graph.origin),
        content: contentOfGraph(graph),
        height: member.chain.head().height,
        holders: holderRows(member, graph),
        edges: edgeRows(member, graph),
        complete: graph.complete
      }
      return draw === undefined ? answer : { ...answer, drawing: drawing(member, graph, draw, width) }
    },

    async 'record.holders'({ chain: name, record, atMs }) {
      const member = chainNamed(memberships, name)
      const graph = await graphOf(member, record)
      const moment = atMs === undefined ? undefined : { timeMs: atMs }
      return {
        chain: member.chain.id,
        record,
        height: member.chain.head().height,
        holders: holderRows(member, graph, moment)
      }
    }
  }
}

async function requestOf(
  member: Membership,
  params: Params<'record.send'>,
  to: readonly MemberId[],
  deadline: Deadline
): Promise<SendRequest> {
  const { purpose } = params
  if (params.content !== undefined) {
    const bytes = new Uint8Array(Buffer.from(params.content, 'base64'))
    return { kind: 'new', to, purpose, bytes, descriptor: params.descriptor ?? {} }
  }
  const { record, via, brought } = await waitUntilHeld(member, params, deadline)
  return { kind: 'held', to, purpose, record, via, content: await contentOf(member, brought, deadline) }
}

function notSent(code: NotSent['code']): ApiError {
  switch (code) {
    case 'too-large':
      return new ApiError(code, 'the record does not fit one envelope of 1 MiB')
    case 'no-seal-key':
      return new ApiError('not-a-hospital', 'a receiver has no sealing key on this chain')
    case 'not-a-hospital':
    case 'self-receiver':
      return refusal(code)
    default:
      return unreachable(code)
  }
}

/** The transmission to take the content from. */
function transmissionToOpen(member: Membership, { record, via }: Wanted): Send {
  if (via !== undefined) return transmissionOf(member, via)
  const held = record === undefined ? undefined : heldRecord(member.chain.store, member.chain.self, record)
  if (held === undefined) throw new ApiError('not-found', 'this hospital holds no such record')
  return broughtBy(member, held)
}

function contentOfGraph({ transmissions }: CustodyGraph): Hash {
  const [first] = transmissions
  assert(first !== undefined, 'a traced record has a transmission')
  return first.content
}

function drawing(member: Membership, graph: CustodyGraph, kind: 'terminal' | 'ascii' | 'dot', width: number): string {
  const names = (id: CustodyGraph['origin']) => member.names.get(id) ?? id.slice(0, 12)
  switch (kind) {
    case 'terminal':
      return drawSwimlanes(graph, { names, width, unicode: true })
    case 'ascii':
      return drawSwimlanes(graph, { names, width, unicode: false })
    case 'dot':
      return custodyDot(graph, names)
  }
}

async function graphOf({ chain }: Membership, record: RecordId): Promise<CustodyGraph> {
  const graph = await traceRecord(chain.store, record)
  if (graph === undefined) throw new ApiError('not-found', 'the chain has no such record')
  return graph
}

function holderRows(member: Membership, graph: CustodyGraph, moment?: Moment): Holder[] {
  return holdersAt(graph, moment).map(({ member: id, through, sinceMs, sinceHeight }) => ({
    ...nameOf(member, id),
    via: through,
    sinceMs,
    sinceHeight
  }))
}

function edgeRows(member: Membership, graph: CustodyGraph): TraceEdge[] {
  return handOffs(graph).map(({ transmission, delivery }) => ({
    transmission: transmission.id,
    via: transmission.via,
    from: nameOf(member, transmission.sender),
    to: nameOf(member, delivery.member),
    timeMs: transmission.timeMs,
    height: transmission.height,
    purpose: transmission.purpose,
    state: delivery.state,
    ack: delivery.ack?.id ?? null,
    ackTimeMs: delivery.ack?.timeMs ?? null,
    ackHeight: delivery.ack?.height ?? null
  }))
}
