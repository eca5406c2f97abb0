/**
 * A receipt of a trace: hand-offs of one record with their acknowledgements, each proven final by a joint receipt of the
 * ledger, and following one another from the record's origin. Whoever has the genesis can check it with nothing else.
 */
import {
  assert,
  type ChainId,
  type Hash,
  type Height,
  type MemberId,
  type RecordId,
  type TransactionId
} from '@wardline/codec'
import {
  type Genesis,
  type ParsedTransaction,
  type Pin,
  type ProvenTransaction,
  type ReceiptFailure,
  recordIdOf,
  verifyJointReceipt
} from '@wardline/ledger'
import {
  type CustodyGraph,
  comparePositions,
  type Delivery,
  type Position,
  pathTo,
  type Transmission
} from './graph.ts'
import type { BrokenPathCode } from './verify-path.ts'

/**
 * The transactions that a receipt of the record needs, in the order of the chain: of every hand-off, or with `holder` of the
 * path by which that member came to hold the record, up to its own acknowledgement. The first is the transmission that
 * created the record. Undefined where that member holds none.
 */
export function tracePlan(graph: CustodyGraph, holder?: MemberId): TransactionId[] | undefined {
  const path = holder === undefined ? graph.transmissions : pathTo(graph, holder)
  if (path === undefined) return undefined
  const [creation] = graph.transmissions
  const wanted = creation === undefined || path.includes(creation) ? path : [creation, ...path]
  const places: (Position & { readonly id: TransactionId })[] = wanted.flatMap((transmission) => [
    transmission,
    ...transmission.to.flatMap(({ member, ack }) => {
      const isWanted = holder === undefined || member === takerOn(path, transmission, holder)
      return ack !== null && isWanted ? [ack] : []
    })
  ])
  // One acknowledgement may be of several hand-offs.
  return [...new Set(places.sort(comparePositions).map(({ id }) => id))]
}

/** Who took the record on from this transmission of the path: the sender of the next, at the end the holder. */
function takerOn(path: readonly Transmission[], transmission: Transmission, holder: MemberId): MemberId | undefined {
  const at = path.indexOf(transmission)
  return at === -1 ? undefined : (path[at + 1]?.sender ?? holder)
}

export type TraceFailure =
  | ReceiptFailure
  | Extract<
      BrokenPathCode,
      | 'not-the-origin'
      | 'record-id-mismatch'
      | 'other-record'
      | 'content-changed'
      | 'wrong-via'
      | 'not-a-receiver'
      | 'not-opened'
    >
  | 'not-a-hand-off'
  | 'out-of-order'
  | 'repeated'

export type TraceVerdict =
  | {
      readonly kind: 'verified'
      readonly chain: ChainId
      /** What the receipt proves: `complete` says nothing of it, for a receipt need not hold every hand-off. */
      readonly graph: CustodyGraph
      readonly content: Hash
      /** The block whose finalization proves all of it. */
      readonly final: Pin
      readonly pinned: boolean
    }
  | {
      readonly kind: 'failed'
      readonly code: TraceFailure
      readonly what: string
      /** Which transaction of the receipt is at fault, from 0; null where it is none of them. */
      readonly at: number | null
    }

/**
 * Verifies a receipt of a trace against a genesis that the caller trusts (`verifyGenesis` has found nothing): that every
 * transaction is final, and that every sender is the origin of the one record or had acknowledged opening the same content
 * before. That keys are their members' is the judgement of the quorum that finalized them. Never throws.
 */
export function verifyTrace(text: string, genesis: Genesis, options: { readonly pin?: Pin } = {}): TraceVerdict {
  const verdict = verifyJointReceipt(text, genesis, options)
  if (verdict.kind === 'failed') return verdict
  const { chain, transactions, final, pinned } = verdict
  const followed = followTrace(chain, transactions)
  if (followed.kind === 'failed') return { ...followed, what: SENTENCES[followed.code] }
  const { graph, content } = followed
  return { kind: 'verified', chain, graph, content, final, pinned }
}

type Fault = Exclude<TraceFailure, ReceiptFailure>

export type FollowedTrace =
  | { readonly kind: 'followed'; readonly graph: CustodyGraph; readonly content: Hash }
  | { readonly kind: 'failed'; readonly code: Fault; readonly at: number }

