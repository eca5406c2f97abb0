/**
 * Transactions from neighbours. A batch with a fault that its bytes alone show is rejected whole and costs its deliverer
 * score; what only our state refuses is dropped, or parked until the next block, for a neighbour may be one block ahead.
 *
 * What costs least comes first: a name that is known costs one hash; the state is asked before any signature is verified, so
 * signatures cost only what would be admitted; and each peer has an allowance of all three, of which what is large takes more.
 * A batch that no allowance could ever pay for has a fault: `busy` would bring the same bytes again from another neighbour.
 */
import { type Leaf, limits } from '@wardline/codec'
import { decodeBlockBody, leafOf, type ParsedTransaction, type RefusalCode, signatureChecks } from '@wardline/ledger'
import type { Clock, GossipVerdict, Log, PeerName } from '@wardline/ports'
import type { Admission } from './admission.ts'
import { createAllowance } from './allowance.ts'
import { allTrue } from './signatures.ts'

export type Receiver = {
  /** Resolves when the gossiped batch that brings this leaf has been taken in; undefined if none is under way. */
  arrival(leaf: Leaf): Promise<unknown> | undefined
  /** Takes in a gossiped batch; the verdict decides whether it travels on as it is. */
  batch(data: Uint8Array, from: PeerName): Promise<GossipVerdict>
  /** Takes in transactions that this peer was asked for by stream; false if nothing more should be asked of it now. */
  fetched(transactions: Iterable<Uint8Array>, from: PeerName): Promise<boolean>
  /** Whether this leaf is pending, final, parked, or was refused lately when this peer brought it. */
  knows(leaf: Leaf, from: PeerName): boolean
  /** Judges what is parked once more; call after each commit. */
  retryParked(): Promise<void>
  /** Parked, of the peer that has most. */
  parkedBytes(): number
}

export type ReceiverParts = {
  readonly admission: Admission
  readonly clock: Clock
  readonly log: Log
  /** Counts a fault against the peer that sent it. */
  readonly report: (peer: PeerName, code: string) => void
  /** Sends admitted transactions on in a batch of our own. */
  readonly passOn: (transactions: readonly ParsedTransaction[]) => void
  /** Told when the mempool has grown by these. */
  readonly onAdmitted: (transactions: readonly ParsedTransaction[]) => void
}

/** Its signatures are not verified: the state refused it before. */
type Parked = { readonly transaction: ParsedTransaction; readonly from: PeerName; readonly untilMs: number }

type Taken =
  | { readonly kind: 'fault'; readonly code: string }
  | { readonly kind: 'taken'; readonly admitted: readonly ParsedTransaction[]; readonly dropped: number }

/** Parked transactions judged again after one commit, so that a neighbour's full share cannot hold up the loop. */
const RETRIES_PER_COMMIT = 256

/**
 * The signature, the chain, the author, the key and the nonce of any transaction. A batch has so few that are no shorter, and
 * so few signatures of 64 bytes, that a full allowance pays for whatever is in it.
 */
const TRANSACTION_BYTES_MIN = 64 + 32 + 32 + 32 + 16

/** To look up that many names takes one of the peer's allowance, whatever comes of it. */
const NAMES_PER_TOKEN = 16

/**
 * A look takes one of the peer's allowance up to the first of these sizes, and one more for each of the second above it: a
 * transaction about 64 records is judged by as many rows of the state.
 */
const LOOK_BYTES = 1024
const LOOK_STEP_BYTES = 256

/** Refusals that another block cannot lift. */
const NOT_PARKED = new Set<RefusalCode>(['expired', 'too-far-expiry'])

/** Leaves refused lately and not parked, so that the same in another batch costs one hash. */
const REFUSED_MAX = 65_536

/** `from` is given where there was no room: for that peer alone it counts as refused, lest it keep out what others bring. */
type Refusal = { readonly untilMs: number; readonly from?: PeerName }

