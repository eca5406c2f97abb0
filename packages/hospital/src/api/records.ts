/** Records: sending, opening, and who has them. */
import { type Api, ApiError, type Holder, type TraceEdge } from '@wardline/api'
import { decodeCbor, type Height, type RecordId, type TransactionId } from '@wardline/codec'
import type { Content } from '@wardline/crypto'
import {
  type CustodyGraph,
  custodyDot,
  drawSwimlanes,
  type HeldRecord,
  handOffs,
  heldRecord,
  heldRecords,
  holdersAt,
  type Moment,
  traceRecord
} from '@wardline/custody'
import { type ParsedTransaction, readAcknowledgement, readRecord, readTransmission } from '@wardline/ledger'
import { openDuty, pendingDuties } from '@wardline/views'
import { type Descriptor, openEnvelope, type SendRequest, send } from '../author.ts'
import type { Membership } from '../membership.ts'
import { chainNamed, memberNamed, nameOf } from './lookup.ts'
import { answerSubmission } from './submitted.ts'

type Methods = Pick<Api, 'record.send' | 'record.open' | 'record.list' | 'record.trace' | 'record.holders'>
type Send = Extract<ParsedTransaction, { kind: 'stt.send' }>

/** Records looked through for one page of `record.list`. */
const LIST_MAX = 10_000

