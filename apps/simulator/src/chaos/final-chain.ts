/**
 * The chain as it lies on a stopped home's disk, read with the parsers alone: neither the node's code nor a daemon has a
 * part in it. Where the rows lie is said in package `node`, `layout.ts`.
 */
import type { ChainId, Digest, MemberId, RecordId, TransactionId } from '@wardline/codec'
import { headerDigest, parseHeader } from '@wardline/consensus'
import { decodeBlockBody, parseTransaction } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'

export type FinalTransaction = {
  readonly id: TransactionId
  readonly author: MemberId | null
  readonly says:
    | { readonly kind: 'send'; readonly record: RecordId; readonly origin: boolean }
    /** The author has opened what these transmissions brought. */
    | { readonly kind: 'opened'; readonly by: readonly TransactionId[] }
    | { readonly kind: 'other' }
}

export type FinalBlock = { readonly digest: Digest; readonly transactions: readonly FinalTransaction[] }

/** Block `h` is `blocks[h - 1]`; the genesis is not among them. */
export type FinalChain = { readonly chain: ChainId; readonly blocks: readonly FinalBlock[] }

const HEIGHT_DIGITS = 12

/** @throws TypeError where a row cannot be read */
export async function readFinalChain(store: KeyValueStore, chain: ChainId): Promise<FinalChain> {
  const blocks: FinalBlock[] = []
  for await (const [key, bytes] of store.range({ from: 'blocks/header/', to: 'blocks/header0' })) {
    const height = blocks.length + 1
    const header = parseHeader(bytes)
    if (header?.height !== height || !key.endsWith(`/${String(height).padStart(HEIGHT_DIGITS, '0')}`)) {
      throw new TypeError(`the header of block ${height} cannot be read`)
    }
    const digest = headerDigest(header)
    const stored = store.get(`blocks/body/${digest}`)
    const body = stored && decodeBlockBody(stored)
    if (body === undefined) throw new TypeError(`the body of block ${height} cannot be read`)
    blocks.push({ digest, transactions: body.map((one) => readTransaction(one, chain)) })
  }
  return { chain, blocks }
}

function readTransaction(bytes: Uint8Array, chain: ChainId): FinalTransaction {
  const parsed = parseTransaction(bytes, chain)
  if (parsed.kind === 'reject') throw new TypeError(`a transaction cannot be read: ${parsed.code}`)
  const { transaction } = parsed
  const { id } = transaction
  const author = 'member' in transaction.author ? transaction.author.member : null
  if (transaction.kind === 'stt.send') {
    const { recordId, via } = transaction.body
    return { id, author, says: { kind: 'send', record: recordId, origin: via === null } }
  }
  if (transaction.kind === 'stt.ack') {
    const opened = transaction.body.acks.filter(({ outcome }) => outcome === 'opened')
    return { id, author, says: { kind: 'opened', by: opened.map(({ via }) => via) } }
  }
  return { id, author, says: { kind: 'other' } }
}
