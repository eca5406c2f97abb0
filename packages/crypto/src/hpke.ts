/** HPKE (RFC 9180) as the library does it, in the one suite that Wardline uses: X25519, HKDF-SHA256, AES-256-GCM. */
import type { webcrypto } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'

/** X25519 whose ephemeral key pairs come from the caller's randomness: DeriveKeyPair (section 7.1.3) over 32 bytes of it. */
export class SeededX25519 extends DhkemX25519HkdfSha256 {
  readonly #random: (size: number) => Uint8Array

  constructor(random: (size: number) => Uint8Array) {
    super()
    this.#random = random
  }

  override generateKeyPair(): Promise<webcrypto.CryptoKeyPair> {
    return this.deriveKeyPair(this.#random(32))
  }
}

export function createSuite(kem: DhkemX25519HkdfSha256): CipherSuite {
  return new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() })
}

/** For the side that opens, which needs no randomness. */
export const openingSuite = createSuite(new DhkemX25519HkdfSha256())
