/**
 * I5, as a reader without a daemon has it: a receipt of a transaction of any epoch verifies with the genesis alone, however
 * often the validators have changed since, and says where the transaction is.
 */
import { type Height, height as heightOf } from '@wardline/codec'
import { verifyReceipt } from '@wardline/ledger'
import type { Chain } from '@wardline/node'
import type { Report } from '../watch.ts'
import type { Epochs } from './epochs.ts'

/** Looks at one transaction of each epoch that has any: of its last block, which ends it, or the newest. @returns how many */
export async function checkReceipts(chain: Chain, epochs: Epochs, report: Report): Promise<number> {
  let verified = 0
  for (let epoch = 0; epoch <= epochs.present(); epoch++) {
    const last = epochs.lastHeight(epoch) ?? chain.head().height
    const first = epoch === 0 ? 1 : (epochs.lastHeight(epoch - 1) ?? 0) + 1
    const found = newestIn(chain, first, last)
    if (found === undefined) continue
    const text = await chain.query.receipt(found.id)
    const verdict = text === undefined ? undefined : verifyReceipt(text, chain.genesis)
    if (verdict?.kind !== 'verified') {
      report('I5', `${chain.self} gives a receipt of ${found.id} of epoch ${epoch} that does not verify`)
    } else if (verdict.height !== found.height) {
      report('I5', `a receipt says that ${found.id} is at height ${verdict.height}, and it is at ${found.height}`)
    } else verified += 1
  }
  return verified
}

function newestIn(chain: Chain, first: number, last: number): { readonly id: Id; readonly height: Height } | undefined {
  for (let at = last; at >= first; at--) {
    const id = chain.query.block(heightOf(at))?.transactions.at(-1)?.id
    if (id !== undefined) return { id, height: heightOf(at) }
  }
  return undefined
}

type Id = Parameters<Chain['query']['receipt']>[0]
