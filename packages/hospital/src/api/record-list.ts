/** `record.list`: what this hospital sent or was sent, newest first. */
import type { Api, Result } from '@wardline/api'
import { type Item, itemsOf, recallIn } from '@wardline/custody'
import { transmissionOf } from '../holding.ts'
import type { Membership, Memberships } from '../membership.ts'
import { chainOfMode, nameOf, recordOf, seenBy } from './lookup.ts'

type Row = Result<'record.list'>['records'][number]

export function recordList(memberships: Memberships): Api['record.list'] {
  return async ({ chain: name, which, before, limit }, { role }) => {
    const member = seenBy(role, chainOfMode(memberships, name, 'STT'))
    const { chain, clock } = member
    const page = { which, limit, headMs: chain.head().time, ...(before !== undefined && { before }) }
    const { items, next } = await itemsOf(chain.store, chain.self, page)
    const records: Row[] = []
    for (const item of items) {
      records.push(await rowOf(member, item))
      // A row reads a block: votes and other calls come between.
      await new Promise<void>((resolve) => clock.after(0, resolve))
    }
    return { chain: chain.id, records, next }
  }
}

async function rowOf(member: Membership, { recordId, transmission, state }: Item): Promise<Row> {
  const { chain } = member
  const record = await recordOf(member, recordId)
  const sent = transmissionOf(member, transmission.id)
  return {
    record: recordId,
    origin: nameOf(member, record.origin),
    transmission: sent.id,
    from: nameOf(member, sent.author.member),
    to: sent.body.to.map(({ member: receiver }) => nameOf(member, receiver)),
    purpose: sent.body.purpose,
    timeMs: transmission.timeMs,
    height: transmission.height,
    state,
    recall: recallIn(chain.store, recordId, chain.self) ?? null,
    payloadHere: chain.payloads.has(sent),
    sizeBytes: sent.payload?.size ?? null
  }
}
