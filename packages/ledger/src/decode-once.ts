import { decodeStored, type Reader } from '@wardline/codec'

/**
 * A decoder of one kind of state row, which decodes the same array once: rules read the author, or a bucket of grants, again
 * and again, and a store that keeps rows answers with the same array. What was decoded stays on the array and goes with it; a
 * WeakMap would too, but one of many short-lived arrays makes every collection of garbage several times longer.
 * @returns a function that throws an AssertionError if its argument is no such row
 */
export function decodingOnce<T extends object>(read: Reader<T>): (row: Uint8Array) => T {
  const decoded = Symbol('decoded')
  return (row: Uint8Array & { [decoded]?: T }) => {
    row[decoded] ??= decodeStored(row, read)
    return row[decoded]
  }
}
