/** I8: what must be on the disk before something is said is there when it is said. */
import type { ChainId } from '@wardline/codec'
import { decodeBlockBody, parseTransaction, payloadHolders } from '@wardline/ledger'
import type { Report, Watch } from '../watch.ts'
import {
  createJournalContent,
  entriesOf,
  entriesOfAppend,
  type JournalContent,
  type SignedVote,
  voteInProposal,
  voteName
} from './journal-facts.ts'

export type Durability = Pick<Watch, 'storeOpened' | 'storeDurable' | 'journalRead' | 'journalDurable' | 'said'> & {
  /** Whether the row would survive a power cut now. */
  isOnDisk(node: string, key: string): boolean
}

const BODY = 'blocks/body/'
const WATCHED = [BODY, 'blocks/transaction/', 'mempool/', 'payloads/']

/** Ids of a body's transactions whose payload every member must hold. */
function sharedIn(body: Uint8Array, chain: ChainId): readonly string[] {
  return (decodeBlockBody(body) ?? []).flatMap((bytes) => {
    const parsed = parseTransaction(bytes, chain)
    if (parsed.kind !== 'ok' || payloadHolders(parsed.transaction) !== 'everyone') return []
    return [parsed.transaction.id]
  })
}

/** @param memberOf the member whose key a node signs with */
export function createDurability(report: Report, chain: ChainId, memberOf: (node: string) => string): Durability {
  /** By the digest of a block, the transactions whose payload every member must hold. */
  const shared = new Map<string, readonly string[]>()
  const journals = new Map<string, JournalContent>()
  /** Votes that were said with everything that they need on the disk, by node. */
  const backed = new Set<string>()
  const rows = new Map<string, Set<string>>()

  const rowsOf = (node: string): Set<string> => {
    const known = rows.get(node) ?? new Set<string>()
    rows.set(node, known)
    return known
  }
  const isWatched = (key: string): boolean => WATCHED.some((prefix) => key.startsWith(prefix))

  const checkVote = (node: string, vote: SignedVote): void => {
    const journal = journals.get(node)
    const missing = (what: string): void => report('I8', `${node} says ${voteName(vote)} before ${what} is durable`)
    if (journal?.votes.has(voteName(vote)) !== true) {
      missing('the vote')
      return
    }
    // Said once, it may be said again when that has gone: because another block became final in its place, or the block itself
    // did, with which the journal's older part went, and then the database was lost.
    if (backed.has(`${node} ${voteName(vote)}`)) return
    backed.add(`${node} ${voteName(vote)}`)
    switch (vote.kind) {
      case 'notarize':
        if (!rowsOf(node).has(`blocks/body/${vote.digest}`)) missing('the body')
        for (const id of shared.get(vote.digest) ?? []) {
          if (!rowsOf(node).has(`payloads/bytes/${id}`)) missing(`the payload of ${id}`)
        }
        if (!journal.entered.has(`${vote.epoch} ${vote.view}`)) missing('the certificate that let it enter')
        break
      case 'nullify':
        if (!journal.entered.has(`${vote.epoch} ${vote.view}`)) missing('the certificate that let it enter')
        break
      case 'finalize':
        if (!journal.notarized.has(`${vote.epoch} ${vote.view} ${vote.digest}`)) missing('the notarization')
        break
    }
  }

  return {
    storeOpened(node, found) {
      rows.set(node, new Set([...found.keys()].filter(isWatched)))
    },
    storeDurable(node, writes) {
      const known = rowsOf(node)
      for (const { key, value } of writes) {
        if (!isWatched(key)) continue
        if (value === null) known.delete(key)
        else known.add(key)
        const digest = value !== null && key.startsWith(BODY) ? key.slice(BODY.length) : undefined
        if (value !== null && digest !== undefined && !shared.has(digest)) shared.set(digest, sharedIn(value, chain))
      }
    },
    journalRead(node, segments) {
      const content = createJournalContent()
      content.add(entriesOf(segments) ?? [])
      journals.set(node, content)
    },
    journalDurable(node, bytes) {
      const content = journals.get(node) ?? createJournalContent()
      journals.set(node, content)
      content.add(entriesOfAppend(bytes))
    },
    said(node, message) {
      if (message.kind === 'vote' && message.vote.signer === memberOf(node)) checkVote(node, message.vote)
      if (message.kind !== 'proposal') return
      checkVote(node, voteInProposal(message.proposal, memberOf(node)))
    },
    isOnDisk: (node, key) => rowsOf(node).has(key)
  }
}
