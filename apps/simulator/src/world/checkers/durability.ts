/** I8: what must be on the disk before something is said is there when it is said. */
import { headerDigest } from '@wardline/consensus'
import type { Report, Watch } from '../watch.ts'
import {
  createJournalContent,
  entriesOf,
  entriesOfAppend,
  type JournalContent,
  type SignedVote,
  voteName
} from './journal-facts.ts'

export type Durability = Pick<Watch, 'storeOpened' | 'storeDurable' | 'journalRead' | 'journalDurable' | 'said'> & {
  /** Whether the row would survive a power cut now. */
  isOnDisk(node: string, key: string): boolean
}

const WATCHED = ['blocks/body/', 'blocks/transaction/', 'mempool/', 'payloads/']

/** @param memberOf the member whose key a node signs with */
export function createDurability(report: Report, memberOf: (node: string) => string): Durability {
  const journals = new Map<string, JournalContent>()
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
    switch (vote.kind) {
      case 'notarize':
        if (!rowsOf(node).has(`blocks/body/${vote.digest}`)) missing('the body')
        if (!journal.entered.has(vote.view)) missing('the certificate that let it enter')
        break
      case 'nullify':
        if (!journal.entered.has(vote.view)) missing('the certificate that let it enter')
        break
      case 'finalize':
        if (!journal.notarized.has(`${vote.view} ${vote.digest}`)) missing('the notarization')
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
      const { header } = message.proposal
      if (header.proposer !== memberOf(node)) return
      const { epoch, view } = header
      checkVote(node, { kind: 'notarize', epoch, view, digest: headerDigest(header) })
    },
    isOnDisk: (node, key) => rowsOf(node).has(key)
  }
}
