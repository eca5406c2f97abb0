/** The custody of a record: who has it, by which hand-offs, and what proves them. */
import { type Api, ApiError, type Holder, type Params, type Result, type TraceEdge } from '@wardline/api'
import {
  assert,
  type Hash,
  type Height,
  limits,
  type MemberId,
  type RecordId,
  type SignKey,
  type TransactionId
} from '@wardline/codec'
import {
  type CustodyGraph,
  type Holder as CustodyHolder,
  commonAncestor,
  consentStanding,
  custodyNotes,
  downstreamOf,
  drawnHandOffs,
  type Edge,
  edgesBetween,
  edgesIn,
  edgesOf,
  edgesOfConsent,
  edgesOfInvalidConsents,
  edgesRecalled,
  edgesUnconsented,
  type HandOff,
  handOffs,
  heldRecord,
  heldRecords,
  holdersAt,
  holdersOf,
  type Moment,
  membersOf,
  type Page,
  type PageOptions,
  pathOfCopy,
  type RecalledOrigin,
  recallIn,
  renderCustody,
  type Selection,
  tracePlan,
  tracePlanTo,
  traceRecord
} from '@wardline/custody'
import {
  encodeJointReceipt,
  type JointReceipt,
  type Mark,
  readAttestation,
  readRecall,
  readRecord,
  readSubject,
  type StoredRecord
} from '@wardline/ledger'
import type { Membership, Memberships } from '../membership.ts'
import { damagedConsent } from './consents.ts'
import { chainOfMode, headOf, memberNamed, nameOf, seenBy } from './lookup.ts'
import { type ClaimCheck, claimCheck } from './mismatch.ts'

type Methods = Pick<
  Api,
  | 'record.trace'
  | 'record.holders'
  | 'record.path'
  | 'record.downstream'
  | 'record.handoffs'
  | 'record.ancestor'
  | 'record.held'
  | 'record.receipt'
  | 'handoff.between'
  | 'handoff.list'
>

