/** HPKE (RFC 9180) as the library does it, in the one suite that Wardline uses: X25519, HKDF-SHA256, AES-256-GCM. */
import { createHmac, type webcrypto } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { concatBytes, nameBytes } from '@wardline/codec'
import { publicSealKey } from './seal-key.ts'

type Bytes = ArrayBufferLike | ArrayBufferView

const HASH_BYTES = 32
const NOTHING = new Uint8Array(0)

/**
 * HKDF-SHA256 (RFC 5869) on this thread. One sealing derives about ten keys; through WebCrypto each is several jobs of the
 * thread pool for microseconds of hashing, and together half of what sealing costs.
 */
export class DirectHkdfSha256 extends HkdfSha256 {
  override async extract(salt: Bytes, ikm: Bytes): Promise<ArrayBuffer> {
    return own(hmac(asBytes(salt), asBytes(ikm)))
  }

  override async expand(prk: Bytes, info: Bytes, size: number): Promise<ArrayBuffer> {
    if (size > 255 * HASH_BYTES) throw new RangeError('HKDF-SHA256 gives at most 8,160 bytes')
    const key = asBytes(prk)
    const output = new Uint8Array(size)
    let block: Uint8Array = NOTHING
    for (let done = 0, count = 1; done < size; done += HASH_BYTES, count += 1) {
      block = hmac(key, block, asBytes(info), Uint8Array.of(count))
      output.set(block.subarray(0, size - done), done)
    }
    return output.buffer
  }

  override async extractAndExpand(salt: Bytes, ikm: Bytes, info: Bytes, size: number): Promise<ArrayBuffer> {
    return this.expand(await this.extract(salt, ikm), info, size)
  }
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  // An empty salt stands for 32 zeros, which are the same key to HMAC.
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

function asBytes(value: Bytes): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
}

/** The bytes in a buffer of their own: Node's digests share a pool. */
function own(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

/** "KEM" and the number of DHKEM(X25519, HKDF-SHA256) (RFC 9180 sections 4.1 and 7.1). */
const KEM_SUITE = concatBytes(new TextEncoder().encode('KEM'), Uint8Array.of(0x00, 0x20))
const LABEL_DKP_PRK = new TextEncoder().encode('dkp_prk')
const LABEL_SK = new TextEncoder().encode('sk')

class DirectX25519 extends DhkemX25519HkdfSha256 {
  protected override _kdf = createKdf(KEM_SUITE)
}

/** X25519 whose ephemeral key pairs come from the caller's randomness: DeriveKeyPair (section 7.1.3) over 32 bytes of it. */
export class SeededX25519 extends DirectX25519 {
  readonly #random: (size: number) => Uint8Array

  constructor(random: (size: number) => Uint8Array) {
    super()
    this.#random = random
  }

  override async generateKeyPair(): Promise<webcrypto.CryptoKeyPair> {
    const prk = await this._kdf.labeledExtract(NOTHING, LABEL_DKP_PRK, this.#random(32))
    const secret = new Uint8Array(await this._kdf.labeledExpand(prk, LABEL_SK, NOTHING, 32))
    const publicKey = await this.deserializePublicKey(nameBytes(publicSealKey(secret)))
    const privateKey = await this.deserializePrivateKey(secret)
    secret.fill(0)
    return { privateKey, publicKey }
  }
}

function createKdf(suite: Uint8Array): DirectHkdfSha256 {
  const kdf = new DirectHkdfSha256()
  kdf.init(suite)
  return kdf
}

export function createSuite(kem: DhkemX25519HkdfSha256): CipherSuite {
  return new CipherSuite({ kem, kdf: new DirectHkdfSha256(), aead: new Aes256Gcm() })
}

/** For the side that opens, which needs no randomness. */
export const openingSuite = createSuite(new DirectX25519())
