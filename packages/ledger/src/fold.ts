/** What the other packages fold over: committed blocks. */
import type { Digest } from '@wardline/codec'
import type { Header } from '@wardline/consensus'
import type { Change, StateView } from './overlay.ts'
import type { ParsedTransaction } from './transaction.ts'

export type CommittedBlock = {
  readonly header: Header
  readonly digest: Digest
  readonly transactions: readonly ParsedTransaction[]
  /** The block's changes of state, as in the changes root. */
  readonly changes: readonly Change[]
}

/**
 * Derives what one block changes in a derived table, to be written with the block as one batch. `reader` sees the table as
 * it is before the block and the state after it. Pure: folding the same blocks again gives the same table.
 */
export type Fold = (reader: StateView, block: CommittedBlock) => readonly Change[]
