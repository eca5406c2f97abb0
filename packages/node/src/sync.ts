/**
 * The sync stream: final blocks for who was away, transactions for who lacks some of a proposal, a block that was voted
 * for here, how an epoch or a view ended, and the list of what is pending. Every answer is checked by the asker; the server
 * only bounds what it reads, and takes of the asker's allowance what that costs. What is asked for while a view is running is
 * refused without one, for others can be asked; whole blocks come at its pace, for a refusal would end a catch-up.
 */
import {
  arrayOf,
  bytes32,
  bytesOf,
  type CborValue,
  type Digest,
  decodeCbor,
  type Epoch,
  encodeCbor,
  integerFrom,
  type Leaf,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  oneOf,
  uint,
  type View,
  WardlineError
} from '@wardline/codec'
import {
  type Certificate,
  type Certified,
  encodeCertificate,
  type Header,
  headerDigest,
  parseCertificate,
  parseHeader
} from '@wardline/consensus'
import { decodeBlockBody, encodeBlockBody, leafOf } from '@wardline/ledger'
import type { Clock, KeyValueStore, Network, PeerName } from '@wardline/ports'
import type { Allowance } from './allowance.ts'
import { converse } from './converse.ts'
import { corrupt, heightOfKey, keys } from './layout.ts'
import type { Mempool } from './mempool.ts'
import { closingHeight, storedHeader, VIEW_ENDS_MAX, viewEnds } from './open.ts'

export const SYNC_PROTOCOL = '/wardline/sync/1'

/** Blocks of one answer, and with them the bytes that a client may have to hold before it can check them. */
export const SYNC_BLOCKS_MAX = 256
const PENDING_MAX = 10_000
const TIMEOUT_MS = 20_000

/** The first frame of an answer with final blocks; their bodies follow, one a frame. */
export type ChainPart = {
  /** Ascending and without gaps, from the height asked for, and of one epoch; empty if that is not final there. */
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
  /**
   * Signed transactions with these leaves, as far as the peer has them (pending, or in a block it voted for) and as far as
   * they fit into one block; nothing else.
   */
  transactions(peer: PeerName, block: Digest, leaves: readonly Leaf[]): Promise<ReadonlyMap<Leaf, Uint8Array>>
  /** A block that is final there or was voted for there. */
  block(peer: PeerName, digest: Digest): Promise<{ header: Header; body: readonly Uint8Array[] } | undefined>
  /** The block with which an epoch ended there, and its finalization, whose signatures are the asker's to verify. */
  closing(peer: PeerName, epoch: Epoch): Promise<Certified | undefined>
  /** How the chain there got past a view, in certificates that are the asker's to verify. */
  viewEnds(peer: PeerName, epoch: Epoch, view: View): Promise<readonly Certificate[]>
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
  closing: mapOf({ ask: oneOf('closing'), epoch: uint }),
  viewEnds: mapOf({ ask: oneOf('view-ends'), epoch: uint, view: uint }),
  pending: mapOf({ ask: oneOf('pending') })
}

/** A leaf on a list: 32 bytes behind a head of two. */
const LEAF_BYTES = 34

/** The largest request names the leaves of a whole block. */
const REQUEST_BYTES_MAX = limits.blockTransactionsMax * LEAF_BYTES + 256

/**
 * Every request takes one of the asker's allowance, and its answer one more for each of these that is read, hashed or given.
 * One is then worth up to 0.15 ms of a core (measured), and all that a peer may ask for without end 8 % of it.
 */
const BYTES_PER_TOKEN = 64 * 1024
const LEAVES_PER_TOKEN = 128
const HEADERS_PER_TOKEN = 4

/** What the largest body takes, each of whose transactions stands behind its size. */
const BODY_TOKENS_MAX = Math.floor((limits.blockBodyBytesMax + limits.blockTransactionsMax * 4) / BYTES_PER_TOKEN)

/** Final blocks are given while the peer has this many left, so that its catch-up does not use up what its votes wait for. */
const SPARE_TOKENS = limits.requestsPerPeerBurst / 4
const PACE_MS = 50

