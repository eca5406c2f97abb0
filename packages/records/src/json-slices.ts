/**
 * Finds where the parts of a JSON text lie, without building values: a record must stay the exact bytes that were received,
 * and `JSON.parse` followed by `JSON.stringify` turns 0.10 into 0.1. One pass, strict RFC 8259 grammar, bounded nesting.
 *
 * A cursor moves over the bytes. Every function answers whether what it looked for was there; after a `false` the cursor
 * holds the fault and the text is given up.
 */
import { limits } from '@wardline/codec'

/** `bytes[start]` up to, without, `bytes[end]`. */
export type ByteRange = { readonly start: number; readonly end: number }

export type JsonFault = { readonly code: 'malformed-json' | 'too-deep' | 'duplicate-key'; readonly at: number }

export type Cursor = { readonly bytes: Uint8Array; at: number; fault: JsonFault | undefined }

/** A cursor at the first byte that is neither a byte order mark nor white space. */
export function openJson(bytes: Uint8Array): Cursor {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  const cursor: Cursor = { bytes, at: hasMark ? 3 : 0, fault: undefined }
  skipSpace(cursor)
  return cursor
}

/** Moves over one value of any kind; `depth` counts the arrays and objects around it. */
export function skipValue(cursor: Cursor, depth: number): boolean {
  switch (cursor.bytes[cursor.at]) {
    case OBJECT:
      return eachMember(cursor, depth, undefined)
    case ARRAY:
      return eachItem(cursor, depth, () => skipValue(cursor, depth + 1))
    case QUOTE:
      return skipString(cursor)
    case 0x74:
      return skipWord(cursor, TRUE)
    case 0x66:
      return skipWord(cursor, FALSE)
    case 0x6e:
      return skipWord(cursor, NULL)
    case undefined:
      return fail(cursor, 'malformed-json')
    default:
      return skipNumber(cursor)
  }
}

/**
 * Moves over the object at the cursor. `visit` is called with each key, the cursor at its value, and must move over that
 * value; a key that comes twice is a fault then, because readers disagree about which one counts. Without `visit` the
 * members are moved over unread.
 */
export function eachMember(cursor: Cursor, depth: number, visit: ((key: string) => boolean) | undefined): boolean {
  if (!enter(cursor, OBJECT, depth)) return false
  const keys = new Set<string>()
  if (closes(cursor, OBJECT_END)) return true
  for (;;) {
    const keyAt = cursor.at
    if (!skipString(cursor)) return false
    const keyEnd = cursor.at
    skipSpace(cursor)
    if (cursor.bytes[cursor.at] !== COLON) return fail(cursor, 'malformed-json')
    cursor.at += 1
    skipSpace(cursor)
    if (visit === undefined) {
      if (!skipValue(cursor, depth + 1)) return false
    } else {
      const key = stringAt(cursor.bytes, { start: keyAt, end: keyEnd })
      if (keys.has(key)) return fail(cursor, 'duplicate-key')
      keys.add(key)
      if (!visit(key)) return false
    }
    if (closes(cursor, OBJECT_END)) return true
    if (!separates(cursor)) return false
  }
}

/** Moves over the array at the cursor. `visit` is called with the cursor at each item and must move over it. */
export function eachItem(cursor: Cursor, depth: number, visit: (index: number) => boolean): boolean {
  if (!enter(cursor, ARRAY, depth)) return false
  if (closes(cursor, ARRAY_END)) return true
  for (let index = 0; ; index++) {
    if (!visit(index)) return false
    if (closes(cursor, ARRAY_END)) return true
    if (!separates(cursor)) return false
  }
}

/** Moves over the value at the cursor and says where it lies; undefined after a fault. */
export function takeValue(cursor: Cursor, depth: number): ByteRange | undefined {
  const start = cursor.at
  return skipValue(cursor, depth) ? { start, end: cursor.at } : undefined
}

/** The text of a string value that the scanner has accepted, quotes included in `range`. */
export function stringAt(bytes: Uint8Array, range: ByteRange): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + range.start, range.end - range.start).toString('utf8')
  return text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1)
}

