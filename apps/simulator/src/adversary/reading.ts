/**
 * The requester's side of the record exchange, bare: frames out, and a count of whatever comes back. Written from the
 * protocol's description and not from the daemon's code, so that it shares no mistake with it.
 */
import {
  type Alias,
  decodeCbor,
  encodeCbor,
  isHex32,
  limits,
  type MemberId,
  nameBytes,
  type RecordId,
  type RequestId
} from '@wardline/codec'
import { encodeSignedRequest, type SignedRequest } from '@wardline/ledger'
import type { Network, PeerName } from '@wardline/ports'

/** Records of one patient that `owner` has anchored; ascending. */
export type Wanted = { readonly owner: MemberId; readonly alias: Alias; readonly records: readonly RecordId[] }

export type Received = {
  readonly entry: Uint8Array | undefined
  /** The owner's code; undefined where it sent none. */
  readonly refusal: string | undefined
  /** Of all frames that are neither an entry nor a refusal. */
  readonly contentBytes: number
  /** Of all frames. */
  readonly streamBytes: number
}

const PROTOCOL = '/wardline/record/1'
const STREAM_MS_MAX = 15_000
const FRAMES_MAX = 64

/** @throws TypeError unless the text is JSON of a `Wanted` */
export function parseWanted(text: string): Wanted {
  const value = JSON.parse(text) as Record<string, unknown>
  const { owner, alias, records } = value
  const names = Array.isArray(records) ? (records as readonly unknown[]) : []
  if (names.length === 0 || ![owner, alias, ...names].every(isHex32)) throw new TypeError('not what can be wanted')
  return value as Wanted
}

export function askFrame(signed: SignedRequest): Uint8Array {
  return encodeCbor({ ask: encodeCbor(encodeSignedRequest(signed)) })
}

export function fetchFrame(request: RequestId, record: RecordId): Uint8Array {
  return encodeCbor({ fetch: { request: nameBytes(request), record: nameBytes(record), offset: 0 } })
}

/** One stream to its end; what the owner sends is counted, and never opened. */
export async function receive(network: Pick<Network, 'request'>, peer: PeerName, frame: Uint8Array): Promise<Received> {
  const options = { timeoutMs: STREAM_MS_MAX, frameBytesMax: 2 * limits.payloadBytesMax, framesMax: FRAMES_MAX }
  let entry: Uint8Array | undefined
  let refusal: string | undefined
  let contentBytes = 0
  let streamBytes = 0
  for await (const answer of network.request(peer, PROTOCOL, frame, options)) {
    streamBytes += answer.length
    const value = decodeCbor(answer)
    const fields = Object.entries(typeof value === 'object' && value !== null ? value : {})
    const [key, field] = fields.length === 1 ? (fields[0] ?? []) : []
    if (key === 'entry' && field instanceof Uint8Array) entry = field
    else if (key === 'refused' && typeof field === 'string') refusal = field
    else contentBytes += answer.length
  }
  return { entry, refusal, contentBytes, streamBytes }
}
