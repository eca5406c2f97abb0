/**
 * The canonical encoding of everything that is hashed, signed or stored: DAG-CBOR (RFC 8949 with one encoding per value)
 * without floats, tags, links and large integers. Heads are as short as they can be, lengths definite, the keys of a map are
 * texts, each once, shorter ones first and those of one length by their bytes of UTF-8.
 */

/** What canonical CBOR may hold here. Numbers are integers within ±(2^53 - 1); there are no floats and no CIDs. */
export type CborValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue }

/** The upper three bits of an item's first byte. The lower five are its argument, or say how many bytes of it follow. */
export const major = { natural: 0, negative: 1, bytes: 2, text: 3, list: 4, map: 5 } as const

/** The items of major type 7 that may occur: each is this one byte. */
export const simple = { false: 0xf4, true: 0xf5, null: 0xf6 } as const

/** First character of a text, or of a key, that many decoders drop: no text here begins with it. */
export const BYTE_ORDER_MARK = 0xfeff