export function startsObject(cursor: Cursor): boolean {
  return cursor.bytes[cursor.at] === OBJECT
}

export function startsArray(cursor: Cursor): boolean {
  return cursor.bytes[cursor.at] === ARRAY
}

export function startsString(cursor: Cursor): boolean {
  return cursor.bytes[cursor.at] === QUOTE
}

/** Space, tab, line feed, carriage return. */
export function skipSpace(cursor: Cursor): void {
  const { bytes } = cursor
  let at = cursor.at
  for (let byte = bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[at]) at += 1
  cursor.at = at
}

const OBJECT = 0x7b
const OBJECT_END = 0x7d
const ARRAY = 0x5b
const ARRAY_END = 0x5d
const QUOTE = 0x22
const COLON = 0x3a
const COMMA = 0x2c
const BACKSLASH = 0x5c
const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const NULL = Buffer.from('null')
/** " \ / b f n r t */
const SHORT_ESCAPES = new Set(Buffer.from('"\\/bfnrt'))

function enter(cursor: Cursor, opening: number, depth: number): boolean {
  if (depth >= limits.jsonDepthMax) return fail(cursor, 'too-deep')
  if (cursor.bytes[cursor.at] !== opening) return fail(cursor, 'malformed-json')
  cursor.at += 1
  return true
}

function closes(cursor: Cursor, closing: number): boolean {
  skipSpace(cursor)
  if (cursor.bytes[cursor.at] !== closing) return false
  cursor.at += 1
  return true
}

function separates(cursor: Cursor): boolean {
  if (cursor.bytes[cursor.at] !== COMMA) return fail(cursor, 'malformed-json')
  cursor.at += 1
  skipSpace(cursor)
  return true
}

function skipString(cursor: Cursor): boolean {
  const { bytes } = cursor
  if (bytes[cursor.at] !== QUOTE) return fail(cursor, 'malformed-json')
  let at = cursor.at + 1
  for (;;) {
    const byte = bytes[at]
    if (byte === QUOTE) break
    if (byte === undefined || byte < 0x20) return fail(cursor, 'malformed-json', at)
    if (byte !== BACKSLASH) {
      at += 1
    } else if (bytes[at + 1] === 0x75) {
      for (let digit = at + 2; digit < at + 6; digit++) {
        if (!isHexDigit(bytes[digit])) return fail(cursor, 'malformed-json', at)
      }
      at += 6
    } else {
      if (!SHORT_ESCAPES.has(bytes[at + 1] ?? 0)) return fail(cursor, 'malformed-json', at)
      at += 2
    }
  }
  cursor.at = at + 1
  return true
}

function skipNumber(cursor: Cursor): boolean {
  const { bytes } = cursor
  let at = cursor.at
  if (bytes[at] === 0x2d) at += 1
  if (bytes[at] === 0x30) {
    at += 1
  } else {
    const end = digitsEnd(bytes, at)
    if (end === at) return fail(cursor, 'malformed-json', at)
    at = end
  }
  if (bytes[at] === 0x2e) {
    const end = digitsEnd(bytes, at + 1)
    if (end === at + 1) return fail(cursor, 'malformed-json', at)
    at = end
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1]
    const from = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1
    const end = digitsEnd(bytes, from)
    if (end === from) return fail(cursor, 'malformed-json', at)
    at = end
  }
  cursor.at = at
  return true
}

function skipWord(cursor: Cursor, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) {
    if (cursor.bytes[cursor.at + i] !== word[i]) return fail(cursor, 'malformed-json')
  }
  cursor.at += word.length
  return true
}

function digitsEnd(bytes: Uint8Array, from: number): number {
  let at = from
  for (let byte = bytes[at]; byte !== undefined && byte >= 0x30 && byte <= 0x39; byte = bytes[at]) at += 1
  return at
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)
}

function fail(cursor: Cursor, code: JsonFault['code'], at = cursor.at): false {
  cursor.fault ??= { code, at }
  return false
}
