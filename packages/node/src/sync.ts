/**
 * The sync stream: final blocks for who was away, transactions for who lacks some of a proposal, a block that was voted
 * for here, and the list of what is pending. Every answer is checked by the asker; the server only bounds what it reads.
 */
import {
  arrayOf,
  bytes32,
  bytesOf,
  type CborValue,
  type Digest,
  decodeCbor,
  encodeCbor,
  integerFrom,
  type Leaf,
  limits,
  mapOf,
  nameBytes,
  oneOf,
  uint,
  WardlineError
} from '@wardline/codec'
import { type Certificate, type Header, headerDigest, parseCertificate, parseHeader } from '@wardline/consensus'
import { decodeBlockBody, encodeBlockBody } from '@wardline/ledger'
import type { KeyValueStore, Network, PeerName } from '@wardline/ports'
import { heightOfKey, keys } from './layout.ts'
import type { Mempool } from './mempool.ts'

export const SYNC_PROTOCOL = '/wardline/sync/1'

/** Blocks of one answer, and with them the bytes that a client may have to hold before it can check them. */
export const SYNC_BLOCKS_MAX = 256
const PENDING_MAX = 10_000
const TIMEOUT_MS = 20_000

/** The first frame of an answer with final blocks; their bodies follow, one a frame. */
export type ChainPart = {
  /** Ascending and without gaps, from the height asked for; empty if that is not final there. */
  readonly headers: readonly Header[]
  /** Finalizes the last of them; absent iff there are none. */
  readonly certificate: Certificate | undefined
}

export type SyncClient = {
  /**
   * Asks for final blocks from `from` on. `check` sees the headers and the certificate before any body is read, and
   * decides whether to go on.
   */
  blocks(
    peer: PeerName,
    from: number,
    check: (part: ChainPart) => Promise<boolean>,
    each: (header: Header, body: readonly Uint8Array[]) => Promise<boolean>
  ): Promise<'done' | 'failed'>
  /** Signed transactions with these leaves, as far as the peer has them: pending, or in a block it voted for. */
  transactions(peer: PeerName, block: Digest, leaves: readonly Leaf[]): Promise<readonly Uint8Array[]>
  /** A block that is final there or was voted for there. */
  block(peer: PeerName, digest: Digest): Promise<{ header: Header; body: readonly Uint8Array[] } | undefined>
  /** Leaves of what is pending there. */
  pending(peer: PeerName): Promise<readonly Leaf[]>
  /** Sends one message that is answered by nothing; a peer that does not take it does not get it. */
  tell(peer: PeerName, protocol: string, message: Uint8Array): Promise<void>
}

const readRequest = {
  blocks: mapOf({ ask: oneOf('blocks'), from: uint, max: integerFrom(1, SYNC_BLOCKS_MAX) }),
  transactions: mapOf({
    ask: oneOf('transactions'),
    block: bytes32<Digest>,
    leaves: arrayOf(bytes32<Leaf>, 1, limits.blockTransactionsMax)
  }),
  block: mapOf({ ask: oneOf('block'), digest: bytes32<Digest> }),
  pending: mapOf({ ask: oneOf('pending') })
}

const HEADER_BYTES_MAX = 512
const CERTIFICATE_BYTES_MAX = 16 * 1024

const readPart = mapOf({
  headers: arrayOf(bytesOf(1, HEADER_BYTES_MAX), 0, SYNC_BLOCKS_MAX),
  certificate: bytesOf(0, CERTIFICATE_BYTES_MAX)
})

const readLeaves = arrayOf(bytes32<Leaf>, 0, PENDING_MAX)

export type SyncParts = {
  readonly store: KeyValueStore
  readonly network: Network
  readonly mempool: Mempool
  readonly headHeight: () => number
  /** The leaves of a block's body, in order, from its bytes. */
  readonly leavesOf: (body: readonly Uint8Array[]) => readonly Leaf[]
}

