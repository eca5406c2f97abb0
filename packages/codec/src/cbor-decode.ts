/** Canonical CBOR to values; what that is says cbor.ts. One pass both checks and builds, so nothing is encoded to compare. */
import { isUtf8 } from 'node:buffer'
import { type CborValue, major, simple } from './cbor.ts'
import { limits } from './limits.ts'

type Input = { readonly bytes: Uint8Array; offset: number; items: number }

/** What stands for a value where the bytes hold none. */
const fault = undefined

/**
 * Decodes bytes that must be the canonical encoding of what they say. The result shares no memory with `bytes`.
 * @returns undefined for anything else: malformed, not canonical, deeper than `limits.cborDepthMax`, of more than
 *   `limits.cborItemsMax` items, floats, tags,
 *   integers beyond ±(2^53 - 1), text that begins with a byte order mark
 */
export function decodeCbor(bytes: Uint8Array): CborValue | undefined {
  const input = { bytes, offset: 0, items: 0 }
  const value = readItem(input, 0)
  return input.offset === bytes.length ? value : fault
}

function readItem(input: Input, depth: number): CborValue | undefined {
  const head = takeHead(input)
  if (head === undefined) return fault
  const type = head >> 5
  if (type > major.map) return simpleValue(head)
  const argument = readArgument(input, head)
  if (argument === undefined) return fault
  switch (type) {
    case major.natural:
      return argument <= Number.MAX_SAFE_INTEGER ? argument : fault
    case major.negative:
      return argument < Number.MAX_SAFE_INTEGER ? -1 - argument : fault
    case major.bytes:
      return readBytes(input, argument)
    case major.text:
      return readText(input, argument)
    case major.list:
      return readList(input, argument, depth)
    default:
      return readMap(input, argument, depth)
  }
}

/** The first byte of the next item. Keys count like other items. */
function takeHead(input: Input): number | undefined {
  input.items += 1
  const head = input.items > limits.cborItemsMax ? fault : input.bytes[input.offset]
  input.offset += 1
  return head
}

/** What a head says with the bytes after it, refused unless it could not have been shorter. */
function readArgument(input: Input, head: number): number | undefined {
  const info = head & 31
  if (info < 24) return info
  if (info > 27) return fault
  const width = 1 << (info - 24)
  if (width > input.bytes.length - input.offset) return fault
  let argument = 0
  for (let i = 0; i < width; i++) argument = argument * 256 + (input.bytes[input.offset + i] as number)
  input.offset += width
  return argument >= (width === 1 ? 24 : 2 ** (width * 4)) ? argument : fault
}

function simpleValue(head: number): null | boolean | undefined {
  if (head === simple.null) return null
  if (head === simple.true) return true
  return head === simple.false ? false : fault
}

function readBytes(input: Input, size: number): Uint8Array | undefined {
  if (size > input.bytes.length - input.offset) return fault
  const start = input.offset
  input.offset += size
  return new Uint8Array(input.bytes.subarray(start, input.offset))
}

function readText(input: Input, size: number): string | undefined {
  const { bytes, offset: start } = input
  if (size > bytes.length - start) return fault
  const end = start + size
  input.offset = end
  let at = start
  while (at < end && (bytes[at] as number) < 0x80) at += 1
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, size)
  if (at === end) return text.toString('latin1')
  if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) return fault
  return isUtf8(text) ? text.toString('utf8') : fault
}

/**
 * Keys read lately, each where its length and its ends lead: they are few and come again and again, and to compare is cheaper
 * than to make a string and look it up as a property.
 */
const known: string[] = new Array(1024).fill('')
const KNOWN_BYTES_MAX = 24

function readKey(input: Input, size: number): string | undefined {
  const { bytes, offset: start } = input
  if (size === 0 || size > KNOWN_BYTES_MAX || size > bytes.length - start) return readText(input, size)
  const place = (size * 37 + (bytes[start] as number) * 11 + (bytes[start + size - 1] as number)) & 1023
  const key = known[place] as string
  if (key.length === size) {
    let at = 0
    while (at < size && key.charCodeAt(at) === bytes[start + at]) at += 1
    if (at === size) {
      input.offset = start + size
      return key
    }
  }
  const text = readText(input, size)
  // One of other letters has fewer characters than bytes.
  if (text?.length === size) known[place] = text
  return text
}

function readList(input: Input, count: number, depth: number): readonly CborValue[] | undefined {
  if (count > input.bytes.length - input.offset || (count > 0 && depth === limits.cborDepthMax)) return fault
  const list: CborValue[] = []
  for (let i = 0; i < count; i++) {
    const item = readItem(input, depth + 1)
    if (item === undefined) return fault
    list.push(item)
  }
  return list
}

function readMap(input: Input, count: number, depth: number): { readonly [key: string]: CborValue } | undefined {
  if (count * 2 > input.bytes.length - input.offset || (count > 0 && depth === limits.cborDepthMax)) return fault
  const map: { [key: string]: CborValue } = {}
  let last = { start: 0, end: 0 }
  for (let i = 0; i < count; i++) {
    const head = takeHead(input)
    if (head === undefined || head >> 5 !== major.text) return fault
    const size = readArgument(input, head)
    if (size === undefined) return fault
    const start = input.offset
    const key = readKey(input, size)
    if (key === undefined || (i > 0 && !follows(input.bytes, last, { start, end: start + size }))) return fault
    last = { start, end: start + size }
    const item = readItem(input, depth + 1)
    if (item === undefined) return fault
    if (key === '__proto__')
      Object.defineProperty(map, key, { value: item, enumerable: true, configurable: true, writable: true })
    else map[key] = item
  }
  return map
}

type Range = { readonly start: number; readonly end: number }

/** Whether the second key comes after the first: it is longer, or of the same length with greater bytes. */
function follows(bytes: Uint8Array, first: Range, second: Range): boolean {
  const size = second.end - second.start
  const longer = size - (first.end - first.start)
  if (longer !== 0) return longer > 0
  for (let i = 0; i < size; i++) {
    const greater = (bytes[second.start + i] as number) - (bytes[first.start + i] as number)
    if (greater !== 0) return greater > 0
  }
  return false
}
