/** I6: no node ever signs two votes that exclude each other, on the wire or in its journal, across all its lives. */
import { headerDigest, type Message } from '@wardline/consensus'
import type { Report, Watch } from '../watch.ts'
import { entriesOf, entriesOfAppend, type SignedVote, votesOf } from './journal-facts.ts'

type Signed = { notarize?: string; finalize?: string; nullify?: true }

export type Votes = Pick<Watch, 'journalRead' | 'journalDurable' | 'said'> & { highestView(): number }

/** @param memberOf the member whose key a node signs with */
export function createVotes(report: Report, memberOf: (node: string) => string): Votes {
  const signed = new Map<string, Signed>()
  let highest = 0

  const note = (signer: string, { kind, epoch, view, digest }: SignedVote): void => {
    highest = Math.max(highest, view)
    const name = `${signer} ${epoch} ${view}`
    const slot = signed.get(name) ?? {}
    signed.set(name, slot)
    const fault = (other: string): void => report('I6', `${signer} signed ${kind} and ${other} in view ${view}`)
    if (kind === 'nullify') {
      if (slot.finalize !== undefined) fault('finalize')
      slot.nullify = true
      return
    }
    if (kind === 'finalize' && slot.nullify === true) fault('nullify')
    if (slot.notarize !== undefined && slot.notarize !== digest) fault('notarize of another block')
    if (slot.finalize !== undefined && slot.finalize !== digest) fault('finalize of another block')
    slot[kind] = digest
  }

  const noteMessage = (message: Message): void => {
    if (message.kind === 'vote') note(message.vote.signer, message.vote)
    if (message.kind !== 'proposal') return
    const { header } = message.proposal
    const { epoch, view, proposer } = header
    note(proposer, { kind: 'notarize', epoch, view, digest: headerDigest(header) })
  }

  return {
    journalRead(node, segments) {
      for (const entry of entriesOf(segments) ?? []) for (const vote of votesOf(entry)) note(memberOf(node), vote)
    },
    journalDurable(node, bytes) {
      for (const entry of entriesOfAppend(bytes)) for (const vote of votesOf(entry)) note(memberOf(node), vote)
    },
    said: (_, message) => noteMessage(message),
    highestView: () => highest
  }
}
