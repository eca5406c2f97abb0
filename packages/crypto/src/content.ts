/**
 * What goes inside an envelope or a vault: a record's exact bytes, what describes them, and the salt that keeps their
 * commitment from being guessed. The three live and die together.
 */
import {
  assert,
  bytesOf,
  decodeCbor,
  encodeCbor,
  type Hash,
  lengthPrefixed,
  limits,
  mapOf,
  taggedHash
} from '@wardline/codec'

export type Content = {
  /** 32 random bytes, fresh for every chain, so that the commitments of two chains cannot be linked. */
  readonly salt: Uint8Array
  /** Canonical CBOR of what describes the record: media type, file name, category. */
  readonly descriptor: Uint8Array
  /** The record, byte for byte as it was received. */
  readonly bytes: Uint8Array
}

/** Of the salt of a content, bytes. */
export const CONTENT_SALT_BYTES = 32

/** SHA-256("wardline/content/1" || salt || length of descriptor (8 bytes) || descriptor || bytes). */
export function commitContent({ salt, descriptor, bytes }: Content): Hash {
  assert(salt.length === CONTENT_SALT_BYTES, 'a content salt has 32 bytes')
  return taggedHash('wardline/content/1', salt, lengthPrefixed(descriptor), bytes)
}

/** Canonical CBOR of `content`. */
export function encodeContent({ salt, descriptor, bytes }: Content): Uint8Array {
  assert(salt.length === CONTENT_SALT_BYTES, 'a content salt has 32 bytes')
  return encodeCbor({ salt, descriptor, bytes })
}

const readContent = mapOf({
  salt: bytesOf(CONTENT_SALT_BYTES),
  descriptor: bytesOf(0, limits.payloadBytesMax),
  bytes: bytesOf(0, limits.payloadBytesMax)
})

/** @returns undefined unless `encoded` is exactly what `encodeContent` writes. That it is what a chain commits to, the caller checks. */
export function decodeContent(encoded: Uint8Array): Content | undefined {
  if (encoded.length > limits.payloadBytesMax) return undefined
  return readContent(decodeCbor(encoded))
}
