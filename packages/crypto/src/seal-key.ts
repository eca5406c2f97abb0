/** X25519 keys, to which content is sealed. */
import { x25519 } from '@noble/curves/ed25519.js'
import { name32, nameBytes, type SealKey } from '@wardline/codec'
import { privateKeyObject, publicBytes } from './raw-keys.ts'

/** The public half of the X25519 secret (32 bytes, any). */
export function publicSealKey(secret: Uint8Array): SealKey {
  return name32<SealKey>(publicBytes(privateKeyObject('x25519', secret)))
}

const FIELD_PRIME = 2n ** 255n - 19n
const ANY_SCALAR = new Uint8Array(32).fill(1)

/**
 * Whether `key` may be registered: below the field's prime, so that a key has one name, and not of small order, because
 * what is sealed to such a key anyone can open.
 */
export function isAcceptableSealKey(key: SealKey): boolean {
  const bytes = nameBytes(key)
  const coordinate = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
  if (coordinate >= FIELD_PRIME) return false
  try {
    // A scalar is clamped to a multiple of the cofactor, so exactly the points of small order give zero, which noble refuses.
    x25519.scalarMult(ANY_SCALAR, bytes)
    return true
  } catch {
    return false
  }
}
