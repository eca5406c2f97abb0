/** AES-256-GCM with a 12-byte nonce; the 16-byte tag follows the ciphertext. */
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import { concatBytes } from '@wardline/codec'

export const AES_TAG_BYTES = 16

export type AesParameters = {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 12 bytes, never used twice with one key. */
  readonly nonce: Uint8Array
  readonly associatedData: Uint8Array
}

/** @returns ciphertext || tag, 16 bytes longer than `plain` */
export function encryptAes({ key, nonce, associatedData }: AesParameters, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), nonce, { authTagLength: AES_TAG_BYTES })
  cipher.setAAD(associatedData)
  return concatBytes(cipher.update(plain), cipher.final(), cipher.getAuthTag())
}

/** @returns undefined if `sealed` is not what `encryptAes` gave for these parameters */
export function decryptAes({ key, nonce, associatedData }: AesParameters, sealed: Uint8Array): Uint8Array | undefined {
  const size = sealed.length - AES_TAG_BYTES
  if (size < 0) return undefined
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), nonce, { authTagLength: AES_TAG_BYTES })
  decipher.setAAD(associatedData)
  decipher.setAuthTag(sealed.subarray(size))
  const plain = decipher.update(sealed.subarray(0, size))
  try {
    decipher.final()
  } catch {
    // Throwing is how a wrong tag shows; nothing of `plain` may be used then.
    return undefined
  }
  return new Uint8Array(plain)
}