/** Serves the sync protocol from the store. */
export function serveSync(parts: SyncParts): void {
  const { store, network, mempool } = parts

  network.serve(SYNC_PROTOCOL, async function* (bytes) {
    const request = decodeCbor(bytes)
    const blocks = readRequest.blocks(request)
    if (blocks !== undefined) {
      yield* finalBlocks(blocks.from, blocks.max)
      return
    }
    const transactions = readRequest.transactions(request)
    if (transactions !== undefined) {
      yield* bundles(lookUp(transactions.block, transactions.leaves))
      return
    }
    const block = readRequest.block(request)
    if (block !== undefined) {
      const header = headerOf(block.digest)
      const body = header && store.get(keys.body(block.digest))
      if (header === undefined || body === undefined) return
      yield header
      yield body
      return
    }
    if (readRequest.pending(request) !== undefined) {
      const leaves: Uint8Array[] = []
      for (const { leaf } of mempool.all()) {
        if (leaves.length === PENDING_MAX) break
        leaves.push(nameBytes(leaf))
      }
      yield encodeCbor(leaves)
      return
    }
    throw new WardlineError('bad-request', 'the sync request has no known form')
  })

  async function* finalBlocks(from: number, max: number): AsyncIterable<Uint8Array> {
    const head = parts.headHeight()
    const isAsked = from >= 1 && from <= head
    const last = isAsked ? await certifiedHeight(from, Math.min(from + max - 1, head)) : from - 1
    const headers: Uint8Array[] = []
    for (let height = from; height <= last; height++) headers.push(stored(keys.header(height)))
    const certificate = headers.length === 0 ? new Uint8Array(0) : stored(keys.certificate(last))
    yield encodeCbor({ headers, certificate } satisfies CborValue)
    for (const bytes of headers) {
      const header = parseHeader(bytes)
      if (header === undefined) throw new WardlineError('store-corrupt', 'a stored header cannot be read')
      yield stored(keys.body(headerDigest(header)))
    }
  }

  /** The highest height in `from..to` that has a certificate of its own, else the first one above; `from - 1` if none. */
  async function certifiedHeight(from: number, to: number): Promise<number> {
    const within = { from: keys.certificate(from), to: keys.certificate(to + 1), limit: 1, reverse: true }
    for await (const [key] of store.range(within)) return heightOfKey(key)
    const above = { from: keys.certificate(to + 1), to: keys.certificate(from + SYNC_BLOCKS_MAX), limit: 1 }
    for await (const [key] of store.range(above)) return heightOfKey(key)
    return from - 1
  }

  function stored(key: string): Uint8Array {
    const value = store.get(key)
    if (value === undefined) throw new WardlineError('store-corrupt', 'a row of a final block is missing')
    return value
  }

  function headerOf(digest: Digest): Uint8Array | undefined {
    const height = store.get(keys.height(digest))
    return store.get(
      height === undefined ? keys.pending(digest) : keys.header(Number(new TextDecoder().decode(height)))
    )
  }

  function lookUp(block: Digest, leaves: readonly Leaf[]): Uint8Array[] {
    const found: Uint8Array[] = []
    let body: ReadonlyMap<Leaf, Uint8Array> | undefined
    for (const leaf of leaves) {
      const pending = mempool.get(leaf)
      if (pending !== undefined) {
        found.push(pending.bytes)
        continue
      }
      body ??= bodyByLeaf(block)
      const bytes = body.get(leaf)
      if (bytes !== undefined) found.push(bytes)
    }
    return found
  }

  function bodyByLeaf(block: Digest): ReadonlyMap<Leaf, Uint8Array> {
    const bytes = store.get(keys.body(block))
    const body = bytes && decodeBlockBody(bytes)
    if (body === undefined) return new Map()
    const leaves = parts.leavesOf(body)
    return new Map(body.map((one, index) => [leaves[index] as Leaf, one]))
  }
}

/** Splits transactions into frames of a bounded size. */
function* bundles(transactions: readonly Uint8Array[]): Iterable<Uint8Array> {
  const frameBytesMax = 1024 * 1024
  let frame: Uint8Array[] = []
  let sizeBytes = 0
  for (const bytes of transactions) {
    if (frame.length > 0 && sizeBytes + bytes.length > frameBytesMax) {
      yield encodeBlockBody(frame)
      frame = []
      sizeBytes = 0
    }
    frame.push(bytes)
    sizeBytes += bytes.length
  }
  if (frame.length > 0) yield encodeBlockBody(frame)
}