export function custodyMethods(memberships: Memberships): Methods {
  return {
    async 'record.trace'({ chain: name, record, draw, width, show }, { role }) {
      const member = seenBy(role, chainOfMode(memberships, name, 'STT'))
      const { height } = headOf(member)
      const graph = await graphOf(member, record)
      const holders = await everyHolder(member, graph)
      const answer = {
        chain: member.chain.id,
        record,
        origin: nameOf(member, graph.origin),
        commitment: commitmentOf(graph),
        height,
        holders: holders.map((holder) => holderRow(member, holder)),
        recall: recallRow(member, graph, holders),
        recallKey: recallKeyOf(member, record),
        edges: edgeRows(member, handOffs(graph)),
        complete: graph.complete
      }
      if (draw === undefined) return answer
      const selection = selectionOf(member, show)
      if (drawnHandOffs(graph, selection) > limits.drawnHandOffsMax) {
        const bound = `a drawing shows at most ${limits.drawnHandOffsMax} hand-offs`
        throw new ApiError('too-large', `${bound}; show fewer, by time, hospital, state or the newest`)
      }
      const names = (id: MemberId) => member.names.get(id) ?? id.slice(0, 12)
      const drawing = renderCustody(graph, draw, { names, width, selection })
      return { ...answer, drawing, notes: custodyNotes(graph, selection) }
    },

    async 'record.holders'({ chain: name, record, atMs, atHeight, ...page }, { role }) {
      const member = seenBy(role, chainOfMode(memberships, name, 'STT'))
      assertKnown(member, record)
      const at = headOf(member)
      const recall = recallOf(member, record)
      const moment = momentOf(atMs, atHeight) ?? { height: at.height }
      const { items, next } = await holdersOf(member.chain.store, record, { ...pageOptions(page), moment })
      return {
        ...at,
        record,
        holders: items.map((holder) => holderRow(member, holder)),
        recall,
        recallKey: recallKeyOf(member, record),
        next
      }
    },

    async 'record.path'({ chain: name, record, to }, { role }) {
      const member = seenBy(role, chainOfMode(memberships, name, 'STT'))
      const { origin } = assertKnown(member, record)
      const path = pathOfCopy(member.chain.store, record, memberNamed(member, to))
      if (path === undefined) throw notHeld()
      return {
        ...headOf(member),
        record,
        origin: nameOf(member, origin),
        path: handOffRows(member, path.hops),
        complete: path.complete,
        recall: recallOf(member, record)
      }
    },

    async 'record.downstream'({ chain: name, record, from, after, limit }, { role }) {
      const member = seenBy(role, chainOfMode(memberships, name, 'STT'))
      const at = headOf(member)
      const graph = await graphOf(member, record)
      const all = downstreamOf(graph, memberNamed(member, from))
      const last = after === undefined ? -1 : all.findIndex(({ id }) => id === after)
      if (after !== undefined && last === -1) {
        throw new ApiError(
          'invalid-params',
          'record.downstream: after must be the `next` of an answer to the same question'
        )
      }
      const start = last + 1
      const page = all.slice(start, start + limit)
      return {
        ...at,
        record,
        edges: handOffRows(
          member,
          handOffs({ ...graph, transmissions: page }).map((edge) => ({ ...edge, recordId: record }))
        ),
        complete: graph.complete,
        next: all.length > start + limit ? (page.at(-1)?.id ?? null) : null
      }
    },

    async 'record.handoffs'({ chain: name, record, states, withoutConsent, invalidConsent, ...page }, { role }) {
      const member = seenBy(role, chainOfMode(memberships, name, 'STT'))
      assertKnown(member, record)
      if (invalidConsent) assertConsentsRead(member)
      const at = headOf(member)
      const filter = states === undefined ? { withoutConsent } : { withoutConsent, states }
      const { items, next } = await edgesOf(member.chain.store, record, { ...pageOptions(page), ...filter })
      const edges = handOffRows(member, items).filter((row) => !invalidConsent || row.consentStanding === 'invalid')
      return { ...at, record, edges, next }
    },

    async 'record.ancestor'({ chain: name, record, one, other }, { role }) {
      const member = seenBy(role, chainOfMode(memberships, name, 'STT'))
      const { store } = member.chain
      const pair = [memberNamed(member, one), memberNamed(member, other)] as const
      if (pair.some((id) => heldRecord(store, id, record) === undefined)) throw notHeld()
      const found = commonAncestor(store, record, pair)
      if (found === undefined) throw pathTooLong()
      const [toOne, toOther] = found.apart
      return {
        ...headOf(member),
        record,
        ancestor: nameOf(member, found.member),
        via: found.through,
        toOne: handOffRows(member, toOne),
        toOther: handOffRows(member, toOther)
      }
    },

    async 'record.held'({ chain: name, member: reference, after, limit }, { role }) {
      const member = seenBy(role, chainOfMode(memberships, name, 'STT'))
      const holder = reference === undefined ? member.chain.self : memberNamed(member, reference)
      const page = after === undefined ? { limit: limit + 1 } : { limit: limit + 1, after }
      const at = headOf(member)
      const held = await heldRecords(member.chain.store, holder, page)
      return {
        ...at,
        ...nameOf(member, holder),
        records: held
          .slice(0, limit)
          .map(({ recordId, through, ...rest }) => ({ record: recordId, via: through, ...rest })),
        next: held.length > limit ? (held[limit - 1]?.recordId ?? null) : null
      }
    },

    async 'handoff.between'({ chain: name, from, to, fromMs, toMs, ...page }, { role }) {
      const member = seenBy(role, chainOfMode(memberships, name, 'STT'))
      const pair = [memberNamed(member, from), memberNamed(member, to)] as const
      const period = { ...(fromMs !== undefined && { fromMs }), ...(toMs !== undefined && { toMs }) }
      const at = headOf(member)
      const { items, next } = await edgesBetween(member.chain.store, pair, { ...pageOptions(page), ...period })
      return { ...at, edges: handOffRows(member, items), next }
    },

    async 'handoff.list'(
      { chain: name, state = 'sent', withoutConsent, invalidConsent, consent, ...params },
      { role }
    ) {
      const member = seenBy(role, chainOfMode(memberships, name, 'STT'))
      const { store } = member.chain
      const { member: reference } = params
      const only = reference === undefined ? {} : { member: memberNamed(member, reference) }
      const options = { ...pageOptions(params), ...only }
      const ask = () => {
        if (withoutConsent) return edgesUnconsented(store, options)
        if (consent !== undefined) return edgesOfConsent(store, consent, options)
        if (invalidConsent) return askInvalid(member, options)
        if (state === 'recalled' || state === 'unattested') {
          return edgesRecalled(store, { ...options, unattested: state === 'unattested' })
        }
        return edgesIn(store, state, options)
      }
      const at = headOf(member)
      const { items, next, origins = [] }: Page<Edge> & { readonly origins?: readonly RecalledOrigin[] } = await ask()
      return {
        ...at,
        edges: handOffRows(member, items),
        origins: origins.map(({ recordId, member: id, recall }) => ({
          record: recordId,
          ...nameOf(member, id),
          recall
        })),
        next
      }
    },

    async 'record.receipt'(params, { role }) {
      const member = seenBy(role, chainOfMode(memberships, params.chain, 'STT'))
      const { record, to } = params
      const plan = to === undefined ? await wholePlan(member, record) : await planTo(member, record, to)
      const receipt = await receiptOf(member, plan, params)
      const text = encodeJointReceipt(receipt)
      if (text.length > limits.jointReceiptBytesMax) throw tooLarge(to)
      return {
        chain: member.chain.id,
        record,
        transactions: plan.length,
        final: receipt.final.header.height,
        receipt: text
      }
    }
  }
}

