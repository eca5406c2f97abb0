/** Randomness comes from outside, so that a simulated world can seed it. */
export interface Random {
  /** `size` unpredictable bytes, 0 <= size <= 65,536; the caller owns them. @throws RangeError for any other size */
  bytes(size: number): Uint8Array
}
