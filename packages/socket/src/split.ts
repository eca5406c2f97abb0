/**
 * Splits a stream of bytes into JSON messages where their brackets close, because a client need not end them with a line.
 * What is between the brackets is not judged here.
 */

export type Piece =
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  /** Bytes outside of any message that no message begins with. Nothing after it is read. */
  | { readonly kind: 'garbage' }
  /** A message of more than `bytesMax`. Nothing after it is read. */
  | { readonly kind: 'too-large' }

export type Splitter = {
  /** The messages that end with this chunk, in order. */
  push(chunk: Buffer): readonly Piece[]
  /** How much of a message that has not ended is held, bytes. */
  pendingBytes(): number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

export function createSplitter(bytesMax: number): Splitter {
  /** Of the message that has begun. */
  let parts: Buffer[] = []
  let size = 0
  let depth = 0
  let isInString = false
  let isEscaped = false
  let isOver = false

  function end(kind: 'garbage' | 'too-large'): Piece {
    isOver = true
    parts = []
    size = 0
    return { kind }
  }

  /** Whether the message ends with this byte. */
  function closes(byte: number): boolean {
    if (isEscaped) isEscaped = false
    else if (byte === QUOTE) isInString = !isInString
    else if (isInString) isEscaped = byte === BACKSLASH
    else if (isOpening(byte)) depth += 1
    else if (byte === 0x7d || byte === 0x5d) depth -= 1
    return depth === 0
  }

  return {
    push(chunk) {
      const pieces: Piece[] = []
      /** Where the message that has not ended begins within this chunk. */
      let start = 0
      for (let index = 0; index < chunk.length && !isOver; index++) {
        const byte = chunk[index] as number
        if (depth === 0) {
          if (isSpace(byte)) continue
          if (!isOpening(byte)) {
            pieces.push(end('garbage'))
            continue
          }
          start = index
        }
        if (!closes(byte)) continue
        parts.push(chunk.subarray(start, index + 1))
        size += index + 1 - start
        if (size > bytesMax) {
          pieces.push(end('too-large'))
          continue
        }
        pieces.push({ kind: 'message', bytes: parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts) })
        parts = []
        size = 0
      }
      if (depth > 0 && !isOver) {
        parts.push(chunk.subarray(start))
        size += chunk.length - start
        if (size > bytesMax) pieces.push(end('too-large'))
      }
      return pieces
    },
    pendingBytes: () => size
  }
}

export function isOpening(byte: number): boolean {
  return byte === 0x7b || byte === 0x5b
}

/** Whitespace of JSON. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
