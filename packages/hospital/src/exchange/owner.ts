/**
 * The owner's side of the record exchange: decides on a signed request by the chain's state, puts the entry about it on the
 * chain, and hands out what was permitted once that entry is final.
 *
 * A crash at any point releases nothing that has no entry: an entry is on this disk before it is sent, stays pending until a
 * block has it, and a record is read only after that. What is decided and not yet accepted is forgotten, and asked again.
 */
import {
  assert,
  limits,
  type MemberId,
  type RecordId,
  type RequestId,
  type TransactionId,
  unreachable,
  WardlineError
} from '@wardline/codec'
import type { SealContext } from '@wardline/crypto'
import {
  type AccessRequest,
  currentKey,
  decideAccess,
  NO_EXPIRY,
  type ParsedTransaction,
  readAnchoredRecord,
  readAnsweredRequest,
  readMember,
  readOpenedAlias,
  readParameters,
  requestCheck,
  requestIdOf,
  type SignedRequest
} from '@wardline/ledger'
import { createAllowance } from '@wardline/node'
import type { LogFields, Network, PeerName, Vault } from '@wardline/ports'
import type { AuditBook } from '../audit.ts'
import { build } from '../author.ts'
import type { Membership } from '../membership.ts'
import { type ExchangeCode, isExchangeCode } from './codes.ts'
import { type FinalAnswer, finalAnswer, untilFound, untilHeight } from './final-answer.ts'
import { keptRecord } from './kept-records.ts'
import { createTurnedAway } from './turned-away.ts'
import {
  CHUNK_BYTES,
  type Chunk,
  encodeChunk,
  encodeEntry,
  encodeRefused,
  type Fetch,
  parseAsked,
  RECORD_PROTOCOL,
  REQUEST_BYTES_MAX
} from './wire.ts'

/** A request is decided at most this long before it says that it is over, so that none is signed in advance for long. */
const REQUEST_LIFE_MS_MAX = 15 * 60 * 1000
/** How long an owner waits for a block that the requester has and it has not. */
const BEHIND_MS = 5_000
/** How long one wait for an entry's end lasts; then it is looked at anew. */
const OUTCOME_WAIT_MS = 10 * 60 * 1000
/** Exchanges of one peer at once. Each may hold a whole record. */
const RUNNING_PER_PEER = 8
/** How long a permitted request may be fetched, from the time of the entry's block: one entry is one look. */
const FETCH_MS_MAX = 15 * 60 * 1000
/** Of a peer's allowance a fetch takes one for itself, and one more for each of these. */
const BYTES_PER_TOKEN = 64 * 1024
/** Lines in the log about refusals of one peer's requests: most of these cost the peer nothing else. */
const LOGGED_BURST = 64
const LOGGED_PER_SECOND = 1
/** In the audit log: a method that no table has. */
const RELEASE = 'release to hospital'
/** Records whose size is remembered, so that a fetch is paid for before the vault is read. */
const SIZES_KEPT = 4_096

export type OwnerParts = {
  readonly member: Membership
  readonly network: Network
  readonly vault: Vault
  readonly book: AuditBook
  /** Work that nobody awaits has failed: the daemon must end. */
  readonly onFailure: (error: unknown) => void
}

type Decided =
  | { readonly kind: 'entry'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly code: ExchangeCode }
  /** Not looked at: the peer has used up its entries, and hears `busy`. */
  | { readonly kind: 'turned-away' }

/** What becomes of a fetch, frame by frame. */
type Given =
  | { readonly kind: 'chunk'; readonly chunk: Chunk; readonly sizeBytes: number }
  | { readonly kind: 'refused'; readonly code: ExchangeCode }

export type Owner = {
  /** Requests since the start that were not looked at, for their hospital had used up its entries. */
  turnedAway(): number
  /** Once this hospital has left: writes down what is being given as broken off, and waits for what is being written. */
  toldOfAll(): Promise<void>
}