function notHeld(): ApiError {
  return new ApiError('not-found', 'that member holds no such record')
}

/** @throws ApiError `not-found` */
function assertKnown({ chain }: Membership, record: RecordId): StoredRecord {
  const known = readRecord(chain.state, record)
  if (known === undefined) throw new ApiError('not-found', 'the chain has no such record')
  return known
}

function momentOf(timeMs: number | undefined, height: Height | undefined): Moment | undefined {
  if (height !== undefined) return { height }
  return timeMs === undefined ? undefined : { timeMs }
}

function pageOptions({ after, limit }: { after?: string | undefined; limit: number }): PageOptions {
  return after === undefined ? { limit } : { limit, after }
}

/** @param to the holder, if the path to one was asked for already */
function tooLarge(to?: string): ApiError {
  const bound = `a receipt proves at most ${limits.jointReceiptTransactionsMax} transactions in ${limits.jointReceiptBytesMax} bytes`
  return new ApiError('too-large', to === undefined ? `${bound}; ask for the path to one holder` : bound)
}

function pathTooLong(): ApiError {
  return new ApiError('too-large', `the path of a copy is longer than ${limits.custodyPathMax} hand-offs`)
}

/** @throws ApiError `not-found`, `too-large` */
async function wholePlan(member: Membership, record: RecordId): Promise<readonly TransactionId[]> {
  const graph = await graphOf(member, record)
  const plan = tracePlan(graph)
  if (!graph.complete || plan.length > limits.jointReceiptTransactionsMax) throw tooLarge()
  return plan
}

/** @throws ApiError `not-found`, `ambiguous`, `too-large` */
async function planTo(member: Membership, record: RecordId, to: string): Promise<readonly TransactionId[]> {
  assertKnown(member, record)
  const plan = await tracePlanTo(member.chain.store, record, memberNamed(member, to))
  if (plan === undefined) throw notHeld()
  if (plan === 'too-long') throw pathTooLong()
  return plan
}

/** @throws ApiError `unavailable` */
function askInvalid(member: Membership, options: PageOptions & { readonly member?: MemberId }): Promise<Page<Edge>> {
  assertConsentsRead(member)
  const { consents, chain } = member
  return edgesOfInvalidConsents(chain.store, consents.bounded(), { ...options, termsOf: consents.get })
}

/** What is missing from an answer nobody would miss. @throws ApiError `unavailable` */
function assertConsentsRead({ consents }: Membership): void {
  const [damaged] = consents.list().flatMap(([consent, terms]) => (terms === 'damaged' ? [consent] : []))
  if (damaged !== undefined) throw damagedConsent(damaged)
}

/** @throws ApiError `not-found` for an anchor above the head, `unavailable` while no finalization is here */
async function receiptOf(
  { chain, clock }: Membership,
  plan: readonly TransactionId[],
  { anchor }: Params<'record.receipt'>
): Promise<JointReceipt> {
  // Of a block that is being written the rows tell before it can be proven.
  const last = await chain.atRest(() => plan.map((id) => chain.query.place(id)?.height).at(-1))
  assert(last !== undefined, 'what custody knows is final')
  if (anchor !== undefined && anchor > chain.head().height) {
    throw new ApiError('not-found', 'the anchor lies above the head')
  }
  const from = anchor !== undefined && anchor > last ? anchor : last
  // The genesis is known to whoever verifies: it needs no proof.
  const final = await chain.query.finality(from, anchor === 0 ? undefined : anchor)
  if (final === null) throw new ApiError('unavailable', 'no finalization at or above this height is here yet')
  const transactions: JointReceipt['transactions'][number][] = []
  for (const id of plan) {
    const placed = chain.query.placed(id, final.header.height)
    assert(placed !== undefined, 'what custody knows is final')
    transactions.push(placed)
    // Each reads a block: votes and other calls come between.
    await new Promise<void>((resolve) => clock.after(0, resolve))
  }
  return { chain: chain.id, transactions, final }
}

