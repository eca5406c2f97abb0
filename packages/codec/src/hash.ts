/** Domain-tagged SHA-256. A tag keeps a hash made for one purpose from being taken for another. */
import { hash } from 'node:crypto'
import { concatBytes, fromHex } from './bytes.ts'
import type { Hash } from './ids.ts'

/** SHA-256 of the concatenation of `parts`, 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  // By way of hex, because arrays of at most 64 bytes are far cheaper than the Buffer that `hash` would make (measured).
  return fromHex(hash('sha256', joined(parts), 'hex'))
}

/** SHA-256(tag || parts…) as lower-case hex. Parts must be of fixed width, CBOR, or length-prefixed by the caller. */
export function taggedHash<T extends string = Hash>(tag: HashTag, ...parts: readonly Uint8Array[]): T {
  return hash('sha256', joined([tagBytes(tag), ...parts]), 'hex') as T
}

/** Where short inputs are put together: an array of its own would cost three times the hash (measured). */
const room = new Uint8Array(4096)

/** The concatenation of `parts`, good until the next call. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array
  let size = 0
  for (const part of parts) size += part.length
  if (size > room.length) return concatBytes(...parts)
  let offset = 0
  for (const part of parts) {
    room.set(part, offset)
    offset += part.length
  }
  return room.subarray(0, size)
}

/** Every tag in use, so that no two purposes share one. */
export const HASH_TAGS = [
  'wardline/app/1',
  'wardline/audit/1',
  'wardline/block/1',
  'wardline/changes/1',
  'wardline/content/1',
  'wardline/entry/1',
  'wardline/envelope/1',
  'wardline/genesis/1',
  'wardline/leaf/1',
  'wardline/member/1',
  'wardline/payload/1',
  'wardline/record/1',
  'wardline/request-id/1',
  'wardline/seal-context/1',
  'wardline/set/1',
  'wardline/status/1',
  'wardline/status-ask/1',
  'wardline/tx/1',
  'wardline/validator-change/1',
  'wardline/value/1'
] as const

export type HashTag = (typeof HASH_TAGS)[number]

const tags = new Map<HashTag, Uint8Array>(HASH_TAGS.map((tag) => [tag, new TextEncoder().encode(tag)]))

function tagBytes(tag: HashTag): Uint8Array {
  return tags.get(tag) as Uint8Array
}

/** A length prefix for hashing: 8 bytes, big-endian, then the bytes. */
export function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(8)
  new DataView(prefix.buffer).setBigUint64(0, BigInt(bytes.length))
  return concatBytes(prefix, bytes)
}

/** The 32 bytes of a 32-byte name. */
export function nameBytes(name: string): Uint8Array {
  return fromHex(name)
}
