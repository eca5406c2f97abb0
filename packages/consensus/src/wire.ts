/**
 * Fixed-width big-endian reading and writing, shared by messages, headers and journal records. A reader never throws and
 * never reads past its end: after the first failure it yields zeros and `complete()` is false, so a parser is straight
 * code with one check at its end. Loops over a count must ask `remaining()` or `ok()` first.
 */
import { toHex, writeHex } from '@wardline/codec'

export type Reader = {
  u8(): number
  u32(): number
  /** An unsigned 64-bit number; fails above 2^53 - 1. */
  u64(): number
  /** 32 bytes as lower-case hex. */
  name<T extends string>(): T
  /** A copy of the next `size` bytes. */
  bytes(size: number): Uint8Array
  remaining(): number
  fail(): void
  ok(): boolean
  /** Whether everything was read and nothing failed. */
  complete(): boolean
}

const EMPTY = new Uint8Array(0)
const ZERO_NAME = '00'.repeat(32)

export function createReader(input: Uint8Array): Reader {
  const data = new DataView(input.buffer, input.byteOffset, input.byteLength)
  let offset = 0
  let failed = false

  const take = (size: number): number => {
    if (failed || size > input.length - offset) {
      failed = true
      return -1
    }
    const at = offset
    offset += size
    return at
  }

  return {
    u8() {
      const at = take(1)
      return at < 0 ? 0 : data.getUint8(at)
    },
    u32() {
      const at = take(4)
      return at < 0 ? 0 : data.getUint32(at)
    },
    u64() {
      const at = take(8)
      if (at < 0) return 0
      const value = data.getUint32(at) * 0x1_0000_0000 + data.getUint32(at + 4)
      if (!Number.isSafeInteger(value)) failed = true
      return failed ? 0 : value
    },
    name<T extends string>() {
      const at = take(32)
      return (at < 0 ? ZERO_NAME : toHex(input.subarray(at, at + 32))) as T
    },
    bytes(size) {
      const at = take(size)
      // Not `slice`: of a Buffer that is a view, which would keep the whole message alive.
      return at < 0 ? EMPTY : new Uint8Array(input.subarray(at, at + size))
    },
    remaining: () => (failed ? 0 : input.length - offset),
    fail() {
      failed = true
    },
    ok: () => !failed,
    complete: () => !failed && offset === input.length
  }
}

export type Writer = {
  u8(value: number): void
  u32(value: number): void
  u64(value: number): void
  /** The 32 bytes of a lower-case hex name. */
  name(value: string): void
  bytes(value: Uint8Array): void
  /** What was written; the last call. */
  done(): Uint8Array
}

export function createWriter(sizeHint = 256): Writer {
  let output = new Uint8Array(sizeHint)
  let data = new DataView(output.buffer)
  let offset = 0

  const grow = (size: number): number => {
    const at = offset
    offset += size
    if (offset > output.length) {
      const larger = new Uint8Array(Math.max(offset, output.length * 2))
      larger.set(output)
      output = larger
      data = new DataView(output.buffer)
    }
    return at
  }

  return {
    u8(value) {
      const at = grow(1)
      data.setUint8(at, value)
    },
    u32(value) {
      const at = grow(4)
      data.setUint32(at, value)
    },
    u64(value) {
      const at = grow(8)
      data.setUint32(at, Math.floor(value / 0x1_0000_0000))
      data.setUint32(at + 4, value >>> 0)
    },
    name(value) {
      const at = grow(32)
      writeHex(output, at, value)
    },
    bytes(value) {
      const at = grow(value.length)
      output.set(value, at)
    },
    done: () => (offset === output.length ? output : output.slice(0, offset))
  }
}
