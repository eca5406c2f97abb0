/**
 * Branded names of things. A 32-byte name is a lower-case hex string in memory (it is a map key, a log field and a JSON
 * value far more often than it is bytes) and a 32-byte string on the wire. Signatures, secrets and content stay `Uint8Array`.
 */

import { toHex } from './bytes.ts'

declare const brand: unique symbol

/** A `T` that only the named constructor may make. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** SHA-256 of a chain's genesis document without its signatures. */
export type ChainId = Brand<string, 'ChainId'>
/** Names a member for good: the tagged hash of its first signing key. */
export type MemberId = Brand<string, 'MemberId'>
/** Names what a transaction says; several signatures over one id are possible. */
export type TransactionId = Brand<string, 'TransactionId'>
/** Names one signed transaction: the hash of its whole signed bytes. */
export type Leaf = Brand<string, 'Leaf'>
/** Names a record within a chain. */
export type RecordId = Brand<string, 'RecordId'>
/** Names a block: the hash of its header. */
export type Digest = Brand<string, 'Digest'>
/** A tagged hash of any other kind (a root, a commitment). */
export type Hash = Brand<string, 'Hash'>
/** An Ed25519 public key, 32 bytes. */
export type SignKey = Brand<string, 'SignKey'>
/** One patient on one chain, in one scope: an Ed25519 public key of the patient's wallet, which is its name as well. */
export type Alias = Brand<string, 'Alias'>
/** One signed request for records: the hash of what it asks. */
export type RequestId = Brand<string, 'RequestId'>
/** An X25519 public key, 32 bytes. */
export type SealKey = Brand<string, 'SealKey'>
/** What an envelope's content is encrypted under, 32 bytes; a secret until a receiver reveals it. */
export type ContentKey = Brand<string, 'ContentKey'>

/** Position of a block in the chain; genesis is 0. */
export type Height = Brand<number, 'Height'>
/** Period with a fixed validator set. */
export type Epoch = Brand<number, 'Epoch'>
/** Attempt at a block within an epoch, from 1. */
export type View = Brand<number, 'View'>

const HEX_32 = /^[0-9a-f]{64}$/

/** Whether `text` is exactly 32 bytes in lower-case hex. */
export function isHex32(text: unknown): text is string {
  return typeof text === 'string' && HEX_32.test(text)
}

/**
 * Takes 32 bytes, or their 64 lower-case hex digits, as a 32-byte name of the wanted kind.
 * @throws TypeError if it is neither
 */
export function name32<T extends Name32>(value: Uint8Array | string): T {
  const hex = typeof value === 'string' ? value : toHex(value)
  if (!HEX_32.test(hex)) throw new TypeError('expected 32 bytes as lower-case hex')
  return hex as T
}

/** Every kind of 32-byte name. */
export type Name32 =
  | ChainId
  | MemberId
  | TransactionId
  | Leaf
  | RecordId
  | RequestId
  | Digest
  | Hash
  | SignKey
  | SealKey
  | ContentKey
  | Alias

/** @throws RangeError unless `value` is an integer from 0 to 2^53 - 1 */
export function height(value: number): Height {
  return natural(value) as Height
}

/** @throws RangeError unless `value` is an integer from 0 to 2^53 - 1 */
export function epoch(value: number): Epoch {
  return natural(value) as Epoch
}

/** @throws RangeError unless `value` is an integer from 0 to 2^53 - 1 */
export function view(value: number): View {
  return natural(value) as View
}

function natural(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('expected an integer from 0 to 2^53 - 1')
  return value
}