export function createReceiver(parts: ReceiverParts): Receiver {
  const { admission, clock, log, passOn, onAdmitted } = parts
  const parked = new Map<Leaf, Parked>()
  const parkedBytes = new Map<PeerName, number>()
  const refused = new Map<Leaf, Refusal>()
  /** Leaves whose signatures are being verified. */
  const arriving = new Map<Leaf, Promise<unknown>>()
  const allowance = createAllowance({
    clock,
    burst: limits.verificationsPerPeerBurst,
    perSecond: limits.verificationsPerPeerPerSecond
  })

  function wasRefused(leaf: Leaf, from: PeerName): boolean {
    const refusal = refused.get(leaf)
    if (refusal === undefined || refusal.untilMs <= clock.elapsedMs()) return false
    return refusal.from === undefined || refusal.from === from
  }

  function refuse(leaf: Leaf, only: { readonly from?: PeerName } = {}): void {
    refused.delete(leaf)
    if (refused.size >= REFUSED_MAX) refused.delete(refused.keys().next().value as Leaf)
    refused.set(leaf, { untilMs: clock.elapsedMs() + limits.parkedMs, ...only })
  }

  function park(transaction: ParsedTransaction, from: PeerName): boolean {
    const used = parkedBytes.get(from) ?? 0
    if (used + transaction.bytes.length > limits.parkedBytesPerPeerMax) return false
    parked.set(transaction.leaf, { transaction, from, untilMs: clock.elapsedMs() + limits.parkedMs })
    parkedBytes.set(from, used + transaction.bytes.length)
    return true
  }

  function unpark(leaf: Leaf, { transaction, from }: Parked): void {
    if (!parked.delete(leaf)) return
    const left = (parkedBytes.get(from) ?? 0) - transaction.bytes.length
    if (left > 0) parkedBytes.set(from, left)
    else parkedBytes.delete(from)
  }

  /** Parks what the next block may permit, and remembers the rest as refused. */
  function putAside(transaction: ParsedTransaction, from: PeerName, code: RefusalCode, permanent: boolean): void {
    if (parked.has(transaction.leaf)) return
    if (permanent || NOT_PARKED.has(code)) refuse(transaction.leaf)
    else if (!park(transaction, from)) refuse(transaction.leaf, { from })
  }

  /** Into the mempool, now that its signatures are verified. */
  function take(transaction: ParsedTransaction, from: PeerName): 'admitted' | 'known' | 'dropped' {
    const admitted = admission.admit(transaction)
    if (admitted.kind === 'admitted' || admitted.kind === 'known') return admitted.kind
    if (admitted.kind === 'busy') refuse(transaction.leaf, { from })
    if (admitted.kind === 'refused') putAside(transaction, from, admitted.code, admitted.permanent)
    return 'dropped'
  }

  /** Parses and judges without verifying: what could be admitted, or the fault of the first that has one. */
  function look(list: readonly Uint8Array[], from: PeerName) {
    const acceptable: ParsedTransaction[] = []
    const refusals: (() => void)[] = []
    for (const bytes of list) {
      const looked = admission.look(bytes)
      switch (looked.kind) {
        case 'fault':
          return looked
        case 'refused':
          refusals.push(() => putAside(looked.transaction, from, looked.code, looked.permanent))
          break
        case 'busy':
          refusals.push(() => refuse(looked.transaction.leaf, { from }))
          break
        case 'acceptable':
          acceptable.push(looked.transaction)
      }
    }
    // After the last: nothing of a faulty batch is kept.
    for (const putAsideOne of refusals) putAsideOne()
    return { kind: 'looked', acceptable, refusals: refusals.length } as const
  }

  function costOfLooks(list: readonly Uint8Array[]): number {
    return list.reduce((sum, { length }) => sum + 1 + Math.ceil(Math.max(0, length - LOOK_BYTES) / LOOK_STEP_BYTES), 0)
  }

  function costOf(transactions: readonly ParsedTransaction[]): number {
    return transactions.reduce((sum, transaction) => sum + signatureChecks(transaction).length, 0)
  }

  function knows(leaf: Leaf, from: PeerName): boolean {
    return admission.knows(leaf) || parked.has(leaf) || wasRefused(leaf, from)
  }

  /**
   * Looks at transactions that are new here, verifies those that the state would take, and admits them.
   * @returns the code of a fault, `busy` if the peer has used up its allowance, or what became of them
   */
  async function takeIn(list: readonly Uint8Array[], from: PeerName): Promise<Taken | { readonly kind: 'busy' }> {
    if (!allowance.take(from, costOfLooks(list))) return { kind: 'busy' }
    const looked = look(list, from)
    if (looked.kind === 'fault') return looked
    const { acceptable } = looked
    if (!allowance.take(from, costOf(acceptable))) return { kind: 'busy' }
    const taking = verifyAndTake(acceptable, from, looked.refusals)
    for (const { leaf } of acceptable) arriving.set(leaf, taking)
    try {
      return await taking
    } finally {
      for (const { leaf } of acceptable) if (arriving.get(leaf) === taking) arriving.delete(leaf)
    }
  }

  async function verifyAndTake(
    acceptable: readonly ParsedTransaction[],
    from: PeerName,
    refusals: number
  ): Promise<Taken> {
    if (!(await allTrue(acceptable, (one) => admission.verify(one)))) return { kind: 'fault', code: 'bad-signature' }
    const admitted: ParsedTransaction[] = []
    let dropped = refusals
    for (const transaction of acceptable) {
      const fate = take(transaction, from)
      if (fate === 'admitted') admitted.push(transaction)
      if (fate === 'dropped') dropped += 1
    }
    if (admitted.length > 0) onAdmitted(admitted)
    return { kind: 'taken', admitted, dropped }
  }

  return {
    async batch(data, from) {
      const list = data.length <= limits.gossipBatchBytesMax ? decodeBlockBody(data) : undefined
      if (list === undefined || list.length === 0 || list.some(isTooShort)) return 'reject'
      if (!allowance.take(from, Math.ceil(list.length / NAMES_PER_TOKEN))) return 'busy'
      const fresh: Uint8Array[] = []
      let stale = 0
      for (const bytes of list) {
        const leaf = leafOf(bytes)
        if (admission.knows(leaf)) continue
        if (parked.has(leaf) || wasRefused(leaf, from)) stale += 1
        else fresh.push(bytes)
      }
      if (fresh.length === 0) return 'ignore'
      const result = await takeIn(fresh, from)
      if (result.kind === 'busy') return 'busy'
      if (result.kind === 'fault') {
        log.warn('a neighbour sent a faulty transaction', { peer: from, code: result.code })
        return 'reject'
      }
      const { admitted } = result
      if (stale + result.dropped === 0) return admitted.length > 0 ? 'accept' : 'ignore'
      if (admitted.length > 0) passOn(admitted)
      return 'ignore'
    },

    async fetched(transactions, from) {
      const list = [...transactions]
      if (list.some(isTooShort)) {
        parts.report(from, 'too-short')
        return false
      }
      // In parts as large as a gossiped batch: the allowance pays for some, where it does not for all at once.
      for (const part of partsOf(list.filter((bytes) => !knows(leafOf(bytes), from)))) {
        const result = await takeIn(part, from)
        if (result.kind === 'fault') parts.report(from, result.code)
        if (result.kind !== 'taken') return false
      }
      return true
    },

    knows,
    arrival: (leaf) => arriving.get(leaf),
    parkedBytes: () => Math.max(0, ...parkedBytes.values()),

    async retryParked() {
      const nowMs = clock.elapsedMs()
      const acceptable: Parked[] = []
      for (const [leaf, entry] of [...parked].slice(0, RETRIES_PER_COMMIT)) {
        const verdict = admission.judge(entry.transaction)
        const isOver = entry.untilMs <= nowMs
        if (verdict.kind === 'accept' ? allowance.take(entry.from, costOf([entry.transaction])) : verdict.permanent) {
          unpark(leaf, entry)
          if (verdict.kind === 'accept') acceptable.push(entry)
          else refuse(leaf)
        } else if (isOver) {
          unpark(leaf, entry)
        } else {
          // To the end of the line.
          parked.delete(leaf)
          parked.set(leaf, entry)
        }
      }
      const admitted: ParsedTransaction[] = []
      for (const { transaction, from } of acceptable) {
        if (!(await admission.verify(transaction))) {
          refuse(transaction.leaf)
          parts.report(from, 'bad-signature')
        } else if (take(transaction, from) === 'admitted') admitted.push(transaction)
      }
      if (admitted.length === 0) return
      passOn(admitted)
      onAdmitted(admitted)
    }
  }
}

function isTooShort({ length }: Uint8Array): boolean {
  return length < TRANSACTION_BYTES_MIN
}

function* partsOf(list: readonly Uint8Array[]): Iterable<readonly Uint8Array[]> {
  let part: Uint8Array[] = []
  let sizeBytes = 0
  for (const bytes of list) {
    if (part.length > 0 && sizeBytes + bytes.length > limits.gossipBatchBytesMax) {
      yield part
      part = []
      sizeBytes = 0
    }
    part.push(bytes)
    sizeBytes += bytes.length
  }
  if (part.length > 0) yield part
}
