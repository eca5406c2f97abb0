/** What a block says to those who follow a topic. Nothing here reads content: a block holds none. */
import type { EventOf, TopicName } from '@wardline/api'
import { assert, type Hash, type Height, type TransactionId } from '@wardline/codec'
import {
  type Outcome,
  type ParsedTransaction,
  readAnsweredRequest,
  readRecall,
  readTransmission,
  requestIdOf
} from '@wardline/ledger'
import type { StoredBlock } from '@wardline/node'
import { nameOf } from '../api/lookup.ts'
import type { Membership } from '../membership.ts'

/** What is read of a block. */
export type ToldBlock = Pick<StoredBlock, 'header' | 'digest' | 'transactions'>

/** Events of a final block, in its order; `member` has the names that the reader may see. */
export const eventsOf: {
  readonly [T in TopicName]: (member: Membership, block: ToldBlock) => readonly EventOf<T>[]
} = {
  blocks: (member, block) => [blockEvent(member, block)],
  handoffs: (member, { header, transactions }) => transactions.flatMap((tx) => handoffEvents(member, tx, header.time)),
  accesses: (member, { header, transactions }) =>
    transactions.flatMap((tx) => accessEvent(member, tx, header.time) ?? []),
  alerts: (member, { header, transactions }) => transactions.flatMap((tx) => alertEvents(member, tx, header))
}

function blockEvent(member: Membership, { header, digest, transactions }: ToldBlock): EventOf<'blocks'> {
  const { parent, epoch, view, time, proposer } = header
  return {
    digest,
    parent,
    epoch,
    view,
    timeMs: time,
    proposer: nameOf(member, proposer),
    transactions: transactions.length
  }
}

function handoffEvents(member: Membership, tx: ParsedTransaction, timeMs: number): readonly EventOf<'handoffs'>[] {
  if (tx.kind === 'stt.send') {
    const { recordId, via, to, purpose } = tx.body
    const from = nameOf(member, tx.author.member)
    const receivers = to.map(({ member: receiver }) => nameOf(member, receiver))
    return [{ kind: 'sent', transmission: tx.id, record: recordId, via, from, to: receivers, purpose, timeMs }]
  }
  if (tx.kind === 'stt.ack') {
    const common = { kind: 'acknowledged', acknowledgement: tx.id, by: nameOf(member, tx.author.member) } as const
    return tx.body.acks.map(({ via, outcome }) => {
      const { record } = transmissionNamed(member, via)
      return { ...common, transmission: via, record, outcome, timeMs }
    })
  }
  if (tx.kind !== 'stt.recall' && tx.kind !== 'stt.attest') return []
  const kind = tx.kind === 'stt.recall' ? 'recalled' : 'destroyed'
  return [{ kind, record: tx.body.recordId, transaction: tx.id, by: nameOf(member, tx.author.member), timeMs }]
}

function accessEvent(member: Membership, tx: ParsedTransaction, timeMs: number): EventOf<'accesses'> | undefined {
  if (tx.kind === 'dss.access') {
    const { alias, records, reader, purpose } = tx.body
    return {
      kind: tx.kind,
      transaction: tx.id,
      alias,
      hospital: nameOf(member, tx.author.member),
      reader: reader && nameOf(member, reader),
      purpose,
      records: records.map(({ record }) => record),
      request: null,
      decision: null,
      status: null,
      code: null,
      grant: null,
      timeMs
    }
  }
  if (tx.kind !== 'spv.access') return undefined
  const { request } = tx.body.request
  const { status, code, grant } = answerOf(member, tx)
  return {
    kind: tx.kind,
    transaction: tx.id,
    alias: request.alias,
    hospital: nameOf(member, tx.author.member),
    reader: nameOf(member, request.accessor.member),
    purpose: request.purpose,
    records: request.records,
    request: requestIdOf(request) as string as Hash,
    decision: tx.body.decision,
    status,
    code,
    grant,
    timeMs
  }
}

/** What the failed end of a hand-off means, and what to do about it. */
const FAILED_HANDOFFS: Readonly<Record<Exclude<Outcome, 'opened'>, readonly [problem: string, remedy: string]>> = {
  mismatch: [
    'A receiver opened what was sent to it, and it is not what the chain says that was sent.',
    'Ask the sender to send the record again, and how it came to send something else.'
  ],
  'broken-path': [
    'A receiver could not follow a record back to its origin.',
    'Look at the record with "wardline record trace", and ask the hospital where the path breaks.'
  ],
  refused: ['A receiver refused a record.', 'Ask the receiver why.'],
  'lost-key': [
    'A receiver cannot open what was sent to it: it does not have the key any more.',
    'Send the record again once the receiver has a new key in force ("wardline member rotate" there).'
  ]
}

function alertEvents(
  member: Membership,
  tx: ParsedTransaction,
  { height, time: timeMs }: ToldBlock['header']
): readonly EventOf<'alerts'>[] {
  if (tx.kind !== 'stt.ack') {
    const event = alertEvent(member, tx, timeMs)
    return event === undefined ? [] : [event]
  }
  const common = { kind: 'happened', transaction: tx.id, timeMs, severity: 'warn' } as const
  return tx.body.acks.flatMap(({ via, outcome }) => {
    if (outcome === 'opened' || (outcome === 'refused' && wasRecalled(member, via, height))) return []
    const [problem, remedy] = FAILED_HANDOFFS[outcome]
    return [{ ...common, code: `handoff-${outcome}`, problem, remedy }]
  })
}

function alertEvent(member: Membership, tx: ParsedTransaction, timeMs: number): EventOf<'alerts'> | undefined {
  const common = { kind: 'happened', transaction: tx.id, timeMs } as const
  if (tx.kind === 'evidence.report') {
    return {
      ...common,
      severity: 'fail',
      code: 'double-signing',
      problem: 'A validator has signed two statements of which one excludes the other.',
      remedy: 'Ask that hospital whether its key was stolen, or its daemon runs twice.'
    }
  }
  if (tx.kind !== 'spv.access') return undefined
  switch (answerOf(member, tx).status) {
    case 'violation':
      return {
        ...common,
        severity: 'fail',
        code: 'access-violation',
        problem: 'A hospital permitted a release of records of a patient, and no grant covered it.',
        remedy: 'Ask that hospital on what ground it did; the patient is to be told.'
      }
    case 'late':
      return {
        ...common,
        severity: 'warn',
        code: 'access-late',
        problem: 'A hospital put a release of records that a grant covered on the chain later than it was due.',
        remedy: 'Ask that hospital why, and whether its daemon runs and is connected.'
      }
    case 'covered':
    case 'denied':
      return undefined
  }
}

/** A receiver refuses what was recalled while it was under way: nothing is wrong then. */
function wasRecalled(member: Membership, via: TransactionId, height: Height): boolean {
  const recall = readRecall(member.chain.state, transmissionNamed(member, via).record)
  return recall !== undefined && recall.height <= height
}

function transmissionNamed({ chain }: Membership, id: TransactionId) {
  const transmission = readTransmission(chain.state, id)
  assert(transmission !== undefined, 'a final acknowledgement is of a transmission')
  return transmission
}

function answerOf({ chain }: Membership, { id, body }: ParsedTransaction<'spv.access'>) {
  const answer = readAnsweredRequest(chain.state, requestIdOf(body.request.request))
  assert(answer?.access === id, 'a final access entry has answered its request')
  return answer
}
