/** I9: what a node keeps in memory of what others send stays within its limits. */
import { limits } from '@wardline/codec'
import type { Chain } from '@wardline/node'
import type { Report } from '../watch.ts'

export function checkBuffers(chains: Iterable<Chain>, report: Report): void {
  for (const chain of chains) {
    const { transactions, bytes } = chain.status().mempool
    if (bytes > limits.mempoolBytesMax)
      report('I9', `${chain.self} keeps ${bytes} bytes of ${transactions} transactions`)
  }
}
