/**
 * The frames of `/wardline/record/1`, canonical CBOR maps of one key each. A stream is one request and its answer:
 *
 * - `{ask: bytes of a signed request}` is answered by `{entry: signed spv.access}`
 * - `{fetch: {request, record, offset}}` is answered by `{chunk: {offset, total, sealed}}`, as many as the rest of the packed
 *   record has: `offset` and `total` count bytes of it, `sealed` is an envelope to the hospital that asks
 *
 * and either of them by `{refused: code}` in place of the next frame, with one of the codes in `codes.ts`.
 */
import {
  bytes32,
  bytesOf,
  decodeCbor,
  encodeCbor,
  integerFrom,
  limits,
  mapOf,
  nameBytes,
  type Read,
  type RecordId,
  type RequestId,
  text,
  uint
} from '@wardline/codec'
import { encodeSignedRequest, parseSignedRequest, type SignedRequest } from '@wardline/ledger'
import { type ExchangeCode, isExchangeCode } from './codes.ts'
import { PACKED_BYTES_MAX } from './kept-records.ts'

export const RECORD_PROTOCOL = '/wardline/record/1'

/** A request for 64 records, with room. */
export const REQUEST_BYTES_MAX = 8 * 1024
/** Of a packed record in one frame, bytes: each costs a sealing of its own, and is lost whole with its stream. */
export const CHUNK_BYTES = 256 * 1024
/** An envelope to one receiver, the map around it, and room. */
const SEALED_BYTES_MAX = CHUNK_BYTES + 1024
export const FRAME_BYTES_MAX = Math.max(SEALED_BYTES_MAX, limits.transactionBytesMax) + 1024
export const FRAMES_MAX = Math.ceil(PACKED_BYTES_MAX / CHUNK_BYTES)

const readFetch = mapOf({
  request: bytes32<RequestId>,
  record: bytes32<RecordId>,
  offset: integerFrom(0, PACKED_BYTES_MAX)
})
export type Fetch = Read<typeof readFetch>

const readChunk = mapOf({
  offset: uint,
  total: integerFrom(1, PACKED_BYTES_MAX),
  sealed: bytesOf(1, SEALED_BYTES_MAX)
})
export type Chunk = Read<typeof readChunk>

export type Asked = { readonly kind: 'ask'; readonly signed: SignedRequest } | ({ readonly kind: 'fetch' } & Fetch)

export type Answered =
  | { readonly kind: 'entry'; readonly bytes: Uint8Array }
  | ({ readonly kind: 'chunk' } & Chunk)
  | { readonly kind: 'refused'; readonly code: ExchangeCode }

const readFetchFrame = mapOf({ fetch: readFetch })
const readEntryFrame = mapOf({ entry: bytesOf(1, limits.transactionBytesMax) })
const readChunkFrame = mapOf({ chunk: readChunk })
const readRefusedFrame = mapOf({ refused: text(64) })
const readAskFrame = mapOf({ ask: bytesOf(1, REQUEST_BYTES_MAX) })

export function encodeAsk(signed: SignedRequest): Uint8Array {
  return encodeCbor({ ask: encodeCbor(encodeSignedRequest(signed)) })
}

export function encodeFetch({ request, record, offset }: Fetch): Uint8Array {
  return encodeCbor({ fetch: { request: nameBytes(request), record: nameBytes(record), offset } })
}

export function encodeEntry(entry: Uint8Array): Uint8Array {
  return encodeCbor({ entry })
}

export function encodeChunk(chunk: Chunk): Uint8Array {
  return encodeCbor({ chunk })
}

export function encodeRefused(code: ExchangeCode): Uint8Array {
  return encodeCbor({ refused: code })
}

/** @returns undefined for anything that no requester of this protocol sends */
export function parseAsked(frame: Uint8Array): Asked | undefined {
  const value = decodeCbor(frame)
  const fetch = readFetchFrame(value)?.fetch
  if (fetch !== undefined) return { kind: 'fetch', ...fetch }
  const ask = readAskFrame(value)?.ask
  const signed = ask && parseSignedRequest(ask)
  return signed && { kind: 'ask', signed }
}

/** @returns undefined for anything that no owner of this protocol sends */
export function parseAnswered(frame: Uint8Array): Answered | undefined {
  const value = decodeCbor(frame)
  const chunk = readChunkFrame(value)?.chunk
  if (chunk !== undefined) return { kind: 'chunk', ...chunk }
  const entry = readEntryFrame(value)?.entry
  if (entry !== undefined) return { kind: 'entry', bytes: entry }
  const code = readRefusedFrame(value)?.refused
  if (code === undefined || !/^[a-z][a-z0-9-]*$/.test(code)) return undefined
  // Of another version of this program: what it is called there, nobody here is told.
  return { kind: 'refused', code: isExchangeCode(code) ? code : 'unavailable' }
}
