/**
 * M2: nobody hands on what it does not hold, nor what was recalled. Who holds what is kept here from the blocks alone, apart from
 * the ledger's state and from the derived rows, and at the end held against both.
 */
import type { MemberId, RecordId, TransactionId } from '@wardline/codec'
import { heldRecord, recallIn } from '@wardline/custody'
import { isHolder, type ParsedTransaction } from '@wardline/ledger'
import type { Chain } from '@wardline/node'
import type { Report } from '../watch.ts'

export type Holders = {
  block(height: number, transactions: readonly ParsedTransaction[]): void
  /** Holds this chain's state and rows against all that happened. */
  compare(chain: Pick<Chain, 'state' | 'store' | 'self'>): void
}

type Origin = { readonly member: MemberId; readonly subject: string | null }

export function createHolders(report: Report): Holders {
  const origins = new Map<RecordId, Origin>()
  const sent = new Map<TransactionId, { readonly record: RecordId; readonly to: ReadonlySet<MemberId> }>()
  /** `via member` of those who said that they opened a transmission. */
  const opened = new Set<string>()
  const answered = new Set<string>()
  /** By `record member`: the transmission that the member opened first, null for the origin. */
  const held = new Map<string, TransactionId | null>()
  const recalled = new Set<RecordId>()
  /** `record member` of those who said that what they had is destroyed. */
  const attested = new Set<string>()

  const send = (at: string, { id, author, body }: ParsedTransaction<'stt.send'>): void => {
    const { recordId, via, subject, to } = body
    const origin = origins.get(recordId) ?? { member: author.member, subject }
    const by = author.member
    if (recalled.has(recordId)) report('M2', `${at}: ${id} sends what was recalled`)
    if (via === null) {
      if (origin.member !== by) report('M2', `${at}: ${id} sends the record of another as its own`)
      origins.set(recordId, origin)
      held.set(`${recordId} ${origin.member}`, null)
    } else {
      const edge = sent.get(via)
      if (edge?.record !== recordId) report('M2', `${at}: ${id} names a transmission of another record`)
      if (!opened.has(`${via} ${by}`)) report('M2', `${at}: ${id} sends on what its author has not opened`)
    }
    if (origin.subject !== subject) report('M2', `${at}: ${id} names another recall key`)
    sent.set(id, { record: recordId, to: new Set(to.map(({ member }) => member)) })
  }

  const acknowledge = (at: string, { id, author, body }: ParsedTransaction<'stt.ack'>): void => {
    for (const { via, outcome } of body.acks) {
      const name = `${via} ${author.member}`
      const edge = sent.get(via)
      if (edge?.to.has(author.member) !== true) report('M2', `${at}: ${id} acknowledges what was not sent to it`)
      if (answered.has(name)) report('M2', `${at}: ${id} acknowledges a second time`)
      answered.add(name)
      if (outcome !== 'opened' || edge === undefined) continue
      if (attested.has(`${edge.record} ${author.member}`)) report('M2', `${at}: ${id} opens what its author destroyed`)
      opened.add(name)
      const holding = `${edge.record} ${author.member}`
      if (!held.has(holding)) held.set(holding, via)
    }
  }

  const recall = (at: string, { id, author, body }: ParsedTransaction<'stt.recall'>): void => {
    const { recordId, subject } = body
    const origin = origins.get(recordId)
    const isAllowed = subject === null ? origin?.member === author.member : origin?.subject === subject.key
    if (!isAllowed) report('M2', `${at}: ${id} recalls the record of another`)
    if (recalled.has(recordId)) report('M2', `${at}: ${id} recalls a second time`)
    recalled.add(recordId)
  }

  const attest = (at: string, { id, author, body }: ParsedTransaction<'stt.attest'>): void => {
    const { recordId, via } = body
    const { member } = author
    const name = `${recordId} ${member}`
    const edge = via === null ? undefined : sent.get(via)
    const wasSent = edge?.record === recordId && edge.to.has(member)
    if (via === null ? origins.get(recordId)?.member !== member : !wasSent)
      report('M2', `${at}: ${id} attests what was not sent to it`)
    if (!recalled.has(recordId)) report('M2', `${at}: ${id} attests before the recall`)
    if (attested.has(name)) report('M2', `${at}: ${id} attests a second time`)
    attested.add(name)
  }

  const compareHolding = ({ state, store, self }: Parameters<Holders['compare']>[0], member: MemberId): void => {
    const wrong = (what: string) => report('M2', `${self}: ${member} ${what}`)
    for (const [id, { record }] of sent) {
      const holds = opened.has(`${id} ${member}`) && !recalled.has(record)
      if (isHolder(state, record, member, id) !== holds) wrong(`by ${id}: the state says otherwise who holds it`)
    }
    for (const [record, origin] of origins) {
      const name = `${record} ${member}`
      const holds = origin.member === member && !recalled.has(record)
      if (isHolder(state, record, member, null) !== holds) wrong(`of ${record}: the state says otherwise whose it is`)
      const row = heldRecord(store, member, record)
      if (row?.through !== held.get(name)) wrong(`of ${record}: the rows say otherwise how it was got`)
      const became = attested.has(name) ? 'destroyed' : 'recalled'
      if (recallIn(store, record, member) !== (recalled.has(record) ? became : undefined))
        wrong(`of ${record}: the rows say otherwise what became of it`)
    }
  }

  return {
    block(height, transactions) {
      const at = `block ${height}`
      for (const transaction of transactions) {
        if (transaction.kind === 'stt.send') send(at, transaction)
        else if (transaction.kind === 'stt.ack') acknowledge(at, transaction)
        else if (transaction.kind === 'stt.recall') recall(at, transaction)
        else if (transaction.kind === 'stt.attest') attest(at, transaction)
      }
    },
    compare(chain) {
      const parties = [
        ...Array.from(origins.values(), ({ member }) => member),
        ...[...sent.values()].flatMap(({ to }) => [...to])
      ]
      for (const member of new Set(parties)) compareHolding(chain, member)
    }
  }
}
