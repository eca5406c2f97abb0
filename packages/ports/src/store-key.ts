/** What a store's adapters share: the form of a key. */
import { assert } from '@wardline/codec'

/** Longer keys are a bug of ours: the longest of the layout is three 32-byte names in hex under a prefix. */
const STORE_KEY_LENGTH_MAX = 512

const VISIBLE_ASCII = /^[\x20-\x7e]+$/

/** @throws AssertionError unless `key` is 1 to 512 printable ASCII characters, so that every adapter orders keys alike */
export function assertStoreKey(key: string): void {
  assert(
    key.length <= STORE_KEY_LENGTH_MAX && VISIBLE_ASCII.test(key),
    'a store key is 1 to 512 printable ASCII characters'
  )
}
