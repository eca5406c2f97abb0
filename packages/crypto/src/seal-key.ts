/** X25519 keys, to which content is sealed. */
import { name32, type SealKey } from '@wardline/codec'
import { privateKeyObject, publicBytes } from './raw-keys.ts'

/** The public half of the X25519 secret (32 bytes, any). */
export function publicSealKey(secret: Uint8Array): SealKey {
  return name32<SealKey>(publicBytes(privateKeyObject('x25519', secret)))
}

/**
 * The coordinates of the points of small order, on the curve (orders 2, 4 and 8) and on its twist (2 and 4). A scalar is
 * clamped to a multiple of 8, so these and no others give the zero secret.
 */
const SMALL_ORDER_KEYS: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'
])

/** The coordinate is at least the field's prime 2^255 - 19, or the unused top bit is set. */
const NOT_CANONICAL = /^(?:(?:e[def]|f.)(?:ff){30}7f|.{62}[89a-f].)$/

/**
 * Whether `key` may be registered: below the field's prime, so that a key has one name, and not of small order, because
 * what is sealed to such a key anyone can open.
 */
export function isAcceptableSealKey(key: SealKey): boolean {
  return !SMALL_ORDER_KEYS.has(key) && !NOT_CANONICAL.test(key)
}
