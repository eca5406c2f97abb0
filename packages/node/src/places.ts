/** Where a block's transactions lie in its body, so that one can be read without reading all. */
import type { ParsedTransaction } from '@wardline/ledger'

/** Bytes, from the beginning of the encoded body. */
export type Place = { readonly offset: number; readonly size: number }

/** Each transaction of a body lies behind its size in four bytes (`encodeBlockBody`). */
const SIZE_BYTES = 4

export function placesInBody(transactions: readonly Pick<ParsedTransaction, 'bytes'>[]): readonly Place[] {
  let end = 0
  return transactions.map(({ bytes: { length: size } }) => {
    const offset = end + SIZE_BYTES
    end = offset + size
    return { offset, size }
  })
}
