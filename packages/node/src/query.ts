/**
 * Reading what is final: blocks, transactions, receipts. Everything is as of the head: it comes from the store, or is the same as
 * there.
 */
import {
  arrayOf,
  type Digest,
  decodeCbor,
  type Height,
  height,
  inclusionProofFrom,
  leafHash,
  nameBytes,
  type TransactionId,
  uint,
  WardlineError
} from '@wardline/codec'
import { type Certificate, headerDigest, parseCertificate } from '@wardline/consensus'
import {
  type CommittedBlock,
  encodeReceipt,
  type Finality,
  type JointReceipt,
  leafOf,
  leafPath,
  type ParsedTransaction,
  type PlacedTransaction,
  parseTransaction,
  RECEIPT_TEXT_MAX
} from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import type { Epochs } from './epochs.ts'
import type { Head } from './head.ts'
import { corrupt, heightOfKey, keys, under } from './layout.ts'
import { readBody, readBodyBytes, readHeader, storedHeight } from './open.ts'
import type { Place } from './places.ts'
import type { RecentTransactions } from './recent.ts'

export type StoredBlock = Pick<CommittedBlock, 'header' | 'digest' | 'transactions'> & {
  /** Its own finalization, where this daemon has one; else a later block's covers it. */
  readonly certificate: Certificate | undefined
}

const readPlace = arrayOf(uint, 4, 4)

export type Query = {
  block(height: Height): StoredBlock | undefined
  /** The height of a final block. */
  heightOf(digest: Digest): Height | undefined
  /** The finalization that covers the block at this height: its own, or the next one above; undefined above the head. */
  certificateFor(height: Height): Promise<{ readonly height: Height; readonly certificate: Certificate } | null>
  /** Where a final transaction is. */
  place(id: TransactionId): { readonly height: Height; readonly index: number } | undefined
  transaction(id: TransactionId): ParsedTransaction | undefined
  /**
   * What proves a block final that is at or above `from`, the first there is; null above the head and while none is here.
   * @param ancestor a height up to that block's, which a receipt shall also name
   */
  finality(from: Height, ancestor?: Height): Promise<Finality | null>
  /**
   * A final transaction as a joint receipt holds it under the block `final`; undefined if the transaction is not final.
   * @throws RangeError if `final` lies below the transaction or above the head
   */
  placed(id: TransactionId, final: Height): JointReceipt['transactions'][number] | undefined
  /**
   * The receipt of a final transaction, one line of JSON without its line end; undefined if the transaction is not final.
   * @param anchor a height at or above the transaction's that the receipt shall lead to; by default the first finalized one
   * @throws RangeError if the anchor is below the transaction or above the head
   * @throws WardlineError `not-certified | receipt-too-large`
   */
  receipt(id: TransactionId, anchor?: Height): Promise<string | undefined>
}

