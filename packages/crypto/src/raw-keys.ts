/**
 * 32-byte raw keys as Node's KeyObjects. Public keys go inside a DER frame (RFC 8410), which for keys of fixed size is a
 * constant prefix.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { assert, nameBytes } from '@wardline/codec'

type Curve = 'ed25519' | 'x25519'

const SPKI_PREFIX: Readonly<Record<Curve, string>> = { ed25519: 'MCowBQYDK2VwAyEA', x25519: 'MCowBQYDK2VuAyEA' }

/**
 * By way of PEM: from any other form Node's import makes Errors on the way and catches them, which takes three times as long
 * (measured, 24.21). The DER prefix is 12 bytes, so its 16 characters of base64 stand before those of the key.
 * @param publicKey 32 bytes; that they are a point on the curve is not checked
 */
export function publicKeyObject(curve: Curve, publicKey: Uint8Array): KeyObject {
  assert(publicKey.length === 32, 'a public key has 32 bytes')
  const base64 = SPKI_PREFIX[curve] + Buffer.from(publicKey).toString('base64')
  return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----`)
}

/** @param secret 32 bytes: an Ed25519 seed or an X25519 scalar, as the RFCs write them */
export function privateKeyObject(curve: Curve, secret: Uint8Array): KeyObject {
  assert(secret.length === 32, 'a secret key has 32 bytes')
  // Node finds out what it was given by four Errors that it catches. Their traces take as long as the import itself (measured,
  // 24.21); PEM would need none, but a string cannot be wiped. An Error that is thrown on has none either.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    const key = Buffer.from(secret.buffer, secret.byteOffset, secret.length)
    return createPrivateKey({ key, format: 'raw-private', asymmetricKeyType: curve })
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** The 32 bytes of the public half of `key`. */
export function publicBytes(key: KeyObject): Uint8Array {
  // As a JWK, because the same as DER takes twenty times as long (measured, 24.21).
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  assert(x !== undefined, 'a key of these curves has one coordinate')
  return new Uint8Array(Buffer.from(x, 'base64url'))
}

/** Public keys as KeyObjects, kept because making one costs as much as using it; the least recently used is dropped beyond `keysMax`. */
export function createKeyCache<Key extends string>(curve: Curve, keysMax: number): (key: Key) => KeyObject {
  const cached = new Map<Key, KeyObject>()
  return (key) => {
    const object = cached.get(key) ?? publicKeyObject(curve, nameBytes(key))
    cached.delete(key)
    cached.set(key, object)
    if (cached.size > keysMax) cached.delete(cached.keys().next().value as Key)
    return object
  }
}