/** Serves the exchange, and takes care that entries which were promised become final. */
export function serveRecords({ member, network, vault, book, onFailure }: OwnerParts): Owner {
  const { chain, clock, verifier, log, left } = member
  const { heartbeatMs } = readParameters(chain.state)
  const deciding = new Map<RequestId, Promise<Decided>>()
  /** Entries that wait for their block, by request. */
  const pending = new Map<RequestId, Uint8Array>()
  const running = new Map<PeerName, number>()
  const allowance = createAllowance({
    clock,
    burst: limits.requestsPerPeerBurst,
    perSecond: limits.requestsPerPeerPerSecond
  })
  const denials = createAllowance({
    clock,
    burst: limits.denialsPerPeerBurst,
    perSecond: limits.denialsPerPeerPerSecond
  })
  const permits = createAllowance({
    clock,
    burst: limits.permitsPerPeerBurst,
    perSecond: limits.permitsPerPeerPerSecond
  })
  const releases = createAllowance({
    clock,
    burst: limits.releasesPerPeerBurst,
    perSecond: limits.releasesPerPeerPerSecond
  })
  const logged = createAllowance({ clock, burst: LOGGED_BURST, perSecond: LOGGED_PER_SECOND })
  const turnedAway = createTurnedAway({ clock, log, signal: left })
  /** Of packed records, bytes; the oldest first. */
  const sizes = new Map<RecordId, number>()
  const waiting = { chain, clock, signal: left }
  /** Of each fetch that is being answered, what tells of its end, once. */
  const giving = new Set<() => Promise<void>>()

  network.serve(RECORD_PROTOCOL, answer, { requestBytesMax: REQUEST_BYTES_MAX })
  for (const entry of chain.mempool())
    if (entry.kind === 'spv.access' && entry.author.member === chain.self) follow(entry)

  async function* answer(frame: Uint8Array, peer: PeerName): AsyncIterable<Uint8Array> {
    if (!allowance.take(peer, 1)) throw new WardlineError('busy', 'the peer asks too often')
    const asked = parseAsked(frame)
    if (asked === undefined) throw new WardlineError('bad-request', 'no request of this protocol')
    const hospital = chain.peers().find((entry) => entry.peer.name === peer)?.member
    const count = running.get(peer) ?? 0
    if (hospital === undefined || count >= RUNNING_PER_PEER) return yield encodeRefused('busy')
    running.set(peer, count + 1)
    try {
      if (asked.kind === 'fetch') return yield* give(asked, hospital, peer)
      const decided = mayEnter(peer) ? await decideOnce(asked.signed, hospital, peer) : turnAway(hospital)
      if (decided.kind === 'entry') return yield encodeEntry(decided.bytes)
      if (decided.kind === 'refused') {
        tellRefusal(peer, { request: requestIdOf(asked.signed.request), member: hospital, code: decided.code })
      }
      yield encodeRefused(decided.kind === 'refused' ? decided.code : 'busy')
    } finally {
      const left = (running.get(peer) ?? 1) - 1
      if (left > 0) running.set(peer, left)
      else running.delete(peer)
    }
  }

  /**
   * Whether this peer may have another entry, of either kind. Asked before anything is decided, so that `busy` says nothing
   * about what would have been.
   */
  function mayEnter(peer: PeerName): boolean {
    return denials.has(peer, 1) && permits.has(peer, 1)
  }

  function turnAway(hospital: MemberId): Decided {
    turnedAway.add(hospital)
    return { kind: 'turned-away' }
  }

  function tellRefusal(peer: PeerName, fields: LogFields): void {
    if (logged.take(peer, 1)) log.info('a request for records was refused', fields)
  }

  /** The same request at the same time is decided once. */
  async function decideOnce(signed: SignedRequest, hospital: MemberId, peer: PeerName): Promise<Decided> {
    const { request } = signed
    const id = requestIdOf(request)
    const { key, message, signature } = requestCheck(signed)
    if (!(await verifier.verify(key, message, signature))) return refused('bad-signature')
    if (request.chain !== chain.id || request.owner !== chain.self) return refused('not-the-owner')
    const underWay = deciding.get(id)
    if (underWay !== undefined) return isBy(request, hospital) ? underWay : refused('wrong-peer')
    const decision = decide(signed, id, hospital, peer).finally(() => deciding.delete(id))
    deciding.set(id, decision)
    return decision
  }

  async function decide(signed: SignedRequest, id: RequestId, hospital: MemberId, peer: PeerName): Promise<Decided> {
    const { request } = signed
    const leftMs = request.notAfter - clock.nowMs()
    if (leftMs <= 0) return refused('request-over')
    if (leftMs > REQUEST_LIFE_MS_MAX) return refused('request-too-long')
    if (!(await untilHeight(waiting, request.minHeight, Math.min(leftMs, BEHIND_MS)))) return refused('behind')
    if (isStale()) return refused('stale')
    if (readAnsweredRequest(chain.state, id) !== undefined) return refused('request-used')
    const code = accessorFault(request, hospital) ?? aliasFault(request)
    if (code !== undefined) return refused(code)
    const waitingEntry = pending.get(id)
    return waitingEntry === undefined ? enter(signed, hospital, peer) : { kind: 'entry', bytes: waitingEntry }
  }

  /** Decides at the head, and puts the entry on the chain's way. Every decision has one, so their number is what is bounded. */
  async function enter(signed: SignedRequest, hospital: MemberId, peer: PeerName): Promise<Decided> {
    // Others of its requests may have come here meanwhile.
    if (!mayEnter(peer)) return turnAway(hospital)
    const head = chain.head()
    const decision = decideAccess(chain.state, signed.request, head.height, head.time)
    const budget = decision.kind === 'permit' ? permits : denials
    budget.take(peer, 1)
    const body = {
      request: signed,
      decidedAt: { height: head.height, digest: head.digest },
      ...(decision.kind === 'permit'
        ? { decision: 'permit' as const, code: null, basis: decision.grant }
        : { decision: 'deny' as const, code: decision.code, basis: null })
    }
    const decided = await submit(body)
    if (decided.kind === 'entry') {
      log.info('a request for records was decided', {
        request: requestIdOf(signed.request),
        member: hospital,
        accessor: signed.request.accessor.member,
        code: decision.kind === 'permit' ? 'permitted' : decision.code,
        height: head.height
      })
    }
    return decided
  }

  async function submit(body: ParsedTransaction<'spv.access'>['body']): Promise<Decided> {
    const bytes = build(member, 'spv.access', body, { expires: NO_EXPIRY })
    const submission = await chain.submit(bytes)
    switch (submission.kind) {
      case 'refused':
        return refused(isExchangeCode(submission.code) ? submission.code : 'entry-refused')
      case 'ended':
        return submission.outcome.kind === 'committed' ? { kind: 'entry', bytes } : refused('request-used')
      case 'accepted': {
        follow({ id: submission.id, bytes, body })
        return { kind: 'entry', bytes }
      }
      default:
        return unreachable(submission)
    }
  }

  /** An entry that was promised is on this disk until a block has it. One that a new key of ours has ended is signed anew. */
  function follow({ id, bytes, body }: Pick<ParsedTransaction<'spv.access'>, 'id' | 'bytes' | 'body'>): void {
    const request = requestIdOf(body.request.request)
    pending.set(request, bytes)
    void guarded(async () => {
      const outcome = await ended(id)
      if (pending.get(request) === bytes) pending.delete(request)
      if (outcome?.kind !== 'refused' || readAnsweredRequest(chain.state, request) !== undefined) return
      log.warn('an access entry was refused and is signed anew', { transaction: id, code: outcome.code })
      if (outcome.code === 'key-revoked') await submit(body)
    })
  }

  async function ended(id: TransactionId) {
    for (;;) {
      const outcome = await chain.outcome(id, OUTCOME_WAIT_MS, left)
      if (outcome !== undefined || left.aborted || chain.pending(id) === undefined) return outcome
    }
  }

  async function guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!left.aborted) onFailure(error)
    }
  }

  /** Answers a fetch, and tells the logs what became of it, also where the peer has left meanwhile. */
  async function* give(fetch: Fetch, hospital: MemberId, peer: PeerName): AsyncIterable<Uint8Array> {
    let bytes = 0
    let code = 'broken-off'
    let told: Promise<void> | undefined
    const tell = () => {
      told ??= tellOfFetch(fetch, hospital, peer, { code, bytes }).finally(() => giving.delete(tell))
      return told
    }
    giving.add(tell)
    try {
      for await (const given of release(fetch, hospital, peer)) {
        // It was written down as broken off, for this hospital leaves.
        if (told !== undefined) return
        if (given.kind === 'refused') code = given.code
        else bytes += given.sizeBytes
        yield given.kind === 'refused' ? encodeRefused(given.code) : encodeChunk(given.chunk)
      }
      if (code === 'broken-off') code = 'released'
    } finally {
      await tell()
    }
  }

  /** A fetch that gave nothing is in the log alone: what it was refused for is no disclosure, and costs the peer nothing. */
  async function tellOfFetch(
    { request, record }: Fetch,
    hospital: MemberId,
    peer: PeerName,
    { code, bytes }: { readonly code: string; readonly bytes: number }
  ): Promise<void> {
    const fields = { request, record, member: hospital, code, bytes }
    if (bytes === 0) return tellRefusal(peer, fields)
    log.info('a record was released', fields)
    const entry = finalAnswer(chain, request)?.entry
    assert(entry !== undefined, 'nothing is given before the entry is final')
    const { alias, accessor } = entry.body.request.request
    await book.write({
      role: 'peer',
      actor: null,
      method: RELEASE,
      chain: chain.id,
      ids: { record, transaction: entry.id, request, alias, accessor: accessor.member, members: [hospital] },
      contentBytes: bytes,
      outcome: code
    })
  }

  /** Gives the rest of a record, for as long as it is permitted. */
  async function* release(fetch: Fetch, hospital: MemberId, peer: PeerName): AsyncIterable<Given> {
    // The requester may have the block a moment before this daemon.
    const answered = await untilFound(waiting, BEHIND_MS, () => finalAnswer(chain, fetch.request))
    const code = answered === undefined ? 'not-final' : releaseFault(answered, fetch, hospital)
    if (answered === undefined || code !== undefined) return yield refused(code ?? 'not-final')
    const anchored = readAnchoredRecord(chain.state, fetch.record)
    assert(anchored !== undefined, 'what a grant covers is anchored')
    const known = sizes.get(fetch.record)
    const unpaid = known === undefined ? undefined : chargeFault(peer, fetch, known)
    if (unpaid !== undefined) return yield refused(unpaid)
    const kept = await keptRecord(vault, fetch.record, anchored.content)
    if (kept.kind !== 'found') {
      if (kept.kind === 'damaged') log.error('a record in the vault is damaged', { record: fetch.record })
      return yield refused(kept.kind === 'damaged' ? 'vault-damaged' : 'record-not-here')
    }
    const { packed } = kept
    remember(fetch.record, packed.length)
    // The first fetch of a record is paid for once its size is known.
    const fault = known === undefined ? chargeFault(peer, fetch, packed.length) : undefined
    if (fault !== undefined) return yield refused(fault)
    if (!releases.take(peer, 1)) return yield refused('busy')
    for (let offset = fetch.offset; offset < packed.length; offset += CHUNK_BYTES) {
      const context = sealContext(fetch.record, hospital)
      if (context === undefined) return yield refused('no-seal-key')
      const part = packed.subarray(offset, offset + CHUNK_BYTES)
      const sealed = await member.seal(context, part, (size) => member.random.bytes(size))
      // A block may have come while the vault was read and the part sealed, or while the peer took the last one.
      const ended = releaseFault(answered, fetch, hospital)
      if (ended !== undefined) return yield refused(ended)
      yield { kind: 'chunk', chunk: { offset, total: packed.length, sealed }, sizeBytes: part.length }
    }
  }

  /** Takes what a fetch of a record of this size costs, whatever part of it is asked for: the vault reads the whole. */
  function chargeFault(peer: PeerName, { offset }: Fetch, sizeBytes: number): 'wrong-offset' | 'busy' | undefined {
    if (offset >= sizeBytes) return 'wrong-offset'
    return allowance.take(peer, Math.ceil(sizeBytes / BYTES_PER_TOKEN)) ? undefined : 'busy'
  }

  function remember(record: RecordId, sizeBytes: number): void {
    const [oldest] = sizes.keys()
    if (sizes.size >= SIZES_KEPT && !sizes.has(record) && oldest !== undefined) sizes.delete(oldest)
    sizes.set(record, sizeBytes)
  }

  /** Why this record is not given to this hospital now, by the final entry and the final state. */
  function releaseFault({ entry, row }: FinalAnswer, { record }: Fetch, hospital: MemberId): ExchangeCode | undefined {
    const { request } = entry.body.request
    // What cannot be written down is not given.
    if (book.failure() !== undefined || left.aborted) return 'unavailable'
    if (entry.author.member !== chain.self) return 'not-the-owner'
    if (!isBy(request, hospital)) return 'wrong-peer'
    if (entry.body.decision === 'deny') return entry.body.code ?? 'no-grant'
    if (row.status === 'violation') return row.code ?? 'no-grant'
    if (!request.records.includes(record)) return 'not-requested'
    if (isStale()) return 'stale'
    const head = chain.head()
    if (Math.max(head.time, clock.nowMs()) - row.time > FETCH_MS_MAX) return 'request-over'
    // The clock may refuse what the time of the head would still permit, and nothing else.
    for (const timeMs of [head.time, Math.max(head.time, clock.nowMs())]) {
      const decision = decideAccess(chain.state, request, head.height, timeMs)
      if (decision.kind === 'deny') return decision.code
    }
    return undefined
  }

  function sealContext(record: RecordId, hospital: MemberId): SealContext | undefined {
    const timeMs = Math.max(clock.nowMs(), chain.head().time)
    const key = currentKey(readMember(chain.state, hospital)?.seals ?? [], timeMs)?.key
    if (key === undefined) return undefined
    return { chain: chain.id, record, sender: chain.self, receivers: [{ member: hospital, key }] }
  }

  /** Two heartbeats without a block: this daemon may lack the revocation that everybody else has. */
  function isStale(): boolean {
    return clock.nowMs() - chain.head().time > 2 * heartbeatMs
  }

  /** Whether the accessor is this hospital, or of its staff. */
  function isBy({ accessor }: AccessRequest, hospital: MemberId): boolean {
    return accessor.member === hospital || readMember(chain.state, accessor.member)?.hospital === hospital
  }

  function accessorFault(request: AccessRequest, hospital: MemberId): ExchangeCode | undefined {
    const accessor = readMember(chain.state, request.accessor.member)
    if (accessor === undefined) return 'unknown-accessor'
    if (accessor.keys[request.accessor.keyIndex]?.key !== request.accessor.key) return 'accessor-key-mismatch'
    return isBy(request, hospital) ? undefined : 'wrong-peer'
  }

  function aliasFault({ alias }: AccessRequest): ExchangeCode | undefined {
    const opened = readOpenedAlias(chain.state, alias)
    if (opened === undefined) return 'unknown-alias'
    return opened.hospital === chain.self ? undefined : 'not-alias-hospital'
  }

  return {
    turnedAway: () => turnedAway.count(),
    async toldOfAll() {
      await Promise.allSettled([...giving].map((tell) => tell()))
    }
  }
}

function refused(code: ExchangeCode): { readonly kind: 'refused'; readonly code: ExchangeCode } {
  return { kind: 'refused', code }
}