export function createQuery(
  store: KeyValueStore,
  chain: ParsedTransaction['chain'],
  head: () => Head,
  epochs: Pick<Epochs, 'closings'>,
  recent: Pick<RecentTransactions, 'get'>
): Query {
  function parsed(bytes: Uint8Array): ParsedTransaction {
    const result = parseTransaction(bytes, chain)
    if (result.kind !== 'ok') throw corrupt('a stored transaction cannot be read')
    return result.transaction
  }

  function find(id: TransactionId): (Place & { readonly height: Height; readonly index: number }) | undefined {
    const row = store.get(keys.transaction(id))
    if (row === undefined) return undefined
    const numbers = readPlace(decodeCbor(row))
    if (numbers === undefined) throw corrupt('the place of a transaction cannot be read')
    const [at, index, offset, size] = numbers as [number, number, number, number]
    return { height: height(at), index, offset, size }
  }

  function place(id: TransactionId) {
    const found = find(id)
    return found && { height: found.height, index: found.index }
  }

  /** The body read last is kept: who asks for one transaction of a block often asks for its neighbours next. */
  let lastBody: { readonly digest: Digest; readonly bytes: Uint8Array } | undefined

  function bodyBytes(digest: Digest): Uint8Array {
    if (lastBody?.digest !== digest) lastBody = { digest, bytes: readBodyBytes(store, digest) }
    return lastBody.bytes
  }

  /** The first certificate at or above `from`. */
  async function findCertificate(from: number): Promise<{ height: Height; certificate: Certificate } | null> {
    const range = { from: keys.certificate(from), to: under('blocks/certificate/').to, limit: 1 }
    for await (const [key, bytes] of store.range(range)) {
      const certificate = parseCertificate(bytes)
      if (certificate === undefined) throw corrupt('a stored certificate cannot be read')
      return { height: height(heightOfKey(key)), certificate }
    }
    return null
  }

  /** That the block at `at` is in the history of the block at `anchor`: a proof over all digests below the anchor. */
  function historyProof(at: number, anchor: number): readonly Uint8Array[] {
    return inclusionProofFrom({ size: anchor, node: treeNode }, at)
  }

  function treeNode(level: number, index: number): Uint8Array {
    if (level === 0) return leafHash(nameBytes(index === 0 ? chain : headerDigest(readHeader(store, index))))
    const hash = store.get(keys.tree(level, index))
    if (hash === undefined) throw corrupt('a node of the history tree is missing')
    return hash
  }

  function placedAt({ height: at, index }: { readonly height: Height; readonly index: number }): PlacedTransaction {
    const header = readHeader(store, at)
    const body = readBody(store, headerDigest(header))
    return { transaction: body[index] as Uint8Array, path: leafPath(body.map(leafOf), index), header }
  }

  async function finality(from: Height, named?: Height): Promise<Finality | null> {
    const final = await findCertificate(from)
    if (final === null) return null
    const { certificate } = final
    const header = readHeader(store, final.height)
    const proven = { header, epochs: epochs.closings(header.epoch), certificate }
    if (named === undefined || named === final.height) return { ...proven, ancestor: null }
    const proof = historyProof(named, final.height)
    return { ...proven, ancestor: { height: named, digest: headerDigest(readHeader(store, named)), proof } }
  }

  return {
    block(at) {
      if (at === 0 || at > head().height) return undefined
      const header = readHeader(store, at)
      const digest = headerDigest(header)
      const certificate = store.get(keys.certificate(at))
      return {
        header,
        digest,
        transactions: readBody(store, digest).map(parsed),
        certificate: certificate && parseCertificate(certificate)
      }
    },

    heightOf: (digest) => storedHeight(store, digest),

    certificateFor: findCertificate,

    place,

    transaction(id) {
      const known = recent.get(id)
      if (known !== undefined) return known
      const found = find(id)
      if (found === undefined) return undefined
      const body = bodyBytes(headerDigest(readHeader(store, found.height)))
      return parsed(body.subarray(found.offset, found.offset + found.size))
    },

    finality,

    placed(id, final) {
      const found = place(id)
      if (found === undefined) return undefined
      if (final < found.height || final > head().height)
        throw new RangeError('final lies from the transaction to the head')
      const proof = final === found.height ? null : historyProof(found.height, final)
      return { ...placedAt(found), proof }
    },

    async receipt(id, anchorHeight) {
      const found = place(id)
      if (found === undefined) return undefined
      if (anchorHeight !== undefined && (anchorHeight < found.height || anchorHeight > head().height)) {
        throw new RangeError('the anchor lies from the transaction to the head')
      }
      const named = anchorHeight === found.height ? undefined : anchorHeight
      const final = await finality(anchorHeight ?? found.height, named)
      if (final === null)
        throw new WardlineError('not-certified', 'no finalization at or above this height is here yet')
      const { header, ...proven } = final
      const anchor =
        header.height === found.height ? null : { header, proof: historyProof(found.height, header.height) }
      const text = encodeReceipt({ chain, ...placedAt(found), anchor, ...proven })
      if (text.length <= RECEIPT_TEXT_MAX) return text
      throw new WardlineError('receipt-too-large', 'the validators changed more often than one receipt can prove')
    }
  }
}
