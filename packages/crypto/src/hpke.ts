/** HPKE (RFC 9180) as the library does it, in the one suite that Wardline uses: X25519, HKDF-SHA256, AES-256-GCM. */
import {
  createHmac,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  type KeyObject,
  type webcrypto
} from 'node:crypto'
import { type AeadEncryptionContext, Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { assert, concatBytes, nameBytes, type SealKey } from '@wardline/codec'
import { decryptAes, encryptAes } from './aes-gcm.ts'
import { createKeyCache, privateKeyObject, publicBytes, publicKeyObject } from './raw-keys.ts'

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
  // With bytes instead of a key object, Node makes and catches two Errors, which takes three times as long (24.21).
  const mac = createHmac('sha256', createSecretKey(key))
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

/** A key of this module. The library passes keys on without looking into them, under its own type. */
type DirectKey = { readonly object: KeyObject; readonly publicKey: Uint8Array }

const asLibraryKey = (key: DirectKey) => key as object as webcrypto.CryptoKey

function directKey(key: webcrypto.CryptoKey): DirectKey {
  assert('object' in key && 'publicKey' in key, 'a key was made by this module')
  return key as object as DirectKey
}

function publicKeyOf(bytes: Uint8Array): DirectKey {
  return { object: publicKeyObject('x25519', bytes), publicKey: new Uint8Array(bytes) }
}

const receiverKeys = createKeyCache<SealKey>('x25519', 1024)

/** The public key of one who is sealed to, as the suites of this module take it. */
export function receiverKey(key: SealKey): webcrypto.CryptoKey {
  return asLibraryKey({ object: receiverKeys(key), publicKey: nameBytes(key) })
}

function privateKeyOf(secret: Uint8Array): DirectKey {
  const object = privateKeyObject('x25519', secret)
  return { object, publicKey: publicBytes(object) }
}

type Primitives = DhkemX25519HkdfSha256['_prim']

/** X25519 on this thread. Through WebCrypto the jobs of the thread pool and the conversions of keys cost four times the arithmetic. */
class DirectX25519 extends DhkemX25519HkdfSha256 {
  constructor() {
    super()
    this._kdf = createKdf(KEM_SUITE)
    const direct: Pick<Primitives, 'serializePublicKey' | 'deserializePublicKey' | 'deserializePrivateKey' | 'dh'> = {
      serializePublicKey: async (key) => own(directKey(key).publicKey),
      deserializePublicKey: async (bytes) => asLibraryKey(publicKeyOf(asBytes(bytes))),
      deserializePrivateKey: async (bytes) => asLibraryKey(privateKeyOf(asBytes(bytes))),
      // OpenSSL refuses a secret of zeros, which a public key of small order would give.
      dh: async (secret, publicKey) =>
        own(diffieHellman({ privateKey: directKey(secret).object, publicKey: directKey(publicKey).object }))
    }
    Object.assign(this._prim, direct)
  }
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
    const privateKey = privateKeyOf(secret)
    secret.fill(0)
    const publicKey = { object: createPublicKey(privateKey.object), publicKey: privateKey.publicKey }
    return { privateKey: asLibraryKey(privateKey), publicKey: asLibraryKey(publicKey) }
  }
}

/** AES-256-GCM on this thread, for the same reason. */
class DirectAes256Gcm extends Aes256Gcm {
  override createEncryptionContext(key: Bytes): AeadEncryptionContext {
    const parameters = (nonce: Bytes, associatedData: Bytes) => ({
      key: asBytes(key),
      nonce: asBytes(nonce),
      associatedData: asBytes(associatedData)
    })
    return {
      seal: async (nonce, plain, associatedData) => own(encryptAes(parameters(nonce, associatedData), asBytes(plain))),
      open: async (nonce, sealed, associatedData) => {
        const plain = decryptAes(parameters(nonce, associatedData), asBytes(sealed))
        if (plain === undefined) throw new RangeError('the text does not open')
        return own(plain)
      }
    }
  }
}

function createKdf(suite: Uint8Array): DirectHkdfSha256 {
  const kdf = new DirectHkdfSha256()
  kdf.init(suite)
  return kdf
}

export function createSuite(kem: DhkemX25519HkdfSha256): CipherSuite {
  return new CipherSuite({ kem, kdf: new DirectHkdfSha256(), aead: new DirectAes256Gcm() })
}

/** For the side that opens, which needs no randomness. */
export const openingSuite = createSuite(new DirectX25519())
