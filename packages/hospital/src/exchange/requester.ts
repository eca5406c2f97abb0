/**
 * The requester's side of the record exchange: asks with a signed request, puts the owner's entry on the chain as well, waits
 * until it is final here, then fetches what was permitted and holds it against the chain. A stream that breaks is taken up
 * at the byte where it broke, for as long as the caller waits.
 */
import { ApiError } from '@wardline/api'
import {
  type Alias,
  concatBytes,
  type MemberId,
  type RecordId,
  type RequestId,
  type TransactionId
} from '@wardline/codec'
import { type Content, commitContent, envelopeReceivers, type Signer } from '@wardline/crypto'
import {
  type Purpose,
  parseTransaction,
  readAnchoredRecord,
  readMember,
  requestIdOf,
  type SignedRequest,
  signRequest
} from '@wardline/ledger'
import { converse } from '@wardline/node'
import type { Network, PeerName } from '@wardline/ports'
import type { Deadline } from '../deadline.ts'
import type { Membership } from '../membership.ts'
import { type ExchangeCode, sentenceOf } from './codes.ts'
import { type Access, type FinalAnswer, finalAnswer, untilFound } from './final-answer.ts'
import { unpackContent } from './kept-records.ts'
import {
  type Answered,
  encodeAsk,
  encodeFetch,
  FRAME_BYTES_MAX,
  FRAMES_MAX,
  parseAnswered,
  RECORD_PROTOCOL
} from './wire.ts'

export type RecordQuestion = {
  readonly owner: MemberId
  readonly alias: Alias
  readonly records: readonly RecordId[]
  readonly purpose: Purpose
  /** Who asks, with the key to sign: this hospital, or one of its staff. */
  readonly accessor: { readonly member: MemberId; readonly signer: Signer }
}

export type RecordAnswer = FinalAnswer & {
  readonly request: RequestId
  /** What a grant covers; empty for a denial, and for what the owner permits and the chain calls a violation. */
  readonly records: readonly { readonly record: RecordId; readonly content: Content }[]
  /** Frames with content that came, bytes. */
  readonly contentBytes: number
}

const REQUEST_LIFE_MS_MAX = 10 * 60 * 1000
const STREAM_MS_MAX = 30_000
const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 2_000

