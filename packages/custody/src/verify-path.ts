/**
 * Whether a record came to its receiver the way the chain says: what a daemon checks before it acknowledges `opened`, and
 * what anybody can check from the signed transactions alone.
 */
import { type ChainId, limits, type MemberId, type SignKey, type TransactionId } from '@wardline/codec'
import { type Content, commitContent } from '@wardline/crypto'
import { outcomeOf, type ParsedTransaction, recordIdOf } from '@wardline/ledger'
import { type CustodyGraph, pathOf } from './graph.ts'

type Send = ParsedTransaction<'stt.send'>
type Ack = ParsedTransaction<'stt.ack'>

/** One hand-off on the path. */
export type PathLink = {
  readonly send: Send
  /** The acknowledgement `opened` by whom the next link is sent; null for the last link. */
  readonly opened: Ack | null
}

export type PathEvidence = {
  readonly chain: ChainId
  /** The transmission that brought the record onto the chain: its nonce gives the recordId. Often the first link's too. */
  readonly creation: Send
  /** From the origin's transmission to the one that `receiver` got. */
  readonly links: readonly PathLink[]
  readonly receiver: MemberId
}

/** Which key a member had registered under a number. */
export type KeyOf = (member: MemberId, keyIndex: number) => SignKey | undefined

/**
 * Whether every `signatureChecks` of a transaction passes. A daemon that takes the transactions from its own chain has
 * verified each of them once already and may answer from that; whoever has them from elsewhere must verify here.
 */
export type IsSigned = (tx: ParsedTransaction) => boolean | Promise<boolean>

export type BrokenPathCode =
  | 'no-path'
  | 'path-too-long'
  | 'other-chain'
  | 'wrong-key'
  | 'bad-signature'
  | 'not-the-origin'
  | 'record-id-mismatch'
  | 'other-record'
  | 'content-changed'
  | 'wrong-via'
  | 'not-a-receiver'
  | 'not-opened'

export type PathVerdict =
  | { readonly kind: 'verified' }
  /** `link`: which link is at fault, from 0; the creation counts as the first. */
  | { readonly kind: 'broken-path'; readonly code: BrokenPathCode; readonly link: number }
  /** The path holds, but what was opened is not what it commits to. */
  | { readonly kind: 'mismatch' }

/**
 * Verifies every signature, that the recordId is the origin's, that every sender had received and opened the same record
 * with the same content, that `receiver` is named by the last link, and that `content` matches the commitment.
 */
export async function verifyPath(
  evidence: PathEvidence,
  content: Content,
  { keyOf, isSigned }: { readonly keyOf: KeyOf; readonly isSigned: IsSigned }
): Promise<PathVerdict> {
  const { links, creation } = evidence
  if (links.length === 0) return broken('no-path', 0)
  if (links.length > limits.custodyPathMax) return broken('path-too-long', limits.custodyPathMax)
  const created = creationFault(evidence)
  if (created !== undefined) return broken(created, 0)
  for (const link of links.keys()) {
    const code = linkFault(evidence, link)
    if (code !== undefined) return broken(code, link)
  }
  for (const { tx, link } of transactionsOf(evidence)) {
    if (tx.chain !== evidence.chain) return broken('other-chain', link)
    if (keyOf(tx.author.member, tx.author.keyIndex) !== tx.key) return broken('wrong-key', link)
    if (!(await isSigned(tx))) return broken('bad-signature', link)
  }
  return commitContent(content) === creation.body.content ? { kind: 'verified' } : { kind: 'mismatch' }
}

/** The transactions that `verifyPath` needs for one transmission, by id, as the graph knows them. */
export type PathPlan = {
  readonly creation: TransactionId
  readonly links: readonly { readonly send: TransactionId; readonly opened: TransactionId | null }[]
}

/** What to fetch from the chain to verify `transmission`; undefined where the graph does not have its whole path. */
export function pathPlan(graph: CustodyGraph, transmission: TransactionId): PathPlan | undefined {
  const path = pathOf(graph, transmission)
  const creation = graph.transmissions[0]
  if (path === undefined || creation === undefined) return undefined
  const links = path.map(({ id, to }, i) => {
    const next = path[i + 1]
    const delivery = next === undefined ? undefined : to.find(({ member }) => member === next.sender)
    return { send: id, opened: delivery?.ack?.id ?? null }
  })
  return { creation: creation.id, links }
}

function creationFault({ chain, creation, links }: PathEvidence): BrokenPathCode | undefined {
  const { author, body, nonce } = creation
  const first = links[0]?.send
  if (body.via !== null || first?.body.via !== null || first.author.member !== author.member) return 'not-the-origin'
  return body.recordId === recordIdOf(chain, author.member, nonce) ? undefined : 'record-id-mismatch'
}

function linkFault({ creation, links, receiver }: PathEvidence, link: number): BrokenPathCode | undefined {
  const { send, opened } = links[link] as PathLink
  if (send.body.recordId !== creation.body.recordId) return 'other-record'
  if (send.body.content !== creation.body.content) return 'content-changed'
  const next = links[link + 1]?.send
  const taker = next === undefined ? receiver : next.author.member
  if (!send.body.to.some(({ member }) => member === taker)) return 'not-a-receiver'
  if (next === undefined) return undefined
  if (next.body.via !== send.id) return 'wrong-via'
  if (opened?.author.member !== taker) return 'not-opened'
  return outcomeOf(opened.body, send.id) === 'opened' ? undefined : 'not-opened'
}

function transactionsOf({ creation, links }: PathEvidence): { tx: Send | Ack; link: number }[] {
  const path = links.flatMap(({ send, opened }, link) =>
    opened === null
      ? [{ tx: send, link }]
      : [
          { tx: send, link },
          { tx: opened, link }
        ]
  )
  return links[0]?.send.leaf === creation.leaf ? path : [{ tx: creation, link: 0 }, ...path]
}

function broken(code: BrokenPathCode, link: number): PathVerdict {
  return { kind: 'broken-path', code, link }
}