/** The graph of the hand-offs that these transactions are, one at least; or the first that may not stand where it does. */
export function followTrace(chain: ChainId, transactions: readonly ProvenTransaction[]): FollowedTrace {
  const trace = createTrace(chain)
  for (const [at, proven] of transactions.entries()) {
    const code = trace.add(proven)
    if (code !== undefined) return { kind: 'failed', code, at }
  }
  return { kind: 'followed', ...trace.result() }
}

type Send = ParsedTransaction<'stt.send'>
type Ack = ParsedTransaction<'stt.ack'>
type Sent = Omit<Transmission, 'to'> & { readonly to: Map<MemberId, Delivery> }

/** Follows the hand-offs in their order and says of each whether it may stand after those before. */
function createTrace(chain: ChainId) {
  const sends = new Map<TransactionId, Sent>()
  let origin: { readonly member: MemberId; readonly record: RecordId; readonly content: Hash } | undefined
  let last: Height | undefined

  function send({ id, author, nonce, body }: Send, at: Position): Fault | undefined {
    const { recordId, content, via, purpose } = body
    if (origin === undefined) {
      if (via !== null) return 'not-the-origin'
      if (recordIdOf(chain, author.member, nonce) !== recordId) return 'record-id-mismatch'
      origin = { member: author.member, record: recordId, content }
    }
    if (sends.has(id)) return 'repeated'
    if (recordId !== origin.record) return 'other-record'
    if (content !== origin.content) return 'content-changed'
    if (via === null && author.member !== origin.member) return 'not-the-origin'
    if (via !== null) {
      const source = sends.get(via)
      if (source === undefined) return 'wrong-via'
      const delivery = source.to.get(author.member)
      if (delivery === undefined) return 'not-a-receiver'
      if (delivery.state !== 'opened') return 'not-opened'
    }
    const to = new Map(body.to.map(({ member }) => [member, { member, state: 'sent', ack: null } satisfies Delivery]))
    sends.set(id, { id, via, sender: author.member, purpose, consent: body.consent ?? null, content, ...at, to })
    return undefined
  }

  function ack({ id, author, body }: Ack, at: Position): Fault | undefined {
    const { member } = author
    // What it says of other records' hand-offs is not looked at.
    const known = body.acks.flatMap(({ via, outcome: state, contentKey }) => {
      const source = sends.get(via)
      return source === undefined
        ? []
        : [{ source, said: contentKey === undefined ? { state } : { state, contentKey } }]
    })
    if (known.length === 0) return 'wrong-via'
    for (const { source, said } of known) {
      const delivery = source.to.get(member)
      if (delivery === undefined) return 'not-a-receiver'
      if (delivery.ack !== null) return 'repeated'
      source.to.set(member, { member, ...said, ack: { id, ...at } })
    }
    return undefined
  }

  let place = 0
  return {
    add({ transaction, height, timeMs }: ProvenTransaction): Fault | undefined {
      if (last !== undefined && height < last) return 'out-of-order'
      // A receipt does not say how many others of its block lie between two transactions: only their order counts.
      place = height === last ? place + 1 : 0
      last = height
      const at = { timeMs, height, place }
      if (transaction.kind === 'stt.send') return send(transaction, at)
      if (transaction.kind === 'stt.ack') return ack(transaction, at)
      return 'not-a-hand-off'
    },
    result(): { readonly graph: CustodyGraph; readonly content: Hash } {
      assert(origin !== undefined, 'the first transaction has passed, and so created the record')
      const { member, record, content } = origin
      const transmissions = [...sends.values()].map((sent): Transmission => ({ ...sent, to: [...sent.to.values()] }))
      return { graph: { recordId: record, origin: member, transmissions, complete: true }, content }
    }
  }
}

/** One sentence for each fault. */
const SENTENCES: Readonly<Record<Fault, string>> = {
  'not-the-origin': 'A hand-off that names no source is not by the origin of the record.',
  'record-id-mismatch': 'The record is not one that the first sender created.',
  'other-record': 'A hand-off is of another record.',
  'content-changed': 'A hand-off commits to other content than the first.',
  'wrong-via': 'A hand-off or an acknowledgement names a source that the receipt does not hold before it.',
  'not-a-receiver': 'A sender, or whoever acknowledges, is not among the receivers of the source.',
  'not-opened': 'A sender had not acknowledged opening what it sent on.',
  'not-a-hand-off': 'A transaction is neither a hand-off nor an acknowledgement.',
  'out-of-order': 'The transactions do not follow the order of the chain.',
  repeated: 'A hand-off, or the acknowledgement of one, is there twice.'
}
