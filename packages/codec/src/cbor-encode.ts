/** Values to canonical CBOR; what that is says cbor.ts. */
import { BYTE_ORDER_MARK, type CborValue, major, simple } from './cbor.ts'
import { limits } from './limits.ts'

type Writer = { bytes: Uint8Array; size: number; items: number }

/** Where every encoding begins, for nothing else runs meanwhile; a large one moves to twice the room as often as it must. */
const room = new Uint8Array(4096)
const HEAD_BYTES_MAX = 9

/**
 * Encodes canonically; `decodeCbor` takes back all that this returns. A lone surrogate in a text becomes U+FFFD.
 * @throws TypeError for a number that is not an integer within ±(2^53 - 1), for nesting beyond `limits.cborDepthMax`, for
 *   more than `limits.cborItemsMax` items, for a text that begins with a byte order mark, for two keys of a map that are one
 *   in UTF-8, and for what is no `CborValue`
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = { bytes: room, size: 0, items: 0 }
  try {
    writeItem(writer, value, 0)
    return writer.bytes.slice(0, writer.size)
  } finally {
    wipe(writer)
  }
}

/** Some values are secrets. */
function wipe({ bytes, size }: Writer): void {
  bytes.fill(0, 0, size)
}

function writeItem(writer: Writer, value: CborValue, depth: number): void {
  countItem(writer)
  if (typeof value === 'string') writeText(writer, value)
  else if (typeof value === 'number') writeInteger(writer, value)
  else if (typeof value === 'boolean') writeByte(writer, value ? simple.true : simple.false)
  else if (value === null) writeByte(writer, simple.null)
  else if (value instanceof Uint8Array) writeBytes(writer, value)
  else if (Array.isArray(value)) {
    writeHead(writer, major.list, value.length)
    if (value.length > 0 && depth === limits.cborDepthMax) throw new TypeError('expected less nesting')
    for (const item of value) writeItem(writer, item, depth + 1)
  } else writeMap(writer, value as { readonly [key: string]: CborValue }, depth)
}

function writeMap(writer: Writer, map: { readonly [key: string]: CborValue }, depth: number): void {
  const prototype = typeof map === 'object' ? Object.getPrototypeOf(map) : undefined
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('expected a plain object')
  const names = Object.keys(map)
  writeHead(writer, major.map, names.length)
  if (names.length > 0 && depth === limits.cborDepthMax) throw new TypeError('expected less nesting')
  for (const name of inOrder(names)) {
    countItem(writer)
    writeText(writer, name)
    writeItem(writer, map[name] as CborValue, depth + 1)
  }
}

/** Canonical order: by insertion, for they are few and mostly in it, or almost. */
function inOrder(names: string[]): readonly string[] {
  for (const name of names) if (!isAscii(name)) return sortUtf8(names)
  if (names.length > INSERTED_MAX) return names.sort(byLength)
  for (let i = 1; i < names.length; i++) {
    const name = names[i] as string
    let at = i
    for (; at > 0 && byLength(names[at - 1] as string, name) > 0; at--) names[at] = names[at - 1] as string
    names[at] = name
  }
  return names
}

/** Beyond it, insertion would take time that grows with the square. */
const INSERTED_MAX = 32

/** The order of keys, for texts of ASCII. */
function byLength(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1)
}

function sortUtf8(names: readonly string[]): string[] {
  const keys = names.map((name) => ({ name, bytes: Buffer.from(name) }))
  keys.sort((a, b) => {
    const order = a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes)
    if (order === 0) throw new TypeError('expected keys that differ in UTF-8')
    return order
  })
  return keys.map(({ name }) => name)
}

function writeInteger(writer: Writer, value: number): void {
  if (!Number.isSafeInteger(value)) throw new TypeError('expected an integer within ±(2^53 - 1)')
  if (value >= 0) writeHead(writer, major.natural, value)
  else writeHead(writer, major.negative, -1 - value)
}

function writeBytes(writer: Writer, bytes: Uint8Array): void {
  writeHead(writer, major.bytes, bytes.length)
  append(writer, bytes)
}

function append(writer: Writer, bytes: Uint8Array): void {
  reserve(writer, bytes.length)
  writer.bytes.set(bytes, writer.size)
  writer.size += bytes.length
}

function writeText(writer: Writer, text: string): void {
  if (text.charCodeAt(0) === BYTE_ORDER_MARK) throw new TypeError('expected a text without a byte order mark')
  if (!isAscii(text)) {
    const bytes = Buffer.from(text)
    writeHead(writer, major.text, bytes.length)
    append(writer, bytes)
    return
  }
  writeHead(writer, major.text, text.length)
  reserve(writer, text.length)
  const { bytes } = writer
  for (let i = 0; i < text.length; i++) bytes[writer.size++] = text.charCodeAt(i)
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false
  return true
}

function writeHead(writer: Writer, type: number, argument: number): void {
  reserve(writer, HEAD_BYTES_MAX)
  if (argument < 24) {
    writeByte(writer, (type << 5) | argument)
    return
  }
  const widthLog = argument < 0x100 ? 0 : argument < 0x1_0000 ? 1 : argument < 0x1_0000_0000 ? 2 : 3
  writeByte(writer, (type << 5) | (24 + widthLog))
  for (let byte = (1 << widthLog) - 1; byte >= 0; byte--) {
    writeByte(writer, byte < 4 ? argument >>> (8 * byte) : (argument / 0x1_0000_0000) >>> (8 * (byte - 4)))
  }
}

function writeByte(writer: Writer, byte: number): void {
  reserve(writer, 1)
  writer.bytes[writer.size++] = byte
}

function reserve(writer: Writer, count: number): void {
  if (writer.size + count <= writer.bytes.length) return
  const grown = new Uint8Array(Math.max(writer.size + count, writer.bytes.length * 2))
  grown.set(writer.bytes.subarray(0, writer.size))
  wipe(writer)
  writer.bytes = grown
}

/** Keys count like other items. */
function countItem(writer: Writer): void {
  writer.items += 1
  if (writer.items > limits.cborItemsMax) throw new TypeError('expected fewer items')
}