export function recordMethods(memberships: readonly Membership[]): Methods {
  return {
    async 'record.send'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const startMs = member.clock.nowMs()
      const to = params.to.map((reference) => memberNamed(member, reference))
      const { purpose } = params
      let request: SendRequest
      if (params.content !== undefined) {
        const bytes = new Uint8Array(Buffer.from(params.content, 'base64'))
        request = { kind: 'new', to, purpose, bytes, descriptor: params.descriptor ?? {} }
      } else {
        const held = await waitUntilHeld(member, params, params.timeoutMs, signal)
        const { content } = await contentOf(member, held.brought)
        request = { kind: 'held', to, purpose, record: held.record, via: held.via, content }
      }
      const sent = await send(member, request)
      if ('kind' in sent) {
        if (sent.code === 'too-large') throw new ApiError('too-large', 'the record does not fit one envelope of 1 MiB')
        throw new ApiError('invalid-params', 'a receiver is no hospital that can receive on this chain')
      }
      const spentMs = member.clock.nowMs() - startMs
      const left = { ...params, timeoutMs: Math.max(1, params.timeoutMs - spentMs) }
      return {
        ...(await answerSubmission(member, sent.submission, left, signal)),
        record: sent.record,
        content: sent.content,
        via: request.kind === 'new' ? null : request.via,
        to: [...to].sort().map((id) => nameOf(member, id))
      }
    },

    async 'record.open'(params) {
      const member = chainNamed(memberships, params.chain)
      const { chain } = member
      const sent = transmissionToOpen(member, params)
      const { content, descriptor } = await contentOf(member, sent)
      const record = readRecord(chain.state, sent.body.recordId)
      if (record === undefined) throw new ApiError('not-found', 'the chain has no such record')
      return {
        chain: chain.id,
        record: sent.body.recordId,
        transmission: sent.id,
        from: nameOf(member, sent.author.member),
        origin: nameOf(member, record.origin),
        content: Buffer.from(content.bytes).toString('base64'),
        sizeBytes: content.bytes.length,
        commitment: sent.body.content,
        descriptor
      }
    },

    async 'record.list'({ chain: name, which, before, limit }) {
      const member = chainNamed(memberships, name)
      const { chain } = member
      const held = await heldRecords(chain.store, chain.self, { limit: LIST_MAX })
      const rows = held.map((one) => ({ ...listRow(member, one), order: orderOf(one.sinceHeight, one.recordId) }))
      const range = (options: { from: string; to: string; limit?: number }) => chain.store.range(options)
      for (const duty of await pendingDuties(range, { limit: LIST_MAX })) {
        const sent = sendOf(member, duty.transmission)
        rows.push({ ...receivedRow(member, sent, 'sent'), order: orderOf(duty.height, duty.record) })
      }
      const wanted = rows
        .filter(({ state }) => which === 'all' || (which === 'own') === (state === 'own'))
        .filter(({ order }) => before === undefined || order < before)
        .sort((a, b) => (a.order < b.order ? 1 : -1))
      const page = wanted.slice(0, limit)
      return {
        chain: chain.id,
        records: page.map(({ order: _, ...row }) => row),
        next: wanted.length > limit ? (page.at(-1)?.order ?? null) : null
      }
    },

    async 'record.trace'({ chain: name, record, draw, width }) {
      const member = chainNamed(memberships, name)
      const graph = await graphOf(member, record)
      const answer = {
        chain: member.chain.id,
        record,
        origin: nameOf(member, graph.origin),
        content: graph.transmissions[0]?.content ?? contentMissing(),
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

function contentMissing(): never {
  throw new ApiError('not-found', 'the chain has no transmission of this record')
}

function drawing(
  member: Membership,
  graph: CustodyGraph,
  kind: 'terminal' | 'ascii' | 'dot' | 'svg',
  width: number
): string {
  const names = (id: CustodyGraph['origin']) => member.names.get(id) ?? id.slice(0, 12)
  switch (kind) {
    case 'terminal':
      return drawSwimlanes(graph, { names, width, unicode: true })
    case 'ascii':
      return drawSwimlanes(graph, { names, width, unicode: false })
    case 'dot':
      return custodyDot(graph, names)
    case 'svg':
      throw new ApiError('invalid-params', 'this version draws for terminals and Graphviz only')
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

/** Fixed width, so that text order is the order of the list. */
function orderOf(height: Height, record: RecordId): string {
  return `${String(height).padStart(12, '0')}-${record}`
}

function listRow(member: Membership, { recordId, through }: HeldRecord) {
  const { chain } = member
  if (through !== null) return receivedRow(member, sendOf(member, through), 'opened')
  const record = readRecord(chain.state, recordId)
  if (record === undefined) throw new ApiError('not-found', 'the chain has no such record')
  return receivedRow(member, sendOf(member, record.first), 'own')
}

function receivedRow(member: Membership, sent: Send, state: 'own' | 'sent' | 'opened') {
  const { chain } = member
  const transmission = readTransmission(chain.state, sent.id)
  const record = readRecord(chain.state, sent.body.recordId)
  if (transmission === undefined || record === undefined)
    throw new ApiError('not-found', 'the chain has no such record')
  const payload = chain.payloads.get(sent)
  return {
    record: sent.body.recordId,
    origin: nameOf(member, record.origin),
    transmission: sent.id,
    from: nameOf(member, sent.author.member),
    to: sent.body.to.map(({ member: id }) => nameOf(member, id)),
    purpose: sent.body.purpose,
    timeMs: transmission.time,
    height: transmission.height,
    state,
    payloadHere: payload !== undefined,
    sizeBytes: sent.payload?.size ?? null
  }
}

function sendOf({ chain }: Membership, id: TransactionId): Send {
  const sent = chain.query.transaction(id)
  if (sent?.kind !== 'stt.send') throw new ApiError('not-found', 'the chain has no such transmission')
  return sent
}

type Wanted = { readonly record?: RecordId | undefined; readonly via?: TransactionId | undefined }

/** The transmission to take the content from. */
function transmissionToOpen(member: Membership, { record, via }: Wanted): Send {
  if (via !== undefined) return sendOf(member, via)
  const held = record === undefined ? undefined : heldRecord(member.chain.store, member.chain.self, record)
  if (held === undefined) throw new ApiError('not-found', 'this hospital holds no such record')
  return broughtBy(member, held)
}

function broughtBy(member: Membership, { recordId, through }: HeldRecord): Send {
  const first = through ?? readRecord(member.chain.state, recordId)?.first
  if (first === undefined) throw new ApiError('not-found', 'this hospital holds no such record')
  return sendOf(member, first)
}

type Held = { readonly record: RecordId; readonly via: TransactionId | null; readonly brought: Send }

/**
 * A record is sent on only once this hospital's own opening of it is final; until then this waits, up to the deadline.
 * @throws ApiError `timeout`, or `not-found` where nothing is under way that could make this hospital a holder
 */
async function waitUntilHeld(
  member: Membership,
  wanted: Wanted,
  timeoutMs: number,
  signal?: AbortSignal
): Promise<Held> {
  const { chain, clock } = member
  const look = (): Held | undefined => {
    const { record, via } = wanted
    if (via !== undefined) {
      if (readAcknowledgement(chain.state, via, chain.self)?.outcome !== 'opened') return undefined
      const brought = sendOf(member, via)
      return { record: brought.body.recordId, via, brought }
    }
    const held = record === undefined ? undefined : heldRecord(chain.store, chain.self, record)
    return held && { record: held.recordId, via: held.through, brought: broughtBy(member, held) }
  }
  const now = look()
  if (now !== undefined) return now
  const { via } = wanted
  if (via !== undefined && openDuty(chain.store, via) === undefined && chain.query.place(via) !== undefined) {
    throw new ApiError('not-a-holder', 'this hospital did not get the record by that transmission, or did not open it')
  }
  return new Promise<Held>((resolve, reject) => {
    const finish = () => {
      forget()
      timer.cancel()
      signal?.removeEventListener('abort', giveUp)
    }
    const giveUp = () => {
      finish()
      reject(new ApiError('timeout', "this hospital's own opening of the record is not final yet"))
    }
    const forget = chain.onCommit(() => {
      const held = look()
      if (held === undefined) return
      finish()
      resolve(held)
    })
    const timer = clock.after(timeoutMs, giveUp)
    signal?.addEventListener('abort', giveUp)
  })
}

/** @throws ApiError `payload-not-here | verification-failed` */
async function contentOf(
  member: Membership,
  sent: Send
): Promise<{ content: Content; descriptor: Required<Descriptor> | Descriptor }> {
  const { chain } = member
  const isParty = sent.author.member === chain.self || sent.body.to.some(({ member: id }) => id === chain.self)
  if (!isParty) throw new ApiError('not-found', 'this hospital is no party to that transmission')
  const envelope = chain.payloads.get(sent) ?? (await chain.payloads.fetch(sent))
  if (envelope === undefined) {
    throw new ApiError('payload-not-here', 'the payload is not here, and nobody who has it is connected')
  }
  const opened = await openEnvelope(member, sent, envelope)
  if (opened.kind === 'failed') {
    throw new ApiError('verification-failed', `the payload does not open to what the chain says (${opened.outcome})`)
  }
  return { content: opened.content, descriptor: readDescriptor(opened.content.descriptor) }
}

/** What describes a record is the sender's word: whatever has another shape is left out. */
function readDescriptor(bytes: Uint8Array): Descriptor {
  const value = decodeCbor(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) return {}
  const { mediaType, category, labels, fileName } = value as Record<string, unknown>
  const text = (field: unknown, sizeMax: number) =>
    typeof field === 'string' && field.length >= 1 && field.length <= sizeMax ? field : undefined
  return {
    ...(text(mediaType, 127) && { mediaType: text(mediaType, 127) }),
    ...(text(category, 64) && { category: text(category, 64) }),
    ...(text(fileName, 255) && { fileName: text(fileName, 255) }),
    ...(Array.isArray(labels) && labels.length <= 16 && labels.every((label) => text(label, 64)) && { labels })
  }
}
