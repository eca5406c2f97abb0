/**
 * A receipt of a trace: hand-offs of one record with their acknowledgements, its recall and what attests its destruction, each
 * proven final by a joint receipt of the ledger, and following one another from the record's origin. Whoever has the genesis can
 * check it with nothing else.
 */
import {
  assert,
  type ChainId,
  type Hash,
  type Height,
  type MemberId,
  type RecordId,
  type SignKey,
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
import type { Attestation, CustodyGraph, Delivery, Position, Transmission } from './graph.ts'
import type { BrokenPathCode } from './verify-path.ts'

type Placed = Position & { readonly id: TransactionId }

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
  | 'recalled'
  | 'not-recalled'
  | 'not-a-hand-off'
  | 'out-of-order'
  | 'repeated'

export type TraceVerdict =
  | {
      readonly kind: 'verified'
      readonly chain: ChainId
      /**
       * What the receipt proves; never `complete`, for a receipt need not hold every hand-off, nor the recall. Without one nobody
       * can tell from the receipt that the record was not recalled.
       */
      readonly graph: CustodyGraph
      /** The hand-offs of the graph as they were signed. */
      readonly sends: readonly Send[]
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
 * transaction is final, that every sender is the origin of the one record or had acknowledged opening the same content
 * before, that nobody sent it on after its recall, and that who attests its destruction was sent it. That keys are their members' is the judgement of the quorum that finalized them. Never throws.
 */
export function verifyTrace(text: string, genesis: Genesis, options: { readonly pin?: Pin } = {}): TraceVerdict {
  const verdict = verifyJointReceipt(text, genesis, options)
  if (verdict.kind === 'failed') return verdict
  const { chain, transactions, final, pinned } = verdict
  const followed = followTrace(chain, transactions)
  if (followed.kind === 'failed') return { ...followed, what: SENTENCES[followed.code] }
  const { graph, content } = followed
  const sends = transactions.flatMap(({ transaction }) => (transaction.kind === 'stt.send' ? [transaction] : []))
  return { kind: 'verified', chain, graph, sends, content, final, pinned }
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
type RecallTransaction = ParsedTransaction<'stt.recall'>
type Attest = ParsedTransaction<'stt.attest'>
type Sent = Omit<Transmission, 'to'> & { readonly to: Map<MemberId, Delivery> }
type Origin = {
  readonly member: MemberId
  readonly record: RecordId
  readonly content: Hash
  /** The key with which the patient may recall the record. */
  readonly subject: SignKey | null
}

/** Follows the hand-offs in their order and says of each whether it may stand after those before. */
function createTrace(chain: ChainId) {
  const sends = new Map<TransactionId, Sent>()
  let origin: Origin | undefined
  let recalled: (Placed & { readonly attested: Map<MemberId, Attestation> }) | undefined
  let last: Height | undefined

  function send({ id, author, nonce, body }: Send, at: Position): Fault | undefined {
    const { recordId, content, via, purpose } = body
    if (origin === undefined) {
      if (via !== null) return 'not-the-origin'
      if (recordIdOf(chain, author.member, nonce) !== recordId) return 'record-id-mismatch'
      origin = { member: author.member, record: recordId, content, subject: body.subject }
    }
    if (sends.has(id)) return 'repeated'
    if (recordId !== origin.record) return 'other-record'
    if (recalled !== undefined) return 'recalled'
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

  function recall({ id, author, body: { recordId, subject } }: RecallTransaction, at: Position): Fault | undefined {
    if (recordId !== origin?.record) return 'other-record'
    if (subject === null ? author.member !== origin.member : subject.key !== origin.subject) return 'not-the-origin'
    if (recalled !== undefined) return 'repeated'
    recalled = { id, ...at, attested: new Map() }
    return undefined
  }

  function attest({ id, author, body: { recordId, via } }: Attest, at: Position): Fault | undefined {
    const { member } = author
    if (recordId !== origin?.record) return 'other-record'
    if (recalled === undefined) return 'not-recalled'
    if (via === null && member !== origin.member) return 'not-the-origin'
    if (via !== null) {
      const source = sends.get(via)
      if (source === undefined) return 'wrong-via'
      if (!source.to.has(member)) return 'not-a-receiver'
    }
    if (recalled.attested.has(member)) return 'repeated'
    recalled.attested.set(member, { id, via, ...at })
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
      if (transaction.kind === 'stt.recall') return recall(transaction, at)
      if (transaction.kind === 'stt.attest') return attest(transaction, at)
      return 'not-a-hand-off'
    },
    result(): { readonly graph: CustodyGraph; readonly content: Hash } {
      assert(origin !== undefined, 'the first transaction has passed, and so created the record')
      const { member, record, content } = origin
      const transmissions = [...sends.values()].map((sent): Transmission => ({ ...sent, to: [...sent.to.values()] }))
      const graph = { recordId: record, origin: member, transmissions, complete: false }
      return { graph: recalled === undefined ? graph : { ...graph, recall: recalled }, content }
    }
  }
}

/** One sentence for each fault. */
const SENTENCES: Readonly<Record<Fault, string>> = {
  'not-the-origin':
    'A hand-off or an attestation that names no source, or a recall without the key of the patient, is not by the origin of the record.',
  'record-id-mismatch': 'The record is not one that the first sender created.',
  'other-record': 'A transaction is of another record than the first hand-off.',
  'content-changed': 'A hand-off commits to other content than the first.',
  'wrong-via': 'A transaction names a source that the receipt does not hold before it.',
  'not-a-receiver': 'A sender, or whoever acknowledges or attests, is not among the receivers of the source.',
  'not-opened': 'A sender had not acknowledged opening what it sent on.',
  recalled: 'A hand-off stands behind the recall of the record.',
  'not-recalled': 'An attestation that the record is destroyed stands before its recall, or without one.',
  'not-a-hand-off': 'A transaction is no hand-off, acknowledgement, recall or attestation.',
  'out-of-order': 'The transactions do not follow the order of the chain.',
  repeated: 'A hand-off, the acknowledgement of one, the recall or an attestation is there twice.'
}