function commitmentOf({ transmissions }: CustodyGraph): Hash {
  const [first] = transmissions
  assert(first !== undefined, 'a traced record has a transmission')
  return first.content
}

function selectionOf(member: Membership, show: Params<'record.trace'>['show'] = {}): Selection {
  const { fromMs, toMs, hospitals, states, max } = show
  return {
    ...(fromMs !== undefined && { fromMs }),
    ...(toMs !== undefined && { toMs }),
    ...(hospitals !== undefined && { members: hospitals.map((reference) => memberNamed(member, reference)) }),
    ...(states !== undefined && { states }),
    ...(max !== undefined && { max })
  }
}

async function graphOf({ chain }: Membership, record: RecordId): Promise<CustodyGraph> {
  const graph = await traceRecord(chain.store, record)
  if (graph === undefined) throw new ApiError('not-found', 'the chain has no such record')
  return graph
}

/** Of a graph that lacks hand-offs those, too, who hold the record by one that it lacks. */
async function everyHolder({ chain }: Membership, graph: CustodyGraph): Promise<readonly CustodyHolder[]> {
  if (graph.complete) return holdersAt(graph)
  return (await holdersOf(chain.store, graph.recordId, { limit: limits.traceHandOffsMax })).items
}

function holderRow(member: Membership, { member: id, through, ...rest }: CustodyHolder): Holder {
  return { ...nameOf(member, id), via: through, ...rest }
}

function recallOf({ chain }: Membership, record: RecordId) {
  const recall = readRecall(chain.state, record)
  return recall === undefined ? null : markRow(recall)
}

function recallKeyOf({ chain }: Membership, record: RecordId): SignKey | null {
  return readSubject(chain.state, record) ?? null
}

/**
 * The recall of a record, and what became of it at each holder and at each member of the graph: where that is not complete, others
 * that were sent it and do not hold it are not known.
 */
function recallRow(member: Membership, graph: CustodyGraph, holders: readonly CustodyHolder[]) {
  const { state } = member.chain
  const recall = recallOf(member, graph.recordId)
  if (recall === null) return null
  const known = new Set([...membersOf(graph), ...holders.map(({ member: id }) => id)])
  const parties = Array.from(known, (id) => ({
    who: nameOf(member, id),
    mark: readAttestation(state, graph.recordId, id)
  }))
  return {
    ...recall,
    attested: parties.flatMap(({ who, mark }) => (mark === undefined ? [] : [{ ...who, ...markRow(mark) }])),
    missing: parties.flatMap(({ who, mark }) => (mark === undefined ? [who] : []))
  }
}

function markRow({ id, time, height }: Mark) {
  return { id, timeMs: time, height }
}

function handOffRows(member: Membership, edges: readonly Edge[]): Result<'handoff.list'>['edges'] {
  const claimOf = claimCheck(member)
  return edges.map((edge) => ({
    record: edge.recordId,
    ...edgeRow(member, edge, claimOf),
    recall: recallIn(member.chain.store, edge.recordId, edge.delivery.member) ?? null
  }))
}

function edgeRows(member: Membership, edges: readonly HandOff[]): TraceEdge[] {
  const claimOf = claimCheck(member)
  return edges.map((edge) => edgeRow(member, edge, claimOf))
}

function edgeRow(member: Membership, edge: Omit<Edge, 'recordId'>, claimOf: ClaimCheck): TraceEdge {
  const { transmission, delivery } = edge
  return {
    transmission: transmission.id,
    via: transmission.via,
    from: nameOf(member, transmission.sender),
    to: nameOf(member, delivery.member),
    timeMs: transmission.timeMs,
    height: transmission.height,
    purpose: transmission.purpose,
    consent: transmission.consent,
    consentStanding: consentStanding(transmission.consent, transmission.timeMs, member.consents.get),
    state: delivery.state,
    ack: delivery.ack?.id ?? null,
    ackTimeMs: delivery.ack?.timeMs ?? null,
    ackHeight: delivery.ack?.height ?? null,
    mismatch: claimOf(edge),
    contentKey: delivery.contentKey ?? null
  }
}