/** @throws ApiError with the owner's code, `peer-unreachable`, `bad-answer`, `verification-failed`, `timeout` */
export async function requestRecords(
  member: Membership,
  network: Network,
  question: RecordQuestion,
  deadline: Deadline,
  signal: AbortSignal | undefined
): Promise<RecordAnswer> {
  const { chain, clock } = member
  const signed = signedRequest(member, question, deadline)
  const request = requestIdOf(signed.request)
  const waiting = { chain, clock, signal }
  let contentBytes = 0

  try {
    const answer = await settle()
    const records: { record: RecordId; content: Content }[] = []
    for (const record of isCovered(answer) ? signed.request.records : []) {
      records.push({ record, content: await fetch(record) })
    }
    return { ...answer, request, records, contentBytes }
  } catch (error) {
    // What the caller is told of every failure: what it asked, what became of that, and how much came.
    if (!(error instanceof ApiError) || error.data !== undefined) throw error
    throw new ApiError(error.code, error.message, data(), { cause: error })
  }

  /** The final entry about the request. */
  async function settle(): Promise<FinalAnswer> {
    const entry = await ask()
    let isSubmitted = entry === undefined
    for (;;) {
      if (entry !== undefined && !isSubmitted) {
        const submission = await chain.submit(entry.bytes)
        if (submission.kind === 'refused' && submission.code === 'bad-signature') throw badAnswer()
        // The block at which the owner decided may not be here yet: then again after the next one.
        isSubmitted = submission.kind !== 'refused'
      }
      const height = chain.head().height
      const final = await untilFound(waiting, deadline.leftMs(), () => {
        return finalAnswer(chain, request) ?? (isSubmitted || chain.head().height === height ? undefined : 'again')
      })
      if (final !== undefined && final !== 'again') return final
      if (deadline.isOver()) throw late(entry?.id)
    }
  }

  /** The owner's entry; undefined where it says that the request has been answered already, as after a broken stream. */
  async function ask(): Promise<Access | undefined> {
    let isSent = false
    for (let delayMs = RETRY_MIN_MS; ; delayMs = Math.min(2 * delayMs, RETRY_MAX_MS)) {
      const answered = await first(encodeAsk(signed))
      if (answered === undefined) {
        isSent = true
        await pause(delayMs)
        continue
      }
      if (answered.kind === 'entry') return entryOf(answered.bytes)
      if (answered.kind !== 'refused') throw badAnswer()
      if (answered.code === 'request-used' && isSent) return undefined
      throw refused(answered.code)
    }
  }

  function entryOf(bytes: Uint8Array): Access {
    const parsed = parseTransaction(bytes, chain.id)
    const entry = parsed.kind === 'ok' ? parsed.transaction : undefined
    if (entry?.kind !== 'spv.access' || entry.author.member !== question.owner) throw badAnswer()
    if (requestIdOf(entry.body.request.request) !== request) throw badAnswer()
    return entry
  }

  async function first(frame: Uint8Array): Promise<Answered | undefined> {
    let answered: Answered | undefined
    await stream(frame, async (next) => {
      answered = next
      return false
    })
    return answered
  }

  /** One stream; what the owner sends outside of the protocol ends the exchange. */
  async function stream(frame: Uint8Array, each: (answered: Answered, sizeBytes: number) => Promise<boolean>) {
    const peer = peerOf()
    if (peer === undefined) return 'failed'
    const timeoutMs = Math.min(deadline.leftMs(), STREAM_MS_MAX)
    const options = { timeoutMs, frameBytesMax: FRAME_BYTES_MAX, framesMax: FRAMES_MAX }
    const conversation = converse(network.request(peer, RECORD_PROTOCOL, frame, options), async (bytes) => {
      const answered = parseAnswered(bytes)
      if (answered === undefined) throw badAnswer(peer)
      return each(answered, bytes.length)
    })
    return deadline.wait(conversation, 'the owner has not answered yet')
  }

  /** The bytes of one record, verified, over as many streams as it takes. */
  async function fetch(record: RecordId): Promise<Content> {
    const parts: Uint8Array[] = []
    let offset = 0
    let total = Number.POSITIVE_INFINITY
    let refusal: ExchangeCode | undefined
    for (let delayMs = RETRY_MIN_MS; offset < total; delayMs = Math.min(2 * delayMs, RETRY_MAX_MS)) {
      const before = offset
      await stream(encodeFetch({ request, record, offset }), async (answered, sizeBytes) => {
        if (answered.kind === 'refused') {
          refusal = answered.code
          return false
        }
        if (answered.kind !== 'chunk' || answered.offset !== offset) throw badAnswer()
        contentBytes += sizeBytes
        const part = await open(record, answered.sealed)
        if (part.length === 0 || offset + part.length > answered.total) throw badAnswer()
        parts.push(part)
        offset += part.length
        total = answered.total
        return offset < total
      })
      if (refusal !== undefined) throw refused(refusal)
      if (offset >= total) break
      if (offset > before) delayMs = RETRY_MIN_MS
      await pause(delayMs)
    }
    const content = unpackContent(concatBytes(...parts))
    if (content === undefined || commitContent(content) !== readAnchoredRecord(chain.state, record)?.content) {
      throw new ApiError('verification-failed', 'what the owner sent is not what it anchored')
    }
    return content
  }

  async function open(record: RecordId, sealed: Uint8Array): Promise<Uint8Array> {
    // The key that was in force where the owner sealed it.
    const key = envelopeReceivers(sealed)?.[0]?.key
    const opener = key && member.ownSeals.openerOf(key)
    if (opener === undefined)
      throw new ApiError('verification-failed', 'what the owner sent is not sealed to a key here')
    const receivers = [{ member: chain.self, key: opener.publicKey }]
    const opened = await opener.open({ chain: chain.id, record, sender: question.owner, receivers }, sealed)
    if (opened.kind === 'opened') return opened.content
    throw new ApiError('verification-failed', `what the owner sent does not open (${opened.code})`)
  }

  function peerOf(): PeerName | undefined {
    return chain.peers().find((entry) => entry.member === question.owner && entry.connected)?.peer.name
  }

  /** Until the next try: a moment, and if the owner is away until it is back. */
  async function pause(delayMs: number): Promise<void> {
    await deadline.wait(
      new Promise<void>((resolve) => {
        const forget = network.onPeer((_peer, event) => {
          if (event === 'connected') finish()
        })
        const timer = clock.after(delayMs, () => finish())
        const finish = () => {
          forget()
          timer.cancel()
          resolve()
        }
      }),
      'the owner of the records cannot be reached'
    )
  }

  function data(entry?: TransactionId) {
    return { chain: chain.id, request, entry: entry ?? finalAnswer(chain, request)?.entry.id ?? null, contentBytes }
  }

  function late(entry: TransactionId | undefined): ApiError {
    return new ApiError('timeout', 'the entry about the request is not final yet', data(entry))
  }

  function badAnswer(peer = peerOf()): ApiError {
    if (peer !== undefined) network.report(peer, 'bad-record-answer')
    return new ApiError('bad-answer', 'the owner answered with something that this protocol does not have')
  }
}

/** Whether the chain finds what the owner says: its word alone is not enough to take a record, for owners may lie. */
function isCovered({ row: { status, grant } }: FinalAnswer): boolean {
  return (status === 'covered' || status === 'late') && grant !== null
}

function signedRequest(member: Membership, question: RecordQuestion, deadline: Deadline): SignedRequest {
  const { chain, clock, random } = member
  const { owner, alias, purpose, accessor } = question
  const { publicKey } = accessor.signer
  const keyIndex = readMember(chain.state, accessor.member)?.keys.findIndex(({ key }) => key === publicKey) ?? -1
  return signRequest(
    {
      chain: chain.id,
      owner,
      alias,
      records: [...new Set(question.records)].sort(),
      purpose,
      nonce: random.bytes(16),
      minHeight: chain.head().height,
      notAfter: clock.nowMs() + Math.min(deadline.leftMs(), REQUEST_LIFE_MS_MAX),
      accessor: { member: accessor.member, keyIndex: Math.max(0, keyIndex), key: publicKey }
    },
    accessor.signer
  )
}

/** The owner gives nothing. */
function refused(code: ExchangeCode): ApiError {
  return new ApiError(code, sentenceOf(code))
}
