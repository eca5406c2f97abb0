/**
 * Noise, without two costs of every message that have nothing to do with it.
 *
 * For messages above 1,200 bytes the library asks Node for ChaCha20-Poly1305 with the key as bytes, and then Node (24.21) makes
 * two Errors with their stacks, and drops them, before it takes the key; a key object that is kept costs nothing. And to learn
 * that no further message has arrived, its decoder throws an Error with its stack; here that is the same one each time.
 */

import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { noise } from '@chainsafe/libp2p-noise'
import type { ConnectionEncrypter } from '@libp2p/interface'
import { assert } from '@wardline/codec'
import { Uint8ArrayList } from 'uint8arraylist'

type Bytes = Uint8Array | Uint8ArrayList
type NoiseComponents = Parameters<ReturnType<typeof noise>>[0]

/** What Noise 17.0.0 has beyond libp2p's interface of an encrypter; the version is pinned, and `leanNoise` checks it. */
type NoiseEncrypter = ConnectionEncrypter & { crypto: Ciphers }
type NoiseConnection = { decoder: { lengthDecoder: (data: Bytes) => number } }
export type Ciphers = { readonly encrypt: Encrypt; readonly decrypt: Decrypt }
type Encrypt = (plain: Bytes, nonce: Uint8Array, associatedData: Uint8Array, key: Uint8Array) => Bytes
type Decrypt = (
  sealed: Bytes,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  key: Uint8Array,
  room?: Uint8Array
) => Bytes

const CIPHER = 'chacha20-poly1305'
const TAG_BYTES = 16
const LENGTH_BYTES = 2
/** Below this the library's own implementation in WebAssembly is the faster one. */
const NATIVE_BYTES_MIN = 1_000

const INCOMPLETE = new RangeError('no whole length yet')

export function leanNoise(): (components: NoiseComponents) => ConnectionEncrypter {
  const create = noise()
  return (components) => {
    const encrypter = create(components) as ConnectionEncrypter as NoiseEncrypter
    const { crypto } = encrypter
    assert(typeof crypto?.encrypt === 'function' && typeof crypto.decrypt === 'function', 'Noise has its ciphers here')
    encrypter.crypto = withKeptKeys(crypto)
    return {
      protocol: encrypter.protocol,
      async secureInbound(connection, options) {
        return withoutErrors(await encrypter.secureInbound(connection, options))
      },
      async secureOutbound(connection, options) {
        return withoutErrors(await encrypter.secureOutbound(connection, options))
      }
    }
  }
}

/** Takes the ciphers of Noise, and does the large messages itself. */
export function withKeptKeys<C extends Ciphers>(crypto: C): C {
  const { encrypt, decrypt } = crypto
  /** A connection has one key for each direction, under the same array for all its life. */
  const kept = new WeakMap<Uint8Array, KeyObject>()
  const keyObject = (key: Uint8Array): KeyObject => {
    const known = kept.get(key)
    if (known !== undefined) return known
    const object = createSecretKey(key)
    kept.set(key, object)
    return object
  }
  return {
    ...crypto,
    encrypt: (plain: Bytes, nonce: Uint8Array, associatedData: Uint8Array, key: Uint8Array) => {
      if (plain.byteLength < NATIVE_BYTES_MIN) return encrypt(plain, nonce, associatedData, key)
      const cipher = createCipheriv(CIPHER, keyObject(key), nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(associatedData, { plaintextLength: plain.byteLength })
      const sealed = cipher.update(plain.subarray())
      cipher.final()
      return new Uint8ArrayList(sealed, cipher.getAuthTag())
    },
    /** @throws Error if the message was altered */
    decrypt: (sealed: Bytes, nonce: Uint8Array, associatedData: Uint8Array, key: Uint8Array, room?: Uint8Array) => {
      if (sealed.byteLength < NATIVE_BYTES_MIN) return decrypt(sealed, nonce, associatedData, key, room)
      const text = sealed.byteLength - TAG_BYTES
      const decipher = createDecipheriv(CIPHER, keyObject(key), nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(associatedData, { plaintextLength: text })
      const bytes = sealed.subarray()
      decipher.setAuthTag(bytes.subarray(text))
      const plain = decipher.update(bytes.subarray(0, text))
      decipher.final()
      return plain
    }
  }
}

function withoutErrors<S extends { readonly connection: object }>(secured: S): S {
  const { decoder } = secured.connection as NoiseConnection
  assert(typeof decoder?.lengthDecoder === 'function', 'an encrypted connection has its decoder here')
  decoder.lengthDecoder = (data) => {
    if (data.byteLength < LENGTH_BYTES) throw INCOMPLETE
    return data instanceof Uint8Array ? ((data[0] as number) << 8) | (data[1] as number) : data.getUint16(0)
  }
  return secured
}
