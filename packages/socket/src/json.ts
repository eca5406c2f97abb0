/**
 * Reads JSON from strangers. Beyond RFC 8259 it keeps to I-JSON (RFC 7493), because two readers that disagree on what a
 * text says are a hole: no duplicate keys, no lone surrogates, no integer that a double cannot hold; nor `__proto__`, nor
 * deep nesting.
 */
import { limits } from '@wardline/codec'

export type ParsedJson =
  | { readonly kind: 'ok'; readonly value: unknown }
  /** Not JSON, or not UTF-8. */
  | { readonly kind: 'malformed' }
  /** JSON that is refused; `what` is the end of a sentence and repeats nothing of the text. */
  | { readonly kind: 'refused'; readonly what: string }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Never throws. The caller has bounded the size of `bytes`. */
export function parseJson(bytes: Uint8Array): ParsedJson {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    // The decoder's only way to say "not UTF-8" is to throw.
    return { kind: 'malformed' }
  }
  const flaw = findFlaw(text)
  if (flaw === TOO_DEEP) return { kind: 'refused', what: flaw }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // As above.
    return { kind: 'malformed' }
  }
  if (flaw !== undefined) return { kind: 'refused', what: flaw }
  // UTF-8 cannot carry a lone surrogate, an escape can.
  if (text.includes('\\u') && !isWellFormed(value)) return { kind: 'refused', what: 'holds a lone surrogate' }
  return { kind: 'ok', value }
}

const TOO_DEEP = `nests deeper than ${limits.rpcDepthMax}`

/** What a closing bracket ends; of an object, the keys so far and whether the next string is one. */
type Frame = { readonly keys: Set<string> | undefined; expectsKey: boolean }

const NUMBER = /-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y

/** One pass that builds nothing but key sets. What it says of a text that is not JSON does not matter. */
function findFlaw(text: string): string | undefined {
  const frames: Frame[] = []
  let flaw: string | undefined
  for (let index = 0; index < text.length; ) {
    const frame = frames.at(-1)
    switch (text.charCodeAt(index)) {
      case 0x7b: // {
      case 0x5b: // [
        if (frames.length === limits.rpcDepthMax) return TOO_DEEP
        frames.push(
          text[index] === '{' ? { keys: new Set(), expectsKey: true } : { keys: undefined, expectsKey: false }
        )
        index += 1
        break
      case 0x7d: // }
      case 0x5d: // ]
        frames.pop()
        index += 1
        break
      case 0x2c: // ,
        if (frame !== undefined) frame.expectsKey = true
        index += 1
        break
      case 0x22: {
        const end = endOfString(text, index)
        if (frame?.keys !== undefined && frame.expectsKey) {
          flaw ??= addKey(frame.keys, text.slice(index, end))
          frame.expectsKey = false
        }
        index = end
        break
      }
      case 0x2d:
      case 0x30:
      case 0x31:
      case 0x32:
      case 0x33:
      case 0x34:
      case 0x35:
      case 0x36:
      case 0x37:
      case 0x38:
      case 0x39: {
        NUMBER.lastIndex = index
        const literal = NUMBER.exec(text)?.[0] ?? '-'
        if (!isExact(literal)) flaw ??= 'holds a number that cannot be kept exactly'
        index += literal.length
        break
      }
      default:
        index += 1
    }
  }
  return flaw
}

/** The index behind the closing quote of the string that opens at `start`; the text's end if there is none. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1)
  while (quote !== -1) {
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes += 1
    if (backslashes % 2 === 0) return quote + 1
    quote = text.indexOf('"', quote + 1)
  }
  return text.length
}

function addKey(keys: Set<string>, literal: string): string | undefined {
  let key = literal.slice(1, -1)
  if (key.includes('\\')) {
    try {
      key = JSON.parse(literal)
    } catch {
      // Not JSON; the parser after this pass says so.
      return undefined
    }
  }
  if (key === '__proto__') return 'holds the key __proto__'
  if (keys.has(key)) return 'holds the same key twice'
  keys.add(key)
  return undefined
}

/** Integers written as such must be safe ones; anything else must be finite. */
function isExact(literal: string): boolean {
  const value = Number(literal)
  return /^-?[0-9]+$/.test(literal) ? Number.isSafeInteger(value) : Number.isFinite(value)
}

/** Recursion is bounded by the depth limit that `findFlaw` has already applied. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (Array.isArray(value)) return value.every(isWellFormed)
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([key, inner]) => key.isWellFormed() && isWellFormed(inner))
}
