/**
 * The canonical encoding of everything that is hashed, signed or stored: DAG-CBOR. What arrives is decoded strictly and
 * encoded again; bytes that differ are refused, because decoders' strict modes accept unsorted keys and long numbers.
 */
import { decode, encode } from '@ipld/dag-cbor'
import { bytesEqual } from './bytes.ts'
import { limits } from './limits.ts'

/** What canonical CBOR may hold here. Numbers are integers within ±(2^53 - 1); there are no floats and no CIDs. */
export type CborValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue }

/**
 * Encodes canonically; `decodeCbor` takes back all that this returns. A lone surrogate in a text becomes U+FFFD.
 * @throws TypeError for a number that is not an integer within ±(2^53 - 1), for nesting beyond `limits.cborDepthMax`, and
 *   for a text that begins with a byte order mark, which the decoder would lose
 */
export function encodeCbor(value: CborValue): Uint8Array {
  // The encoder may hand out a view of Node's shared buffer pool, which would pin 64 KiB for as long as it is kept.
  const bytes = new Uint8Array(encode(value))
  if (!isPlain(bytes)) throw new TypeError('expected integers, nesting and text that canonical CBOR can hold')
  return bytes
}

/**
 * Decodes bytes that must be the canonical encoding of what they say. The result shares no memory with `bytes`.
 * @returns undefined for anything else: malformed, not canonical, deeper than `limits.cborDepthMax`, of more than
 *   `limits.cborItemsMax` items, floats, tags,
 *   integers beyond ±(2^53 - 1), text that begins with a byte order mark
 */
export function decodeCbor(bytes: Uint8Array): CborValue | undefined {
  if (!isPlain(bytes)) return undefined
  try {
    const value = decode<CborValue>(bytes)
    return bytesEqual(encode(value), bytes) ? value : undefined
  } catch {
    // The decoder's only way to say "malformed" is to throw; nothing else can fail in it.
    return undefined
  }
}

/**
 * Walks the item heads without building anything: refuses indefinite lengths, tags, floats, integers that a number does
 * not hold exactly, byte order marks, nesting or items beyond the limits and lengths beyond the input, so that the decoder
 * never recurses deeply, nor allocates for a length that is not there, nor for a flood of tiny items.
 */
function isPlain(bytes: Uint8Array): boolean {
  const open: number[] = []
  let offset = 0
  let items = 0
  do {
    items += 1
    if (items > limits.cborItemsMax) return false
    const head = bytes[offset]
    if (head === undefined) return false
    offset += 1
    const major = head >> 5
    const info = head & 31
    let argument = info
    if (info >= 24) {
      if (info > 27) return false
      const width = 1 << (info - 24)
      if (offset + width > bytes.length) return false
      argument = 0
      for (let i = 0; i < width; i++) argument = argument * 256 + (bytes[offset + i] as number)
      offset += width
    }
    let children = 0
    if (major < 2) {
      // A negative integer is -1 - argument.
      if (argument > Number.MAX_SAFE_INTEGER - major) return false
    } else if (major === 2 || major === 3) {
      if (argument > bytes.length - offset) return false
      if (major === 3 && argument >= 3 && startsWithByteOrderMark(bytes, offset)) return false
      offset += argument
    } else if (major === 4 || major === 5) {
      if (argument > bytes.length - offset) return false
      children = major === 4 ? argument : argument * 2
    } else if (major === 6) {
      return false
    } else if (major === 7 && (info < 20 || info > 22)) {
      return false
    }
    if (children > 0) {
      open.push(children)
      if (open.length > limits.cborDepthMax) return false
    } else {
      while (open.length > 0) {
        const left = (open.pop() as number) - 1
        if (left > 0) {
          open.push(left)
          break
        }
      }
    }
  } while (open.length > 0)
  return offset === bytes.length
}

function startsWithByteOrderMark(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === 0xef && bytes[offset + 1] === 0xbb && bytes[offset + 2] === 0xbf
}
