/**
 * Readers that turn decoded CBOR into typed values, once, at the edge. A reader answers undefined for a value of another
 * shape and never throws, so a parse function is one reader and one `=== undefined`. Build readers once, at module level.
 *
 *     const readSend = mapOf({ record: bytes32<RecordId>, receivers: arrayOf(readReceiver, 1, 256), note: optional(text(64)) })
 *     const send = readSend(decodeCbor(bytes))
 */

import { toHex } from './bytes.ts'
import type { CborValue } from './cbor.ts'
import { decodeCbor } from './cbor-decode.ts'
import { assert } from './errors.ts'
import { type Height, height, type Name32 } from './ids.ts'

/** @returns the typed value, or undefined where `value` does not have the reader's shape */
export type Reader<T> = (value: CborValue | undefined) => T | undefined

/** What a reader reads: `type Send = Read<typeof readSend>`. */
export type Read<R> = R extends Reader<infer T> ? T : never

/** A field that may be absent; made by `optional`, meaningful only in the shape of `mapOf`. */
export type OptionalField<T> = { readonly optional: Reader<T> }

/** A byte string of 32 bytes, as a name: `bytes32<MemberId>`. */
export function bytes32<T extends Name32>(value: CborValue | undefined): T | undefined {
  return value instanceof Uint8Array && value.length === 32 ? (toHex(value) as string as T) : undefined
}

/** A byte string of `sizeMin` to `sizeMax` bytes; of exactly `sizeMin` if that is all that is given. */
export function bytesOf(sizeMin: number, sizeMax: number = sizeMin): Reader<Uint8Array> {
  return (value) =>
    value instanceof Uint8Array && value.length >= sizeMin && value.length <= sizeMax ? value : undefined
}

/** An integer from 0 to 2^53 - 1. */
export function uint(value: CborValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** The position of a block. */
export function readHeight(value: CborValue | undefined): Height | undefined {
  const number = uint(value)
  return number === undefined ? undefined : height(number)
}

/** An integer from `min` to `max`, both included. */
export function integerFrom(min: number, max: number): Reader<number> {
  return (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined
}

export function bool(value: CborValue | undefined): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** Text of `sizeMin` (1 if not given) to `sizeBytesMax` bytes of UTF-8. */
export function text(sizeBytesMax: number, sizeMin = 1): Reader<string> {
  return (value) => {
    if (typeof value !== 'string' || value.length > sizeBytesMax) return undefined
    const size = Buffer.byteLength(value)
    return size >= sizeMin && size <= sizeBytesMax ? value : undefined
  }
}

/** One of the given texts or integers: `oneOf('granted', 'refused')`, `oneOf(1)`. */
export function oneOf<const T extends string | number>(...allowed: readonly T[]): Reader<T> {
  return (value) => (allowed.includes(value as T) ? (value as T) : undefined)
}

/** What `read` reads, or null. */
export function nullable<T>(read: Reader<T>): Reader<T | null> {
  return (value) => (value === null ? null : read(value))
}

/** A list of `countMin` to `countMax` items that `read` all reads. Order and repetition are for the caller to judge. */
export function arrayOf<T>(read: Reader<T>, countMin: number, countMax: number): Reader<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length < countMin || value.length > countMax) return undefined
    const items: T[] = []
    for (const raw of value) {
      const item = read(raw)
      if (item === undefined) return undefined
      items.push(item)
    }
    return items
  }
}

/** Marks a field of `mapOf` that may be absent; the value read then lacks the key. */
export function optional<T>(read: Reader<T>): OptionalField<T> {
  return { optional: read }
}

type Shape = Readonly<Record<string, Reader<unknown> | OptionalField<unknown>>>
type Required<S extends Shape> = { readonly [K in keyof S as S[K] extends Reader<unknown> ? K : never]: Read<S[K]> }
type Optional<S extends Shape> = {
  readonly [K in keyof S as S[K] extends OptionalField<unknown> ? K : never]?: S[K] extends OptionalField<infer T>
    ? T
    : never
}
/** The value that a map of shape `S` reads as. */
export type MapOf<S extends Shape> = { [K in keyof (Required<S> & Optional<S>)]: (Required<S> & Optional<S>)[K] }

/** A map with exactly the keys of `shape`, `optional` ones aside, each read by its reader. */
export function mapOf<const S extends Shape>(shape: S): Reader<MapOf<S>> {
  const fields = Object.entries(shape).map(([name, field]) =>
    typeof field === 'function'
      ? { name, read: field, required: true }
      : { name, read: field.optional, required: false }
  )
  return (value) => {
    if (!isMap(value)) return undefined
    const result: Record<string, unknown> = {}
    let present = 0
    for (const { name, read, required } of fields) {
      const raw = Object.hasOwn(value, name) ? value[name] : undefined
      if (raw === undefined) {
        if (required) return undefined
        continue
      }
      const field = read(raw)
      if (field === undefined) return undefined
      result[name] = field
      present += 1
    }
    return present === sizeOf(value) ? (result as MapOf<S>) : undefined
  }
}

/** How many keys a map has, without a list of them. */
function sizeOf(map: object): number {
  let size = 0
  for (const name in map) if (Object.hasOwn(map, name)) size += 1
  return size
}

/** What this process wrote into its own store, read again; undefined where there is nothing. @throws AssertionError if it is malformed */
export function decodeStored<T>(bytes: Uint8Array, read: Reader<T>): T
export function decodeStored<T>(bytes: Uint8Array | undefined, read: Reader<T>): T | undefined
export function decodeStored<T>(bytes: Uint8Array | undefined, read: Reader<T>): T | undefined {
  if (bytes === undefined) return undefined
  const value = read(decodeCbor(bytes))
  assert(value !== undefined, 'a stored value is well formed')
  return value
}

function isMap(value: CborValue | undefined): value is { readonly [key: string]: CborValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}
