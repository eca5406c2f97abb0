/** How a received record came here: from its transmission back to the origin, by the ids that the chain itself names. */
import { limits } from '@wardline/codec'
import type { PathLink } from '@wardline/custody'
import { type ParsedTransaction, readAcknowledgement, readRecord } from '@wardline/ledger'
import type { Membership } from './membership.ts'

type Send = ParsedTransaction<'stt.send'>

export type Path =
  | { readonly kind: 'path'; readonly creation: Send; readonly links: readonly PathLink[] }
  /** Longer than this version verifies: no verdict, for another version may. */
  | { readonly kind: 'too-long' }
  | { readonly kind: 'broken' }

/**
 * The path of a final transmission. It reads that path alone, however often the record travelled elsewhere; between two
 * steps others get their turn.
 */
export async function pathTo(member: Membership, sent: Send): Promise<Path> {
  const { chain, clock } = member
  const links: PathLink[] = [{ send: sent, opened: null }]
  let send = sent
  while (send.body.via !== null) {
    if (links.length === limits.custodyPathMax) return { kind: 'too-long' }
    const previous = find(member, 'stt.send', send.body.via)
    const acknowledgement = readAcknowledgement(chain.state, send.body.via, send.author.member)
    const opened = acknowledgement && find(member, 'stt.ack', acknowledgement.id)
    if (previous === undefined || opened === undefined) return { kind: 'broken' }
    links.push({ send: previous, opened })
    send = previous
    await new Promise<void>((resolve) => clock.after(0, resolve))
  }
  const record = readRecord(chain.state, sent.body.recordId)
  const creation = record && find(member, 'stt.send', record.first)
  return creation === undefined ? { kind: 'broken' } : { kind: 'path', creation, links: links.reverse() }
}

function find<K extends 'stt.send' | 'stt.ack'>({ chain }: Membership, kind: K, id: ParsedTransaction['id']) {
  const transaction = chain.query.transaction(id)
  return transaction?.kind === kind ? (transaction as ParsedTransaction<K>) : undefined
}
