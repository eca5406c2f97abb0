/** Bytes at rest under a key of this hospital: AES-256-GCM, the nonce (12 bytes, random) in front. */
import { assert, concatBytes } from '@wardline/codec'
import { decryptAes, encryptAes } from './aes-gcm.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 12

const DOMAIN = 'wardline/at-rest/1\n'

/** How much longer than its content what lies at rest is. */
export const AT_REST_OVERHEAD_BYTES = 28

/**
 * @returns nonce (12) || ciphertext || tag (16); the associated data is "wardline/at-rest/1\n" || `name`
 * @param key 32 bytes, for at most 2^32 messages (NIST SP 800-38D, 8.3, random nonces)
 * @param name what the bytes are kept as: they open under no other name. One key serves several stores, so it begins with the store's
 * @param random `size` unpredictable bytes
 */
export function sealAtRest(
  key: Uint8Array,
  name: string,
  plain: Uint8Array,
  random: (size: number) => Uint8Array
): Uint8Array {
  assert(key.length === KEY_BYTES, 'a key at rest has 32 bytes')
  const nonce = random(NONCE_BYTES)
  assert(nonce.length === NONCE_BYTES, 'random gives as many bytes as were asked for')
  return concatBytes(nonce, encryptAes({ key, nonce, associatedData: associatedDataOf(name) }, plain))
}

/** @returns undefined if `sealed` is not what `sealAtRest` gave for this key and name */
export function openAtRest(key: Uint8Array, name: string, sealed: Uint8Array): Uint8Array | undefined {
  assert(key.length === KEY_BYTES, 'a key at rest has 32 bytes')
  if (sealed.length < AT_REST_OVERHEAD_BYTES) return undefined
  const nonce = sealed.subarray(0, NONCE_BYTES)
  return decryptAes({ key, nonce, associatedData: associatedDataOf(name) }, sealed.subarray(NONCE_BYTES))
}

function associatedDataOf(name: string): Uint8Array {
  return new TextEncoder().encode(`${DOMAIN}${name}`)
}
