/**
 * I6: no correct node ever signs two votes that exclude each other, on the wire or in its journal, across all its lives; and
 * none in an epoch in which it may not vote, or with another key than it has there.
 */
import type { ChainId, SignKey } from '@wardline/codec'
import { type Vote, voteBytes } from '@wardline/consensus'
import type { Report, Watch } from '../watch.ts'
import type { Verify } from './certificates.ts'
import type { Epochs } from './epochs.ts'
import { entriesOf, entriesOfAppend, type SignedVote, voteInProposal, votesOf } from './journal-facts.ts'

type Signed = { notarize?: string; finalize?: string; nullify?: true }

export type Votes = Pick<Watch, 'journalRead' | 'journalDurable' | 'said'> & {
  /** The highest view of every epoch, added up. */
  views(): number
}

export type VotesParts = {
  readonly report: Report
  readonly chain: ChainId
  readonly epochs: Epochs
  readonly verify: Verify
  /** The member whose key a node signs with. */
  readonly memberOf: (node: string) => string
  /** Whether it is a correct member's signature that counts. */
  readonly isCorrect: (member: string) => boolean
}

export function createVotes({ report, chain, epochs, verify, memberOf, isCorrect }: VotesParts): Votes {
  const signed = new Map<string, Signed>()
  const highest = new Map<number, number>()

  const note = (signer: string, { kind, epoch, view, digest }: SignedVote): void => {
    if (!isCorrect(signer)) return
    highest.set(epoch, Math.max(highest.get(epoch) ?? 0, view))
    const name = `${signer} ${epoch} ${view}`
    const slot = signed.get(name) ?? {}
    signed.set(name, slot)
    const fault = (other: string): void =>
      report('I6', `${signer} signed ${kind} and ${other} in view ${view} of epoch ${epoch}`)
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

  const checkRight = ({ kind, epoch, view, digest, signer, signature }: Vote): void => {
    const key = epochs.votersIn(epoch)?.find(({ member }) => member === signer)?.key
    if (key === undefined) report('I6', `${signer} votes in epoch ${epoch}, in which it has no vote`)
    else if (!verify(key as SignKey, voteBytes(kind, chain, epoch, view, digest), signature))
      report('I6', `${signer} votes in epoch ${epoch} with another key than it has there`)
  }

  return {
    journalRead(node, segments) {
      for (const entry of entriesOf(segments) ?? []) for (const vote of votesOf(entry)) note(memberOf(node), vote)
    },
    journalDurable(node, bytes) {
      for (const entry of entriesOfAppend(bytes)) for (const vote of votesOf(entry)) note(memberOf(node), vote)
    },
    said(node, message) {
      if (message.kind === 'vote') {
        if (message.vote.signer === memberOf(node)) checkRight(message.vote)
        note(message.vote.signer, message.vote)
      }
      if (message.kind !== 'proposal') return
      const vote = voteInProposal(message.proposal, memberOf(node))
      checkRight(vote)
      note(memberOf(node), vote)
    },
    views: () => [...highest.values()].reduce((sum, view) => sum + view, 0)
  }
}
