/**
 * The one rule by which every Ed25519 signature is judged: ZIP-215. OpenSSL's answers to crafted signatures differ between
 * Node releases, but what it accepts ZIP-215 accepts too; so asking OpenSSL first (fast) and noble's ZIP-215 verifier
 * second (slow, and only after a refusal) is ZIP-215 exactly, on every release. Daemons that judged by different rules
 * would disagree about the chain.
 */
import { verify as nodeVerify } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { nameBytes, type SignKey } from '@wardline/codec'
import { createKeyCache } from './raw-keys.ts'

const SIGNATURE_BYTES = 64

export interface Verifier {
  /**
   * Whether `signature` over `message` is by `key` under ZIP-215. False for a signature that is not 64 bytes; never throws.
   * What is `urgent` goes before everything that waits and is not: a vote never queues behind transactions.
   */
  verify(key: SignKey, message: Uint8Array, signature: Uint8Array, urgency?: Urgency): Promise<boolean>
}

export type Urgency = 'urgent' | 'normal'

export type VerifierOptions = {
  /** Imported keys that are kept for reuse (importing one costs as much as verifying); 1,024 if not given. */
  readonly keysMax?: number
  /**
   * Verifications handed to libuv's pool at once; 8 if not given. The pool has four threads: with as many again in its line
   * none goes to sleep between two of them, which saves a tenth of each (measured). It does the disk's work too, so a vote's
   * fsync waits for two verifications at most, 0.2 ms, and never behind a thousand. What is over waits here in order, so
   * callers bound what they ask for.
   */
  readonly concurrencyMax?: number
}

/** A verifier that works on libuv's pool. A bad signature costs about 1 ms of the main thread: report the peer that sent it. */
export function createVerifier(options: VerifierOptions = {}): Verifier {
  const keys = createKeyCache<SignKey>('ed25519', options.keysMax ?? 1024)
  const concurrencyMax = options.concurrencyMax ?? 8
  const waiting = { urgent: createLine<Job>(), normal: createLine<Job>() }
  let running = 0

  function start(): void {
    if (running === concurrencyMax) return
    const job = waiting.urgent.shift() ?? waiting.normal.shift()
    if (job === undefined) return
    running += 1
    const { key, message, signature, resolve, reject } = job
    nodeVerify(null, message, keys(key), signature, (error, valid) => {
      running -= 1
      start()
      if (error === null) resolve(valid || verifyZip215(key, message, signature))
      else reject(error)
    })
  }

  return {
    verify(key, message, signature, urgency = 'normal') {
      return new Promise((resolve, reject) => {
        if (signature.length !== SIGNATURE_BYTES) return resolve(false)
        waiting[urgency].push({ key, message, signature, resolve, reject })
        start()
      })
    }
  }
}

type Job = {
  readonly key: SignKey
  readonly message: Uint8Array
  readonly signature: Uint8Array
  readonly resolve: (valid: boolean) => void
  readonly reject: (error: Error) => void
}

const sharedKeys = createKeyCache<SignKey>('ed25519', 1024)

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
 * Whether `key` is canonically encoded and of prime order: what a daemon asks of a card, and a genesis of its founders,
 * because under stricter rules than ours signatures of any other key may or may not verify. Costs about 0.8 ms.
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

/**
 * Every encoding with y below the field's prime that decodes to a point of order 1, 2, 4 or 8. The points of order 1 and 2
 * have x = 0, so each has a second encoding, with the sign bit set.
 */
const SMALL_ORDER_KEYS: ReadonlySet<string> = new Set([
  `01${'00'.repeat(31)}`,
  `01${'00'.repeat(30)}80`,
  `ec${'ff'.repeat(30)}7f`,
  `ec${'ff'.repeat(31)}`,
  '00'.repeat(32),
  `${'00'.repeat(31)}80`,
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'
])

/** y is at least the field's prime 2^255 - 19, the sign bit aside. */
const Y_NOT_CANONICAL = /^(?:e[def]|f.)(?:ff){30}[7f]f$/

/**
 * Whether the chain takes `key`: canonically encoded and not of small order. Under the cofactored rule a component of small
 * order beside one of prime order changes no verdict, so a chain need not look for it. That `key` is a point at all is not
 * checked: no signature verifies under one that is not, and every key comes to the chain with a proof of its holder.
 */
export function isUsableSignKey(key: SignKey): boolean {
  return !SMALL_ORDER_KEYS.has(key) && !Y_NOT_CANONICAL.test(key)
}

function verifyZip215(key: SignKey, message: Uint8Array, signature: Uint8Array): boolean {
  return ed25519.verify(signature, message, nameBytes(key), { zip215: true })
}

type Line<T> = { push(item: T): void; shift(): T | undefined }

/** First in, first out, each in constant time. */
function createLine<T>(): Line<T> {
  const waiting: T[] = []
  let head = 0
  return {
    push: (item) => waiting.push(item),
    shift() {
      const next = waiting[head]
      if (next === undefined) return undefined
      head += 1
      // Under a steady backlog the list never empties, so what was served is cut off now and then.
      if (head === waiting.length || head === 1024) {
        waiting.splice(0, head)
        head = 0
      }
      return next
    }
  }
}
