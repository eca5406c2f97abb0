/** The last final block, as the node carries it: what the next block is built and judged on. */
import {
  appendLeaf,
  bytes32,
  bytesOf,
  type ChainId,
  type Digest,
  decodeCbor,
  decodeFrontier,
  emptyFrontier,
  encodeCbor,
  encodeFrontier,
  type Frontier,
  type Hash,
  type Height,
  height,
  mapOf,
  name32,
  nameBytes,
  uint
} from '@wardline/codec'
import type { Header } from '@wardline/consensus'

export type Head = {
  readonly digest: Digest
  readonly height: Height
  /** Block time, ms; of the genesis document for height 0. */
  readonly time: number
  readonly appHash: Hash
  /** Transactions in all blocks up to and with this one. */
  readonly transactions: number
  /** Right edge of the history tree over the digests of all blocks up to and with this one. */
  readonly history: Frontier
  /** Null at height 0: the genesis document is no block. */
  readonly header: Header | null
}

/** The head of a chain that has no block yet: leaf 0 of the history is the chain id. */
export function genesisHead(chain: ChainId, createdMs: number, appHash: Hash): Head {
  const digest = name32<Digest>(chain)
  return {
    digest,
    height: height(0),
    time: createdMs,
    appHash,
    transactions: 0,
    history: appendLeaf(emptyFrontier, nameBytes(chain)),
    header: null
  }
}

/** The head after a block of `count` transactions on top of `parent`. */
export function headAfter(parent: Head, header: Header, digest: Digest, count: number): Head {
  return {
    digest,
    height: header.height,
    time: header.time,
    appHash: header.appHash,
    transactions: parent.transactions + count,
    history: appendLeaf(parent.history, nameBytes(digest)),
    header
  }
}

export function encodeHead(head: Head): Uint8Array {
  return encodeCbor({
    digest: nameBytes(head.digest),
    height: head.height,
    history: encodeFrontier(head.history),
    transactions: head.transactions
  })
}

const readHead = mapOf({ digest: bytes32<Digest>, height: uint, history: bytesOf(0, 64 * 64), transactions: uint })

/** @returns undefined unless the bytes are what `encodeHead` writes */
export function parseHead(bytes: Uint8Array): Pick<Head, 'digest' | 'height' | 'history' | 'transactions'> | undefined {
  const head = readHead(decodeCbor(bytes))
  const history = head && decodeFrontier(head.history)
  return (
    head && history && { digest: head.digest, height: height(head.height), history, transactions: head.transactions }
  )
}
