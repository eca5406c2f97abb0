/**
 * The one rule by which every Ed25519 signature is judged: ZIP-215. OpenSSL's answers to crafted signatures differ between
 * Node releases, but what it accepts ZIP-215 accepts too; so asking OpenSSL first (fast) and noble's ZIP-215 verifier
 * second (slow, and only after a refusal) is ZIP-215 exactly, on every release. Daemons that judged by different rules
 * would disagree about the chain.
 */
import { type KeyObject, verify as nodeVerify } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { nameBytes, type SignKey } from '@wardline/codec'
import { publicKeyObject } from './raw-keys.ts'

const SIGNATURE_BYTES = 64

export interface Verifier {
  /** Whether `signature` over `message` is by `key` under ZIP-215. False for a signature that is not 64 bytes; never throws. */
  verify(key: SignKey, message: Uint8Array, signature: Uint8Array): Promise<boolean>
}

export type VerifierOptions = {
  /** Imported keys that are kept for reuse (importing one costs as much as verifying); 1,024 if not given. */
  readonly keysMax?: number
  /**
   * Verifications handed to libuv's pool at once; 3 if not given. The pool has four threads and does the disk's work too: one
   * stays free, so that a vote's fsync never waits behind a thousand signatures. What is over waits here in order, so
   * callers bound what they ask for.
   */
  readonly concurrencyMax?: number
}

/** A verifier that works on libuv's pool. A bad signature costs about 1 ms of the main thread: report the peer that sent it. */
export function createVerifier(options: VerifierOptions = {}): Verifier {
  const keys = createKeyCache(options.keysMax ?? 1024)
  const free = createSlots(options.concurrencyMax ?? 3)
  return {
    async verify(key, message, signature) {
      if (signature.length !== SIGNATURE_BYTES) return false
      const release = await free()
      const native = await nativeVerify(keys(key), message, signature).finally(release)
      return native || verifyZip215(key, message, signature)
    }
  }
}

const sharedKeys = createKeyCache(1024)

/** `Verifier.verify` at once, on this thread: for offline tools and tests. */
export function verifySignature(key: SignKey, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false
  return nodeVerify(null, message, sharedKeys(key), signature) || verifyZip215(key, message, signature)
}

/** Answers without leaving this thread, so that nothing in a deterministic world depends on the pool's timing. */
export const syncVerifier: Verifier = {
  verify: async (key, message, signature) => verifySignature(key, message, signature)
}

/**
 * Whether `key` may be registered: canonically encoded and of prime order. With any other key its owner could make a
 * signature that some verifiers accept and others refuse, and later repudiate it.
 */
export function isAcceptableSignKey(key: SignKey): boolean {
  try {
    const point = ed25519.Point.fromBytes(nameBytes(key), false)
    return !point.isSmallOrder() && point.isTorsionFree()
  } catch {
    // The decoder's only way to say "not a canonical point" is to throw.
    return false
  }
}

function verifyZip215(key: SignKey, message: Uint8Array, signature: Uint8Array): boolean {
  return ed25519.verify(signature, message, nameBytes(key), { zip215: true })
}

function nativeVerify(key: KeyObject, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  return new Promise((resolve, reject) => {
    nodeVerify(null, message, key, signature, (error, valid) => (error === null ? resolve(valid) : reject(error)))
  })
}

/** Imported keys, the least recently used dropped beyond `keysMax`. */
function createKeyCache(keysMax: number): (key: SignKey) => KeyObject {
  const cached = new Map<SignKey, KeyObject>()
  return (key) => {
    const object = cached.get(key) ?? publicKeyObject('ed25519', nameBytes(key))
    cached.delete(key)
    cached.set(key, object)
    if (cached.size > keysMax) cached.delete(cached.keys().next().value as SignKey)
    return object
  }
}

/** Hands out `count` slots in the order of asking; each is given back by calling what was handed out. */
function createSlots(count: number): () => Promise<() => void> {
  const waiting: (() => void)[] = []
  let head = 0
  let taken = 0
  const release = () => {
    const next = waiting[head]
    if (next === undefined) {
      taken -= 1
      return
    }
    head += 1
    // Under a steady backlog the list never empties, so what was served is cut off now and then.
    if (head === waiting.length || head === 1024) {
      waiting.splice(0, head)
      head = 0
    }
    next()
  }
  return async () => {
    if (taken < count) taken += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    return release
  }
}
