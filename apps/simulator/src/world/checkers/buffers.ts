/** I9: what a node keeps in memory of what others send stays within its limits. */
import { limits } from '@wardline/codec'
import type { Buffers, Chain } from '@wardline/node'
import type { Report } from '../watch.ts'

/** Views behind the current one of which something is kept, the current one and the next. */
const VIEWS_MAX = 64 + 2
/** Headers of notarized blocks that are fetched before any of them is final. */
const FETCHED_MAX = 16
/** Notarize, nullify and finalize. */
const VOTES_OF_A_VIEW = 3

export function checkBuffers(chains: Iterable<Chain>, report: Report): void {
  for (const chain of chains) {
    const buffers = chain.buffers()
    const most = mostOf(chain)
    for (const name of Object.keys(most) as (keyof Buffers)[]) {
      if (buffers[name] > most[name]) report('I9', `${chain.self} keeps ${buffers[name]} of ${name}`)
    }
  }
}

function mostOf(chain: Chain): Buffers {
  const validators = chain.genesis.founders.length
  return {
    countedViews: VIEWS_MAX,
    proposals: VIEWS_MAX,
    headers: VIEWS_MAX + FETCHED_MAX,
    futureVotes: VOTES_OF_A_VIEW * validators,
    earlyMessages: 32,
    mempoolBytes: limits.mempoolBytesMax + limits.mempoolAccessBytesMax,
    outboxBytes: limits.outboxBytesMax,
    parkedBytes: limits.parkedBytesPerPeerMax
  }
}