const HEADER_BYTES_MAX = 512
const CERTIFICATE_BYTES_MAX = 16 * 1024

const readPart = mapOf({
  headers: arrayOf(bytesOf(1, HEADER_BYTES_MAX), 0, SYNC_BLOCKS_MAX),
  certificate: bytesOf(0, CERTIFICATE_BYTES_MAX)
})

const PART_BYTES_MAX = SYNC_BLOCKS_MAX * (HEADER_BYTES_MAX + 8) + CERTIFICATE_BYTES_MAX + 256

const readLeaves = arrayOf(bytes32<Leaf>, 0, PENDING_MAX)
const LEAVES_BYTES_MAX = PENDING_MAX * LEAF_BYTES + 256

export type SyncParts = {
  readonly store: KeyValueStore
  readonly network: Network
  readonly mempool: Mempool
  readonly clock: Clock
  readonly headHeight: () => number
  readonly memberOf: (peer: PeerName) => MemberId | undefined
  readonly allowance: Allowance
}

/** Serves the sync protocol from the store. */
export function serveSync(parts: SyncParts): void {
  const { store, network, mempool, clock, allowance } = parts
  /** Of the last block some of whose transactions were asked for: several members may lack some of one proposal. */
  let lookedAt: { readonly block: Digest; readonly byLeaf: ReadonlyMap<Leaf, Uint8Array> } | undefined

  network.serve(SYNC_PROTOCOL, answer, { requestBytesMax: REQUEST_BYTES_MAX })

  /** @throws WardlineError `busy` if the peer has not that many left */
  function charge(peer: PeerName, tokens: number): void {
    if (!allowance.take(peer, tokens)) throw busy()
  }

  /** Answers of one peer that wait for its allowance. The transport does not count those whose stream it reset. */
  const waiting = new Map<PeerName, number>()

  /** @throws WardlineError `busy` where as many of the peer's answers wait already as it may have running */
  async function untilHas(peer: PeerName, tokens: number): Promise<void> {
    if (allowance.has(peer, tokens)) return
    const before = waiting.get(peer) ?? 0
    if (before >= limits.streamsPerPeer) throw busy()
    waiting.set(peer, before + 1)
    while (!allowance.has(peer, tokens)) await new Promise<void>((resolve) => clock.after(PACE_MS, resolve))
    const left = (waiting.get(peer) ?? 1) - 1
    if (left > 0) waiting.set(peer, left)
    else waiting.delete(peer)
  }

  async function* answer(bytes: Uint8Array, from: PeerName): AsyncIterable<Uint8Array> {
    if (parts.memberOf(from) === undefined) throw new WardlineError('not-a-member', 'the peer is no member any more')
    charge(from, 1 + Math.floor(bytes.length / (LEAVES_PER_TOKEN * LEAF_BYTES)))
    const request = decodeCbor(bytes)
    const blocks = readRequest.blocks(request)
    if (blocks !== undefined) {
      yield* finalBlocks(blocks.from, blocks.max, from)
      return
    }
    const transactions = readRequest.transactions(request)
    if (transactions !== undefined) {
      yield* bundles(lookUp(transactions.block, transactions.leaves, from))
      return
    }
    const block = readRequest.block(request)
    if (block !== undefined) {
      await untilHas(from, BODY_TOKENS_MAX)
      const header = storedHeader(store, block.digest)
      const body = header && bodyFor(from, block.digest)
      if (header === undefined || body === undefined) return
      yield header
      yield body
      return
    }
    const closing = readRequest.closing(request)
    if (closing !== undefined) {
      const height = closingHeight(store, closing.epoch as Epoch)
      if (height === undefined) return
      yield stored(keys.header(height))
      yield stored(keys.certificate(height))
      return
    }
    const ended = readRequest.viewEnds(request)
    if (ended !== undefined) {
      charge(from, VIEW_ENDS_MAX)
      const ends = viewEnds(store, parts.headHeight(), ended.epoch as Epoch, ended.view as View)
      yield* ends.map(encodeCertificate)
      return
    }
    if (readRequest.pending(request) !== undefined) {
      charge(from, Math.floor(Math.min(mempool.size, PENDING_MAX) / LEAVES_PER_TOKEN))
      const leaves: Uint8Array[] = []
      for (const { leaf } of mempool.all()) {
        if (leaves.length === PENDING_MAX) break
        leaves.push(nameBytes(leaf))
      }
      yield encodeCbor(leaves)
      return
    }
    throw new WardlineError('bad-request', 'the sync request has no known form')
  }

  async function* finalBlocks(from: number, max: number, peer: PeerName): AsyncIterable<Uint8Array> {
    const head = parts.headHeight()
    const isAsked = from >= 1 && from <= head
    const last = isAsked ? await certifiedHeight(from, Math.min(from + max - 1, head)) : from - 1
    if (last >= from) {
      await untilHas(peer, SPARE_TOKENS)
      charge(peer, Math.floor((last - from + 1) / HEADERS_PER_TOKEN))
    }
    const headers: Uint8Array[] = []
    const digests: Digest[] = []
    let epoch: number | undefined
    for (let height = from; height <= last; height++) {
      const bytes = stored(keys.header(height))
      const header = headerOf(bytes)
      epoch ??= header.epoch
      // The block before ended the epoch and has its own finalization; what follows is for the next answer.
      if (header.epoch !== epoch) break
      headers.push(bytes)
      digests.push(headerDigest(header))
    }
    const certificate = headers.length === 0 ? new Uint8Array(0) : stored(keys.certificate(from + headers.length - 1))
    yield encodeCbor({ headers, certificate } satisfies CborValue)
    for (const digest of digests) {
      await untilHas(peer, SPARE_TOKENS)
      const body = bodyFor(peer, digest)
      if (body === undefined) throw rowMissing()
      yield body
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
    if (value === undefined) throw rowMissing()
    return value
  }

  /** Its size is known only when it has been read. */
  function bodyFor(peer: PeerName, digest: Digest): Uint8Array | undefined {
    if (!allowance.has(peer, BODY_TOKENS_MAX)) throw busy()
    const body = store.get(keys.body(digest))
    if (body !== undefined) charge(peer, Math.floor(body.length / BYTES_PER_TOKEN))
    return body
  }

  function headerOf(bytes: Uint8Array): Header {
    const header = parseHeader(bytes)
    if (header === undefined) throw corrupt('a stored header cannot be read')
    return header
  }

  /** Those of these transactions that are here, up to the size of a block. */
  function lookUp(block: Digest, leaves: readonly Leaf[], peer: PeerName): Uint8Array[] {
    const found: Uint8Array[] = []
    let sizeBytes = 0
    let body: ReadonlyMap<Leaf, Uint8Array> | undefined
    for (const leaf of new Set(leaves)) {
      let bytes = mempool.get(leaf)?.bytes
      if (bytes === undefined) {
        body ??= bodyByLeaf(block, peer)
        bytes = body.get(leaf)
      }
      if (bytes === undefined) continue
      if (sizeBytes + bytes.length > limits.blockBodyBytesMax) break
      sizeBytes += bytes.length
      found.push(bytes)
    }
    charge(peer, Math.floor(sizeBytes / BYTES_PER_TOKEN))
    return found
  }

  function bodyByLeaf(block: Digest, peer: PeerName): ReadonlyMap<Leaf, Uint8Array> {
    if (lookedAt?.block === block) return lookedAt.byLeaf
    const bytes = bodyFor(peer, block)
    const body = bytes && decodeBlockBody(bytes)
    if (body === undefined) return new Map()
    charge(peer, Math.ceil(body.length / LEAVES_PER_TOKEN))
    const byLeaf = new Map(body.map((one) => [leafOf(one), one]))
    lookedAt = { block, byLeaf }
    return byLeaf
  }
}

function busy(): WardlineError {
  return new WardlineError('busy', 'the peer asks too often')
}

function rowMissing(): WardlineError {
  return corrupt('a row of a final block is missing')
}

const BUNDLE_BYTES_MAX = 1024 * 1024
/** Frames of one answer: each but the last leaves less room than one transaction needs. */
const BUNDLES_MAX = Math.ceil(limits.blockBodyBytesMax / (BUNDLE_BYTES_MAX - limits.transactionBytesMax)) + 1

/** Splits transactions into frames of a bounded size. */
function* bundles(transactions: readonly Uint8Array[]): Iterable<Uint8Array> {
  let frame: Uint8Array[] = []
  let sizeBytes = 0
  for (const bytes of transactions) {
    if (frame.length > 0 && sizeBytes + bytes.length > BUNDLE_BYTES_MAX) {
      yield encodeBlockBody(frame)
      frame = []
      sizeBytes = 0
    }
    frame.push(bytes)
    sizeBytes += bytes.length
  }
  if (frame.length > 0) yield encodeBlockBody(frame)
}

/** Asks peers over the sync protocol. A peer that is away, slow or answers nonsense gives an empty answer, never an error. */
export function createSyncClient(network: Network): SyncClient {
  function frames(
    peer: PeerName,
    request: CborValue,
    framesMax: number,
    each: (frame: Uint8Array, index: number) => Promise<boolean>
  ): Promise<boolean> {
    return conversation(peer, SYNC_PROTOCOL, encodeCbor(request), framesMax, each)
  }

  async function conversation(
    peer: PeerName,
    protocol: string,
    request: Uint8Array,
    framesMax: number,
    each: (frame: Uint8Array, index: number) => Promise<boolean>
  ): Promise<boolean> {
    const options = { timeoutMs: TIMEOUT_MS, frameBytesMax: limits.streamFrameBytesMax, framesMax }
    const ended = await converse(network.request(peer, protocol, request, options), each)
    if (ended === 'refused') network.report(peer, 'bad-sync-answer')
    return ended === 'ended'
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
            part = frame.length > PART_BYTES_MAX ? undefined : parsePart(frame)
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
      const wanted = new Set(leaves)
      const found = new Map<Leaf, Uint8Array>()
      let sizeBytes = 0
      const request = { ask: 'transactions', block: nameBytes(block), leaves: [...wanted].map(nameBytes) }
      await frames(peer, request, BUNDLES_MAX, async (frame) => {
        const bundle = decodeBlockBody(frame)
        if (bundle === undefined || bundle.length === 0) return false
        for (const bytes of bundle) {
          const leaf = leafOf(bytes)
          sizeBytes += bytes.length
          if (!wanted.delete(leaf) || sizeBytes > limits.blockBodyBytesMax) return false
          found.set(leaf, bytes)
        }
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

    async closing(peer, epoch) {
      let header: Header | undefined
      let certificate: Certificate | undefined
      await frames(peer, { ask: 'closing', epoch }, 2, async (frame, index) => {
        if (index === 0) {
          header = parseHeader(frame)
          return header?.epoch === epoch
        }
        const parsed = parseCertificate(frame)
        if (header === undefined || parsed?.kind !== 'finalize' || parsed.epoch !== epoch) return false
        if (parsed.digest !== headerDigest(header)) return false
        certificate = parsed
        return true
      })
      return header && certificate && { header, certificate }
    },

    async viewEnds(peer, epoch, view) {
      const found: Certificate[] = []
      await frames(peer, { ask: 'view-ends', epoch, view }, VIEW_ENDS_MAX, async (frame) => {
        const certificate = parseCertificate(frame)
        if (certificate?.epoch !== epoch || certificate.view !== view) return false
        found.push(certificate)
        return true
      })
      return found
    },

    async pending(peer) {
      let leaves: readonly Leaf[] = []
      await frames(peer, { ask: 'pending' }, 1, async (frame) => {
        const list = frame.length > LEAVES_BYTES_MAX ? undefined : readLeaves(decodeCbor(frame))
        leaves = list ?? []
        return list !== undefined
      })
      return leaves
    },

    async tell(peer, protocol, message) {
      await conversation(peer, protocol, message, 1, async () => false)
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
