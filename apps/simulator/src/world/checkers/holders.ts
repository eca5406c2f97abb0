/** M2: nobody hands on what it does not hold. Who holds what is kept here from the blocks alone, apart from the ledger's state. */
import type { ParsedTransaction } from '@wardline/ledger'
import type { Report } from '../watch.ts'

export type Holders = { block(height: number, transactions: readonly ParsedTransaction[]): void }

export function createHolders(report: Report): Holders {
  const origins = new Map<string, string>()
  const sent = new Map<string, { readonly record: string; readonly to: ReadonlySet<string> }>()
  /** `via member` of those who said that they opened a transmission. */
  const opened = new Set<string>()
  const answered = new Set<string>()

  const send = (at: string, { id, author, body }: ParsedTransaction<'stt.send'>): void => {
    const origin = origins.get(body.recordId)
    const by = author.member
    if (body.via === null) {
      if (origin !== undefined && origin !== by) report('M2', `${at}: ${id} sends the record of another as its own`)
      origins.set(body.recordId, origin ?? by)
    } else {
      const edge = sent.get(body.via)
      if (edge?.record !== body.recordId) report('M2', `${at}: ${id} names a transmission of another record`)
      if (!opened.has(`${body.via} ${by}`)) report('M2', `${at}: ${id} sends on what its author has not opened`)
    }
    sent.set(id, { record: body.recordId, to: new Set(body.to.map(({ member }) => member)) })
  }

  const acknowledge = (at: string, { id, author, body }: ParsedTransaction<'stt.ack'>): void => {
    for (const { via, outcome } of body.acks) {
      const name = `${via} ${author.member}`
      if (sent.get(via)?.to.has(author.member) !== true)
        report('M2', `${at}: ${id} acknowledges what was not sent to it`)
      if (answered.has(name)) report('M2', `${at}: ${id} acknowledges a second time`)
      answered.add(name)
      if (outcome === 'opened') opened.add(name)
    }
  }

  return {
    block(height, transactions) {
      for (const transaction of transactions) {
        if (transaction.kind === 'stt.send') send(`block ${height}`, transaction)
        if (transaction.kind === 'stt.ack') acknowledge(`block ${height}`, transaction)
      }
    }
  }
}
