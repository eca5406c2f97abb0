/**
 * How long a leader lets a block fill before it builds it. A block costs every daemon the same whatever is in it: messages,
 * signatures, fsyncs. Under load fewer and larger blocks leave more of the machine to the transactions. No rule depends on
 * it, and voters cannot tell (docs/adr/0012-blocks-that-fill-under-load.md).
 */

/** After a block with at most this many transactions the next one is built at once, so that a few clients never wait. */
const LIGHT_TRANSACTIONS = 4
/** For each transaction above that, milliseconds: about what it costs a daemon. */
const FILL_MS = 1
/** Far below every view timer. */
export const FILL_MS_MAX = 60

/** @param parentTransactions how many are in the block that the new one follows */
export function fillMs(parentTransactions: number): number {
  return Math.min(Math.max(0, parentTransactions - LIGHT_TRANSACTIONS) * FILL_MS, FILL_MS_MAX)
}