const PEER_FAILURES = new Set(['peer-unreachable', 'stream-timeout', 'stream-overflow', 'stream-closed'])

/** Asks peers over the sync protocol. A peer that is away, slow or answers nonsense gives an empty answer, never an error. */
export function createSyncClient(network: Network): SyncClient {
  function frames(
    peer: PeerName,
    request: CborValue,
    framesMax: number,
    each: (frame: Uint8Array, index: number) => Promise<boolean>
  ): Promise<boolean> {
    return converse(peer, SYNC_PROTOCOL, encodeCbor(request), framesMax, each)
  }

  async function converse(
    peer: PeerName,
    protocol: string,
    request: Uint8Array,
    framesMax: number,
    each: (frame: Uint8Array, index: number) => Promise<boolean>
  ): Promise<boolean> {
    const options = { timeoutMs: TIMEOUT_MS, frameBytesMax: limits.streamFrameBytesMax, framesMax }
    let index = 0
    try {
      for await (const frame of network.request(peer, protocol, request, options)) {
        if (!(await each(frame, index))) {
          network.report(peer, 'bad-sync-answer')
          return false
        }
        index += 1
      }
      return true
    } catch (error) {
      // The peer went away or was too slow: the caller asks another one.
      if (error instanceof WardlineError && PEER_FAILURES.has(error.code)) return false
      throw error
    }
  }

  return {
    async blocks(peer, from, check, each) {
      let part: ChainPart | undefined
      let done = 0
      const ended = await frames(
        peer,
        { ask: 'blocks', from, max: SYNC_BLOCKS_MAX },
        SYNC_BLOCKS_MAX + 1,
        async (frame, index) => {
          if (index === 0) {
            part = parsePart(frame)
            return part !== undefined && (part.headers.length === 0 || (await check(part)))
          }
          const header = part?.headers[index - 1]
          const body = decodeBlockBody(frame)
          if (header === undefined || body === undefined || !(await each(header, body))) return false
          done += 1
          return true
        }
      )
      return ended && part !== undefined && done === part.headers.length ? 'done' : 'failed'
    },

    async transactions(peer, block, leaves) {
      const found: Uint8Array[] = []
      const request = { ask: 'transactions', block: nameBytes(block), leaves: leaves.map(nameBytes) }
      await frames(peer, request, leaves.length, async (frame) => {
        const part = decodeBlockBody(frame)
        if (part === undefined || found.length + part.length > leaves.length) return false
        found.push(...part)
        return true
      })
      return found
    },

    async block(peer, digest) {
      let header: Header | undefined
      let body: readonly Uint8Array[] | undefined
      await frames(peer, { ask: 'block', digest: nameBytes(digest) }, 2, async (frame, index) => {
        if (index === 0) {
          header = parseHeader(frame)
          return header !== undefined && headerDigest(header) === digest
        }
        body = decodeBlockBody(frame)
        return body !== undefined
      })
      return header && body && { header, body }
    },

    async pending(peer) {
      let leaves: readonly Leaf[] = []
      await frames(peer, { ask: 'pending' }, 1, async (frame) => {
        const list = readLeaves(decodeCbor(frame))
        leaves = list ?? []
        return list !== undefined
      })
      return leaves
    },

    async tell(peer, protocol, message) {
      await converse(peer, protocol, message, 1, async () => false)
    }
  }
}

function parsePart(frame: Uint8Array): ChainPart | undefined {
  const part = readPart(decodeCbor(frame))
  if (part === undefined) return undefined
  const headers: Header[] = []
  for (const bytes of part.headers) {
    const header = parseHeader(bytes)
    if (header === undefined) return undefined
    headers.push(header)
  }
  const certificate = part.certificate.length === 0 ? undefined : parseCertificate(part.certificate)
  if ((certificate === undefined) !== (headers.length === 0)) return undefined
  return { headers, certificate }
}
