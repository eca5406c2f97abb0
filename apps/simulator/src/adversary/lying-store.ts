/**
 * A hospital's store that claims one acknowledgement too many: where the chain says that `holder` opened a transmission, it
 * says that this hospital opened it as well. On that state the forged hand-off is permitted, so the daemon's own, honest
 * code takes it in, builds it into a block when it leads, signs that one block, journals the vote and serves the body.
 * What is written goes to the disk as it is.
 */
import type { MemberId } from '@wardline/codec'
import { stateKeys } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import type { Forgery } from './forgery.ts'

/** Where a chain's store keeps the ledger's state (the layout of package `node`). */
const STATE = 'state/'

export function lyingStore(store: KeyValueStore, self: MemberId, { via, holder }: Forgery): KeyValueStore {
  const claimed = STATE + stateKeys.acknowledgement(via, self)
  const real = STATE + stateKeys.acknowledgement(via, holder)
  return {
    get: (key) => store.get(key === claimed ? real : key),
    write: (writes, options) => store.write(writes, options),
    purge: (keys, isSpared) => store.purge(keys, isSpared),
    range: (options) => store.range(options),
    close: () => store.close()
  }
}
